package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// median returns the middle one of what was measured; zero where nothing was.
func median(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}

// text writes a duration with three figures and its unit.
func text(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.3g ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await looks every 20 ms until something is so.
func await(ctx context.Context, what string, is func(context.Context) (bool, error)) error {
	const lookEvery = 20 * time.Millisecond
	for {
		done, err := is(ctx)
		if err == nil && done {
			return nil
		}
		if pause(ctx, lookEvery) != nil {
			return fmt.Errorf("waiting for %s: %w (%w)", what, ctx.Err(), err)
		}
	}
}

// sum adds up the samples of a metric in a scrape whose labels hold all of these, such
// as `code="409"`.
func sum(scrape, name string, labels ...string) float64 {
	var total float64
	for sample := range strings.Lines(scrape) {
		rest, found := strings.CutPrefix(sample, name)
		if !found || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		if slices.ContainsFunc(labels, func(label string) bool { return !strings.Contains(rest, label) }) {
			continue
		}
		fields := strings.Fields(rest)
		var value float64
		if _, err := fmt.Sscanf(fields[len(fields)-1], "%g", &value); err == nil {
			total += value
		}
	}
	return total
}
