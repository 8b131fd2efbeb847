// Command cluster runs a real Kubernetes on this machine, for Soteria's tests
// and its demo. It needs no container registry and no container engine: every
// program is built from Go modules, every image from those programs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/lifecycle"
)

const usage = `Runs a real Kubernetes on this machine, for tests and the demo. Needs Debian and root.

  go run -C e2e/cluster . COMMAND

  up               start the cluster, or what of it does not run, and wait until it is ready
  down             stop it and remove all that it made, its data included
  second on        start the second node, tainted soteria.dev/second-node, and wait until it is ready
  second off       cut its power: what runs there ends at once, and nobody is told
  status           tell what runs
  kubectl ARGS     run kubectl as its administrator, in the root of the repository
  tool NAME        print the path of a program, built if need be, such as restic,
                   golangci-lint, kube-apiserver or etcd
  image [-tags T]  build Soteria's image as deploy/Dockerfile says, with build tags T
                   (default $SOTERIA_BUILD_TAGS), and import it as localhost/soteria:e2e
  images           import the helper images that are missing or changed
  kyverno          build Kyverno's image, import it as localhost/kyverno:e2e, and print the
                   path of Kyverno's own manifests, which refer to other images

All its state is in .cluster at the root of the repository; .cluster/kubeconfig is
the administrator's. Built programs are kept in $SOTERIA_CACHE, or the user's cache
folder. Commands may be repeated, also after a crash.
`

// timeout is how long a command may take, a first build included.
const timeout = time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(exitCode(err))
}

// errUsage is returned after usage was printed.
var errUsage = errors.New("wrong usage")

// exitCode tells what went wrong and returns the code to exit with: kubectl's
// own if kubectl failed, which has told why.
func exitCode(err error) int {
	var failed kubectlError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.As(err, &failed):
		return failed.ExitCode()
	}
	_, _ = fmt.Fprintln(os.Stderr, "cluster:", err)
	return 1
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return wrongUsage("no command")
	}
	command, args := args[0], args[1:]
	if command == "help" || command == "-h" || command == "--help" {
		_, err := fmt.Print(usage)
		return err
	}
	// Steps go to standard error where standard output is for the result.
	out := os.Stdout
	if command == "tool" || command == "kubectl" || command == "kyverno" {
		out = os.Stderr
	}
	cluster, err := lifecycle.New(ctx, ".", out)
	if err != nil {
		return err
	}
	if command == "kubectl" { // may follow a log for as long as the user likes
		return kubectl(ctx, cluster, args)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return dispatch(ctx, cluster, command, args)
}

// dispatch runs a command whose time is limited.
func dispatch(ctx context.Context, cluster *lifecycle.Cluster, command string, args []string) error {
	switch command {
	case "image":
		return image(ctx, cluster, args)
	case "tool":
		return tool(ctx, cluster, args)
	case "kyverno":
		return kyverno(ctx, cluster, args)
	case "second":
		return second(ctx, cluster, args)
	}
	plain := map[string]func(context.Context) error{
		"up":     cluster.Up,
		"down":   cluster.Down,
		"status": cluster.Status,
		"images": cluster.Images,
	}
	do, known := plain[command]
	if !known {
		return wrongUsage("no command is called " + command)
	}
	if len(args) != 0 {
		return wrongUsage(command + " takes no arguments")
	}
	return do(ctx)
}

func tool(ctx context.Context, cluster *lifecycle.Cluster, args []string) error {
	if len(args) != 1 {
		return wrongUsage("tool needs a name")
	}
	path, err := cluster.Tool(ctx, args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Println(path)
	return err
}

func kyverno(ctx context.Context, cluster *lifecycle.Cluster, args []string) error {
	if len(args) != 0 {
		return wrongUsage("kyverno takes no arguments")
	}
	manifests, err := cluster.Kyverno(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Println(manifests)
	return err
}

func second(ctx context.Context, cluster *lifecycle.Cluster, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "on":
		return cluster.SecondOn(ctx)
	case len(args) == 1 && args[0] == "off":
		return cluster.SecondOff(ctx)
	}
	return wrongUsage("second needs on or off")
}

// kubectlError is returned when kubectl ran and failed.
type kubectlError struct{ *exec.ExitError }

func kubectl(ctx context.Context, cluster *lifecycle.Cluster, args []string) error {
	client, err := cluster.Kubectl(ctx)
	if err != nil {
		return err
	}
	err = client.Attach(ctx, cluster.Layout.Repo, os.Stdin, os.Stdout, os.Stderr, args...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return kubectlError{failed}
	}
	return err
}

func image(ctx context.Context, cluster *lifecycle.Cluster, args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	tags := flags.String("tags", os.Getenv("SOTERIA_BUILD_TAGS"), "build tags, separated by commas")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	return cluster.Image(ctx, *tags)
}

func wrongUsage(what string) error {
	_, _ = fmt.Fprintf(os.Stderr, "cluster: %s\n\n%s", what, usage)
	return errUsage
}
