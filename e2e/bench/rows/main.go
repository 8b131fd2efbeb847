// Command rows reads what "go test -bench" prints, passes it on, and at its end prints
// the rows of the table that need no cluster: what was measured beside what is to be
// reached. It asserts nothing.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/soteria-dr/soteria/e2e/bench/table"
)

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "rows:", err)
		os.Exit(1)
	}
}

func report(in io.Reader, out io.Writer) error {
	seen := results{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := fmt.Fprintln(out, lines.Text()); err != nil {
			return err
		}
		seen.add(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the benchmarks: %w", err)
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	return table.Print(out, seen.rows())
}
