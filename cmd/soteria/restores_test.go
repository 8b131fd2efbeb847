package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
)

type noExpectation struct{}

func (noExpectation) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (noExpectation) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (noExpectation) Held(context.Context) ([]string, error) { return nil, nil }

type unobserved struct{}

func (unobserved) Listed(string, time.Duration, int, error) {}
func (unobserved) Confirmed(string, time.Duration)          {}

// overviewsOf gives what a catalog of these drivers knows once all were listed.
func overviewsOf(t *testing.T, then func(*catalog.Catalog), listers ...driver.Lister) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		known := catalog.New(catalog.DefaultConfig(), listers, noExpectation{}, clock.RealClock{}, unobserved{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- known.Start(ctx) }()
		time.Sleep(time.Second) // of the bubble's clock
		then(known)
		stop()
		require.NoError(t, <-ended)
	})
}

func TestTheClaimsThatAreBackedUp(t *testing.T) {
	down := &mem.Fault{Err: backup.Errorf(backup.Unavailable, "connection refused")}
	lister := func(name string, claims ...string) *mem.Lister {
		l := mem.NewLister(name, "5e1f")
		for _, claim := range claims {
			l.Add(backup.Claim{Namespace: "media", Name: claim}, time.Unix(1, 0))
		}
		l.Add(backup.Claim{Namespace: "ai", Name: "cache"}, time.Unix(1, 0))
		return l
	}
	t.Run("are those of all drivers, each once", func(t *testing.T) {
		overviewsOf(t, func(known *catalog.Catalog) {
			claims, doubt, err := backedUp(known.Overviews(), "media")
			require.NoError(t, err)
			assert.Empty(t, doubt)
			assert.Equal(t, []backup.Claim{{Namespace: "media", Name: "books"}, {Namespace: "media", Name: "films"}, {Namespace: "media", Name: "photos"}}, claims)
		}, lister("restic", "photos", "books"), lister("longhorn", "photos", "films"))
	})
	t.Run("are those that are known while a driver was never listed, and that there may be more", func(t *testing.T) {
		broken := lister("longhorn", "films")
		broken.FailAlways(down)
		overviewsOf(t, func(known *catalog.Catalog) {
			claims, _, err := backedUp(known.Overviews(), "media")
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			assert.ErrorContains(t, err, "connection refused")
			assert.Equal(t, []backup.Claim{{Namespace: "media", Name: "photos"}}, claims)
		}, lister("restic", "photos"), broken)
	})
	t.Run("cannot be told before the first listing", func(t *testing.T) {
		_, _, err := backedUp([]catalog.Overview{{Driver: "restic"}}, "media")
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	})
	t.Run("are in doubt once listings fail", func(t *testing.T) {
		later := lister("restic", "photos")
		overviewsOf(t, func(known *catalog.Catalog) {
			later.FailAlways(down)
			time.Sleep(10 * time.Minute)
			claims, doubt, err := backedUp(known.Overviews(), "media")
			require.NoError(t, err)
			assert.Len(t, claims, 1)
			require.Len(t, doubt, 1)
			assert.Contains(t, doubt[0], "connection refused")
		}, later)
	})
}
