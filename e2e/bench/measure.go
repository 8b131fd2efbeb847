package main

import (
	"context"
	"fmt"
	"slices"
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
		if done {
			return err
		}
		if pause(ctx, lookEvery) != nil {
			return fmt.Errorf("waiting for %s: %w (%w)", what, ctx.Err(), err)
		}
	}
}
