package enforcer_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
)

func TestRetentionGoesOnOnceAPersonHasReviewedTheData(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 5)
	l := w.listings["restic"]
	l.Backups = slices.Clone(l.Backups)
	slices.SortFunc(l.Backups, backup.NewestFirst)
	l.Backups[2].Unreviewed = true
	w.listings["restic"] = l
	e := enforcer.New(enforcer.Config{
		Reader: w.cluster, Catalog: w, Events: w.events, Observer: w, MaxAge: 10 * time.Minute, ShrinkPercent: 50, Clock: w.clock,
		Pruners: map[string]driver.Pruner{"restic": w.drivers[0]}, Log: slog.New(slog.DiscardHandler),
		Unreviewed: func(context.Context, backup.Claim) error { return nil }, // a person has settled it
	})
	out, err := e.Enforce(t.Context(), cache, retention.Keep{Last: 2})
	require.NoError(t, err)
	require.NotEmpty(t, out.Removed)
}
