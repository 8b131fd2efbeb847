package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/retention"
)

// blankLedger remembers nothing.
type blankLedger struct{}

func (blankLedger) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (blankLedger) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (blankLedger) Held(context.Context) ([]string, error) { return nil, nil }

func TestRetentionGoesByWhatTheCatalogKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := readConfig(valid(nil))
		require.NoError(t, err)
		scheme := runtime.NewScheme()
		require.NoError(t, addTypes(scheme))
		claim := backup.Claim{Namespace: "ai", Name: "cache"}
		lister := mem.NewLister("restic", "r")
		old, newest := lister.Add(claim, time.Now().Add(-time.Hour)), lister.Add(claim, time.Now())
		lister.SetDoubt(claim, backup.Errorf(backup.Unavailable, "half a backup"))
		measured := metrics.New(prometheus.NewRegistry())
		known := catalog.New(catalog.DefaultConfig(), []driver.Lister{lister}, blankLedger{}, clock.RealClock{}, measured)
		e := newEnforcer(c, fake.NewClientBuilder().WithScheme(scheme).Build(), events.NewFakeRecorder(9), known,
			&backends{pruners: map[string]driver.Pruner{"restic": lister}}, nil, measured, slog.New(slog.DiscardHandler))
		keep := retention.Keep{Last: 1}

		outcome, err := e.Enforce(t.Context(), claim, keep)
		require.NoError(t, err)
		assert.Empty(t, outcome, "before the first listing nothing is known")

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = known.Start(ctx)
		}()
		synctest.Wait()
		_, err = e.Enforce(t.Context(), claim, keep)
		assert.ErrorContains(t, err, "half a backup")

		lister.SetDoubt(claim, nil)
		time.Sleep(c.RefreshInterval)
		synctest.Wait()
		outcome, err = e.Enforce(t.Context(), claim, keep)
		require.NoError(t, err)
		require.Len(t, outcome.Removed, 1)
		assert.Equal(t, old.ID, outcome.Removed[0].ID)

		synctest.Wait()
		of := known.Overviews()[0].Of(claim)
		require.Len(t, of, 1, "it was listed again at once")
		assert.Equal(t, newest.ID, of[0].ID)
		cancel()
		<-ended
	})
}
