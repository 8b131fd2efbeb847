// Command treetool makes a tree of files that is hard to back up, and lists
// trees so that any difference between two of them shows: what a backup and
// restore must bring back, byte by byte and attribute by attribute.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/soteria-dr/soteria/e2e/tools/treetool/internal/listing"
	"github.com/soteria-dr/soteria/e2e/tools/treetool/internal/torture"
)

const usage = `Usage:
  treetool make [-seed N] [-sparse-size BYTES] DIR   make the torture tree in DIR, which is made if need be
  treetool list [-skip-root] [-lost+found] DIR       list DIR, one line for each entry
`

// errUsage is returned after usage was printed.
var errUsage = errors.New("wrong usage")

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "treetool:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errs io.Writer) error {
	if len(args) == 0 {
		_, _ = fmt.Fprint(errs, usage)
		return errUsage
	}
	flags := flag.NewFlagSet("treetool "+args[0], flag.ContinueOnError)
	flags.SetOutput(errs)
	switch args[0] {
	case "make":
		return makeTree(flags, args[1:], errs)
	case "list":
		return list(flags, args[1:], out, errs)
	}
	_, _ = fmt.Fprint(errs, usage)
	return errUsage
}

func makeTree(flags *flag.FlagSet, args []string, errs io.Writer) error {
	var options torture.Options
	flags.Uint64Var(&options.Seed, "seed", 0, "make other contents for another `number`")
	flags.Int64Var(&options.SparseSize, "sparse-size", torture.DefaultSparseSize, "size of the sparse file in `bytes`")
	dir, err := folder(flags, args, errs)
	if err != nil {
		return err
	}
	return torture.Make(dir, options)
}

func list(flags *flag.FlagSet, args []string, out, errs io.Writer) error {
	var options listing.Options
	flags.BoolVar(&options.SkipRoot, "skip-root", false, "leave out the folder itself")
	flags.BoolVar(&options.LostFound, "lost+found", false, "do not leave out lost+found in the folder")
	dir, err := folder(flags, args, errs)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	err = listing.Write(buffered, dir, options)
	return errors.Join(err, buffered.Flush())
}

// folder parses the arguments and returns the one that is not a flag.
func folder(flags *flag.FlagSet, args []string, errs io.Writer) (string, error) {
	if err := flags.Parse(args); err != nil {
		return "", errUsage
	}
	if flags.NArg() != 1 {
		_, _ = fmt.Fprint(errs, usage)
		return "", errUsage
	}
	return flags.Arg(0), nil
}
