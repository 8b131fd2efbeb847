package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report prints a line per step and remembers them for the summary.
type report struct {
	out   io.Writer
	began time.Time
	lines []line
}

type line struct {
	title, result string
	took          time.Duration
}

// step runs one step and prints what came of it.
func (r *report) step(ctx context.Context, title string, do func(context.Context) (result string, err error)) error {
	_, _ = fmt.Fprintf(r.out, "\n\033[1m▶ %s\033[0m\n", title)
	began := time.Now()
	result, err := do(ctx)
	took := time.Since(began).Round(100 * time.Millisecond)
	if err != nil {
		_, _ = fmt.Fprintf(r.out, "  failed after %s\n", took)
		return fmt.Errorf("%s: %w", title, err)
	}
	r.lines = append(r.lines, line{title: title, result: result, took: took})
	_, _ = fmt.Fprintf(r.out, "  %s (%s)\n", result, took)
	return nil
}

// show prints something to look at, indented.
func (r *report) show(text string) {
	_, _ = fmt.Fprintf(r.out, "  %s\n", text)
}

// summary prints all steps as a table.
func (r *report) summary() {
	_, _ = fmt.Fprintf(r.out, "\n\033[1mSummary, %s in all\033[0m\n", time.Since(r.began).Round(time.Second))
	table := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	for _, l := range r.lines {
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", l.title, l.took, l.result)
	}
	_ = table.Flush() // to a terminal; there is nobody to tell
}
