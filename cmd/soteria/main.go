// Command soteria backs PersistentVolumeClaims up and brings them back.
//
//	soteria                          serve: admission, restores, the HTTP API
//	soteria repository init          make the backup repository, once
//	soteria repository show          print the repository's identity
//	soteria repository accept ID     believe a repository that changed, or is empty
//	soteria repository accept --claim NAMESPACE/NAME
//	                                 believe that a claim's missing backups are gone
//	soteria repository forget DRIVER forget a backup system that is used no more
//	soteria mover ...                what runs inside Jobs; not for people
//	soteria version
//
// It is configured by environment variables, see the README. It exits with 2
// when they, or its arguments, are wrong, and with 1 when it failed. In the
// environment of a pvc-plumber it serves /exists as pvc-plumber does, and nothing
// else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/mover"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks errors that are the caller's: wrong arguments or a wrong
// configuration.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], environment(os.Environ()), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run dispatches to a subcommand and gives the exit code. It is main without
// the process: tests call it.
func run(ctx context.Context, args []string, env map[string]string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "mover":
		return mover.Run(ctx, args, mover.Process{Stdout: stdout, Stderr: stderr, TerminationLog: corev1.TerminationMessagePathDefault})
	case "serve":
		err = serve(ctx, args, env, stderr)
	case "repository":
		err = repository(ctx, args, env, stdout)
	case "version":
		_, err = fmt.Fprintln(stdout, version())
	default:
		err = fmt.Errorf("%w: soteria [serve | repository init|show|accept|forget | version], not %q", errUsage, command)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(stderr, err)
		return exitUsage
	default:
		_, _ = fmt.Fprintln(stderr, "soteria:", err)
		return exitFailed
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

func environment(entries []string) map[string]string {
	env := make(map[string]string, len(entries))
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}
