package longhorn_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

// watching is a watch of a test, and how often it noticed a change.
type watching struct {
	noticed atomic.Int64
	ended   chan error
}

func watch(t *testing.T, d *longhorn.Driver) *watching {
	t.Helper()
	w := &watching{ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	began := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.ended <- d.Watch(ctx, func() { close(began) }, func() { w.noticed.Add(1) })
	}()
	t.Cleanup(func() { stop(); <-done })
	select {
	case <-began:
	case err := <-w.ended:
		require.NoError(t, err)
	}
	return w
}

func (w *watching) notices(t *testing.T, what string) {
	t.Helper()
	before := w.noticed.Swap(0)
	require.Eventually(t, func() bool { return before+w.noticed.Load() > 0 }, time.Minute, 5*time.Millisecond, what)
}

func TestEachChangeOfLonghornsBackupsIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	d := w.driver(t, "a")
	list(t, d)
	seen := watch(t, d)

	w.Store(stored("pvc-1", "backup-2", hour(1), ours(plex)))
	list(t, d)
	seen.notices(t, "a backup that another cluster made")
	w.Delete("backup-2")
	seen.notices(t, "a backup that is being deleted")
	w.SetTarget("second", "nfs://other.lan:/export/lh", "")
	seen.notices(t, "a target that is elsewhere")
	w.SetTarget("second", "nfs://other.lan:/export/lh", "mount.nfs: Connection timed out")
	seen.notices(t, "a target that is not available")
}

func TestASyncThatFindsNothingIsNoChange(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	d := w.driver(t, "a")
	list(t, d)
	seen := watch(t, d)
	list(t, d) // which has Longhorn sync
	list(t, d)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	require.Eventually(t, func() bool { return seen.noticed.Load() > 0 }, time.Minute, 5*time.Millisecond, "what came after the syncs")
	assert.LessOrEqual(t, seen.noticed.Load(), int64(2), "it comes, and becomes available; two syncs changed three objects each")
}

func TestAWatchThatEndsSaysSo(t *testing.T) {
	w := newWorld(t)
	seen := watch(t, w.driver(t, "a"))
	w.EndWatches()
	require.ErrorContains(t, <-seen.ended, "watching Longhorn's")

	nowhere := w.driver(t, "a", func(c *longhorn.Config) { c.Namespace = "elsewhere" })
	require.Error(t, nowhere.Watch(t.Context(), func() { assert.Fail(t, "nothing is noticed") }, func() {}))
}
