package cycle

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

// Run calls do at once and then again each time that the interval has passed since it
// returned, until ctx ends.
func Run(ctx context.Context, by clock.Clock, interval time.Duration, do func(context.Context)) {
	for {
		do(ctx)
		timer := by.NewTimer(interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}
