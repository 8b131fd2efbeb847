package loop

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/sparse"
)

// pauseCheck is how often a paused copy looks whether it may go on.
const pauseCheck = 100 * time.Millisecond

// step makes what a copy is slowed down, paused and reported with. pause is the fault that pauses it, and object what
// that fault is asked about.
func (l *Loop) step(volume string, pause fault.Kind, object string, report func(int)) sparse.Step {
	limiter := rate.NewLimiter(rate.Inf, 0)
	return func(ctx context.Context, bytes, percent int) error {
		for {
			hit, ok := l.Faults.Object(pause, object)
			if !ok || percent < hit.Percent {
				break
			}
			report(hit.Percent)
			if err := l.sleep(ctx, pauseCheck); err != nil {
				return err
			}
		}
		report(percent)
		perSecond := l.bytesPerSecond(volume)
		if perSecond == 0 {
			return ctx.Err()
		}
		limiter.SetLimit(rate.Limit(perSecond))
		limiter.SetBurst(max(bytes, 1))
		if err := limiter.WaitN(ctx, bytes); err != nil {
			return fmt.Errorf("hold to %d bytes per second: %w", perSecond, err)
		}
		return nil
	}
}

func (l *Loop) bytesPerSecond(volume string) int64 {
	if hit, ok := l.Faults.Object(fault.Throttle, volume); ok {
		return hit.BytesPerSecond
	}
	return l.BytesPerSecond
}

func (l *Loop) sleep(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.Clock.After(duration):
		return nil
	}
}
