package enforcer

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

// Wanted is what a policy wants kept of one claim.
type Wanted struct {
	Claim backup.Claim
	Keep  retention.Keep
}

// Rounds goes through all claims with a keep, again and again, and has what may go
// removed. One claim's trouble, which is told where it belongs, keeps no other
// waiting for longer than a driver may take.
type Rounds struct {
	Enforcer *Enforcer
	// Wanted gives all claims with a keep. An error skips the round.
	Wanted func(ctx context.Context) ([]Wanted, error)
	// Every is the rest before each round.
	Every time.Duration
	Clock clock.WithTicker
	Log   *slog.Logger
}

// NeedLeaderElection tells controller-runtime that the leader alone removes
// backups.
func (r *Rounds) NeedLeaderElection() bool { return true }

// Start goes round until ctx ends. It is controller-runtime's Runnable.
func (r *Rounds) Start(ctx context.Context) error {
	ticker := r.Clock.NewTicker(r.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			r.Go(ctx)
		}
	}
}

// Go goes round once.
func (r *Rounds) Go(ctx context.Context) {
	wanted, err := r.Wanted(ctx)
	if err != nil {
		r.Log.Error("no old backup is removed: it cannot be told which are to be kept", "error", err)
		return
	}
	for _, w := range wanted {
		if ctx.Err() != nil {
			return
		}
		if _, err := r.Enforcer.Enforce(ctx, w.Claim, w.Keep); err != nil {
			r.Log.Debug("old backups stay", "claim", w.Claim.String(), "error", err)
		}
	}
}
