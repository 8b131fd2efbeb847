package kopia

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kopia/kopia/repo/blob"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/secret"
)

// counted counts what is asked of a store.
type counted struct {
	store
	lists, gets atomic.Int64
}

func (c *counted) ListBlobs(ctx context.Context, prefix blob.ID, each func(blob.Metadata) error) error {
	c.lists.Add(1)
	return c.store.ListBlobs(ctx, prefix, each)
}

func (c *counted) GetBlob(ctx context.Context, id blob.ID, offset, length int64, output blob.OutputBuffer) error {
	c.gets.Add(1)
	return c.store.GetBlob(ctx, id, offset, length, output)
}

func TestAListingCostsLittleWhileNothingChanges(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, backup.Claim{Namespace: "apps", Name: "data"}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r.Fill(t, 600)
	d, err := New(Config{Path: r.Folder, Password: secret.New(kopiatest.Password)})
	require.NoError(t, err)
	store := &counted{store: d.store}
	d.store = store
	for range 2 {
		store.lists.Store(0)
		store.gets.Store(0)
		listing := &drivertest.Listing{}
		_, err = d.List(t.Context(), listing)
		require.NoError(t, err)
		require.Len(t, listing.Backups, 601)
	}
	assert.EqualValues(t, 2, store.gets.Load(), "kopia.repository, before and after")
	assert.EqualValues(t, 7+4, store.lists.Load(), "sessions, four sorts of blobs of the index, two epochs; and what confirms them")
}
