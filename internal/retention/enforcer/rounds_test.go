package enforcer_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
)

func TestRoundsGoOnWhateverOneOfThemMeets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var asked atomic.Int32
		rounds := &enforcer.Rounds{
			Wanted: func(context.Context) ([]enforcer.Wanted, error) {
				asked.Add(1)
				return nil, errors.New("the policies cannot be read")
			},
			Every: 5 * time.Minute, Clock: clock.RealClock{}, Log: slog.New(slog.DiscardHandler),
		}
		ended := make(chan error)
		go func() { ended <- rounds.Start(ctx) }()
		time.Sleep(4 * time.Minute)
		assert.Zero(t, asked.Load(), "the first round comes after a rest, when all was listed")
		time.Sleep(12 * time.Minute)
		assert.EqualValues(t, 3, asked.Load())
		cancel()
		assert.NoError(t, <-ended)
		assert.True(t, rounds.NeedLeaderElection())
	})
}

func TestARoundDealsWithEveryClaimThoughOneFails(t *testing.T) {
	w := newWorld(t)
	ids := w.backups(w.drivers[0], 3)
	rounds := &enforcer.Rounds{
		Enforcer: w.Enforcer, Log: slog.New(slog.DiscardHandler),
		Wanted: func(context.Context) ([]enforcer.Wanted, error) {
			return []enforcer.Wanted{
				{Claim: backup.Claim{Namespace: "ai", Name: "broken"}, Keep: retention.Keep{Daily: -1}},
				{Claim: cache, Keep: retention.Keep{Last: 1}},
			}, nil
		},
	}
	rounds.Go(t.Context())
	assert.Equal(t, ids[:1], w.left(w.drivers[0]))
	rounds.Go(t.Context())
	assert.Equal(t, ids[:1], w.left(w.drivers[0]), "another round changes nothing")
}
