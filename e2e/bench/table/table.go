// Package table prints what benchmarks measured beside what is to be reached.
package table

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// Row is one thing that was measured.
type Row struct {
	// What is measured, and Now what it was.
	What, Now string
	// Limit is what nothing can be better than, or what a peer needs, and Goal what is
	// to be reached; "" where there is none.
	Limit, Goal string
	// Met reports whether the goal is reached; nil where that is not for a program to
	// tell.
	Met *bool
}

// Is returns whether a goal is reached, for [Row.Met].
func Is(met bool) *bool { return &met }

// Failed is the row of what could not be measured.
func Failed(what string, err error) Row {
	return Row{What: what, Now: "not measured: " + err.Error()}
}

func (r Row) cells() []string {
	met := "–"
	if r.Met != nil {
		met = map[bool]string{true: "yes", false: "no"}[*r.Met]
	}
	dash := func(text string) string { return cmp.Or(text, "–") }
	return []string{dash(r.What), dash(r.Now), dash(r.Limit), dash(r.Goal), met}
}

// Print writes rows as a table of Markdown that can be read as it is.
func Print(w io.Writer, rows []Row) error {
	table := [][]string{{"what", "now", "limit or peer", "goal", "met"}}
	for _, row := range rows {
		cells := row.cells()
		for i := range cells {
			cells[i] = strings.NewReplacer("\n", " ", "|", "\\|").Replace(cells[i])
		}
		table = append(table, cells)
	}
	widths := make([]int, len(table[0]))
	for _, cells := range table {
		for i, cell := range cells {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for n, cells := range table {
		if err := printLine(w, cells, widths); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		rule := make([]string, len(widths))
		for i, width := range widths {
			rule[i] = strings.Repeat("-", width)
		}
		if err := printLine(w, rule, widths); err != nil {
			return err
		}
	}
	return nil
}

func printLine(w io.Writer, cells []string, widths []int) error {
	var line strings.Builder
	for i, cell := range cells {
		fmt.Fprintf(&line, "| %s%s ", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
	}
	_, err := fmt.Fprintln(w, line.String()+"|")
	return err
}
