package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
)

const (
	// timeout is how long all of it may take, the first build of everything included.
	timeout = 2 * time.Hour
	// lineTimeout is how long one line may take, with what it needs made first.
	lineTimeout = 25 * time.Minute
)

func main() {
	only := flag.String("only", "", "measure the lines alone whose names match this regular expression")
	flag.Parse()
	harness.Main("bench", timeout, func(ctx context.Context) error { return run(ctx, *only) })
}

// line is one measurement. One that fails is a row of its own, and the others go on.
type line struct {
	name    string
	measure func(context.Context, *bench) ([]table.Row, error)
}

// alone are measured with restic alone, and together with Longhorn configured, too.
var (
	alone = []line{
		{"proof", proofs},
		{"create", creations},
		{"unchanged", unchanged},
		{"restore", restoreOfOneFile},
		{"mover", moverBesideRestic},
		{"herd", herd},
	}
	together = []line{
		{"longhorn-proof", longhornProof},
		{"create-both", creations},
		{"restore-both", restoreOfOneFile},
		{"idle", idle},
	}
)

func run(ctx context.Context, only string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	b, end, err := begin(ctx)
	if err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	defer end()
	rows := b.measureAll(ctx, alone, chosen)
	if err := b.useLonghorn(ctx); err != nil {
		rows = append(rows, table.Failed("all with Longhorn configured", err))
	} else {
		rows = append(rows, b.measureAll(ctx, together, chosen)...)
	}
	return table.Print(os.Stdout, rows)
}

func (b *bench) measureAll(ctx context.Context, lines []line, chosen *regexp.Regexp) []table.Row {
	var rows []table.Row
	for _, l := range lines {
		if !chosen.MatchString(l.name) || ctx.Err() != nil {
			continue
		}
		b.say("measuring %s", l.name)
		b.far.Delay(0)
		bounded, cancel := context.WithTimeout(ctx, lineTimeout)
		measured, err := l.measure(bounded, b)
		cancel()
		rows = append(rows, measured...)
		if err != nil {
			rows = append(rows, table.Failed(l.name, err))
		}
	}
	b.far.Delay(0)
	return rows
}
