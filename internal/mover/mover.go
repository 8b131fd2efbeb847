package mover

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// Exit statuses. The result says more.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Process is what a mover has of the process that it is.
type Process struct {
	// Stdout takes progress, Stderr what restic and the mover say to people.
	Stdout io.Writer
	Stderr io.Writer
	// TerminationLog is the file that takes the result; in a pod it is
	// /dev/termination-log.
	TerminationLog string
	// Clock is the time; nil is the real one.
	Clock clock.PassiveClock
	// Ticks paces the look at whether a backup moves anything; nil is the real clock.
	Ticks clock.WithTicker

	// senses watch a backup; nil where nothing does.
	senses *senses
	// moved is the progress that was printed last; nil where no one needs it.
	moved *atomic.Pointer[report.Progress]
}

// work is what a subcommand does once its flags are read. It records what
// happened in the result, an error included if it returns none for it.
type work func(ctx context.Context, p Process, result *report.Result) error

// Run runs `soteria mover <args>` and returns the process's exit status. When
// ctx ends (SIGTERM), restic is told so and has time to give up its lock.
func Run(ctx context.Context, args []string, p Process) int {
	if p.Clock == nil {
		p.Clock = clock.RealClock{}
	}
	if len(args) > 0 && args[0] == pulse.Action {
		return probe(args[1:], p)
	}
	parsers := map[string]func(*flag.FlagSet, []string) (work, error){
		"install": parseInstall, "backup": parseBackup, "restore": parseRestore, "blank": parseBlank, "copy": parseCopy,
		"remember": parseRemember,
	}
	action := ""
	if len(args) > 0 {
		action = args[0]
	}
	parse, known := parsers[action]
	if !known {
		fmt.Fprintf(p.Stderr, "soteria mover: %q is none of install, backup, restore, copy, blank and remember\n", action)
		return exitUsage
	}
	flags := flag.NewFlagSet("soteria mover "+action, flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	do, err := parse(flags, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return exitUsage
	}
	result := report.Result{Action: action}
	if err != nil {
		result.Fail(backup.Errorf(backup.Invalid, "soteria mover %s: %w", action, err))
		p.leave(result)
		return exitUsage
	}
	began := p.Clock.Now()
	if err := do(ctx, p, &result); err != nil {
		result.Fail(err)
	}
	result.Seconds = p.Clock.Since(began).Seconds()
	p.leave(result)
	if result.Failed() {
		return exitFailed
	}
	return exitDone
}

// probe reads `pulse <flags>` and fails where the mover beside it moves nothing. It
// leaves no result, which would take the place of that mover's.
func probe(args []string, p Process) int {
	flags := flag.NewFlagSet("soteria mover "+pulse.Action, flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	scratch := flags.String("scratch", "", "the `folder` of the mover to ask about")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	quiet, isQuiet := pulse.Look(*scratch, p.Clock.Now())
	if !isQuiet {
		return exitDone
	}
	fmt.Fprintln(p.Stdout, quiet)
	return exitFailed
}

// leave writes the result where the kubelet picks it up, and for people into
// the log.
func (p Process) leave(result report.Result) {
	encoded := result.Encode()
	fmt.Fprintf(p.Stdout, "%s\n", encoded)
	if result.Failed() {
		fmt.Fprintf(p.Stderr, "soteria mover %s failed: %s\n", result.Action, result.Error)
	}
	if p.TerminationLog == "" {
		return
	}
	// The kubelet mounts the file; it is there already and is not made here.
	if err := os.WriteFile(p.TerminationLog, encoded, 0o600); err != nil {
		fmt.Fprintf(p.Stderr, "soteria mover: leaving the result: %v\n", err)
	}
}

// require reports the flags that were not given a value.
func require(flags *flag.FlagSet, names ...string) error {
	var missing []string
	for _, name := range names {
		if flags.Lookup(name).Value.String() == "" {
			missing = append(missing, "--"+name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("needs %s", strings.Join(missing, ", "))
	}
	return nil
}
