package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// pollEvery is how often a condition that cannot be waited for is looked at.
const pollEvery = 20 * time.Millisecond

// Stop asks the processes to end and waits; those that still run when the
// grace is over are killed. It returns when none of them runs.
func Stop(ctx context.Context, grace time.Duration, ids ...Identity) error {
	if err := signalAll(ids, syscall.SIGTERM); err != nil {
		return err
	}
	soft, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if awaitGone(soft, ids) == nil {
		return nil
	}
	return Kill(ctx, ids...)
}

// Kill kills the processes and waits until none of them runs.
func Kill(ctx context.Context, ids ...Identity) error {
	if err := signalAll(ids, syscall.SIGKILL); err != nil {
		return err
	}
	return awaitGone(ctx, ids)
}

func signalAll(ids []Identity, sig syscall.Signal) error {
	var errs []error
	for _, id := range ids {
		if err := id.Signal(sig); err != nil && !errors.Is(err, ErrGone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func awaitGone(ctx context.Context, ids []Identity) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for _, id := range ids {
		for id.Alive() {
			select {
			case <-ctx.Done():
				return fmt.Errorf("process %d still runs: %w", id.PID, ctx.Err())
			case <-tick.C:
			}
		}
	}
	return nil
}
