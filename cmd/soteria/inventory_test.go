package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/metrics"
)

var photos = backup.Claim{Namespace: "media", Name: "photos"}

var errRefused = backup.Errorf(backup.Unavailable, "connection refused")

// shelf is a repository of one backup, which can be listed once.
type shelf struct{ listed int }

func (*shelf) Name() string { return "restic" }

func (s *shelf) List(_ context.Context, into driver.Listing) (string, error) {
	into.Backup(backup.Backup{Claim: photos, ID: "0123456789abcdef", TakenAt: time.Now()})
	if s.listed++; s.listed > 1 {
		return "", errRefused
	}
	return "5e1f", nil
}

type forgetful struct{}

func (forgetful) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (forgetful) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (forgetful) Held(context.Context) ([]string, error) { return nil, nil }

func TestTheInventoryHearsOfEachListingOnceItCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known *catalog.Catalog
		var heard atomic.Int32
		observer := listingObserver{metrics.New(prometheus.NewRegistry()), func() {
			heard.Add(1)
			listings := listingsOf(known)()
			require.Len(t, listings, 1)
			assert.Equal(t, "restic", listings[0].Driver)
			assert.Len(t, listings[0].Found.Of(photos), 1)
			assert.Equal(t, heard.Load() > 1, errors.Is(listings[0].Failure, errRefused))
		}}
		known = catalog.New(catalog.DefaultConfig(), []driver.Lister{&shelf{}}, forgetful{}, clock.RealClock{}, observer)
		assert.True(t, listingsOf(known)()[0].ListedAt.IsZero(), "nothing was listed yet")

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- known.Start(ctx) }()
		synctest.Wait()
		assert.Equal(t, int32(1), heard.Load())
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.Equal(t, int32(2), heard.Load(), "also of one that failed")
		stop()
		require.NoError(t, <-ended)
	})
}
