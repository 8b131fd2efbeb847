package kopia

import (
	"context"
	"os"
	"path/filepath"
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

var (
	shop = backup.Claim{Namespace: "shop", Name: "db"}
	june = time.Date(2026, 6, 1, 2, 3, 4, 0, time.UTC)
)

// confirmed is a driver on a repository, with what its store is asked.
type confirmed struct {
	*kopiatest.Repository
	*Driver
	asked *counted
}

func newConfirmed(t *testing.T) confirmed {
	t.Helper()
	r := kopiatest.New(t)
	d, err := New(Config{Path: r.Folder, Password: secret.New(kopiatest.Password)})
	require.NoError(t, err)
	asked := &counted{store: d.store}
	d.store = asked
	return confirmed{r, d, asked}
}

func (c confirmed) list(t *testing.T) drivertest.Listing {
	t.Helper()
	var listing drivertest.Listing
	_, err := c.List(t.Context(), &listing)
	require.NoError(t, err)
	return listing
}

func (c confirmed) confirms(t *testing.T, mark string) bool {
	t.Helper()
	c.asked.lists.Store(0)
	c.asked.gets.Store(0)
	is, err := c.Confirm(t.Context(), mark)
	require.NoError(t, err)
	assert.EqualValues(t, len(changing), c.asked.lists.Load())
	assert.EqualValues(t, 1, c.asked.gets.Load(), "kopia.repository")
	return is
}

func TestAListingIsConfirmedByTheNamesOfTheIndexUntilASnapshotComesOrGoes(t *testing.T) {
	c := newConfirmed(t)
	first := c.Backup(t, shop, june)
	mark := c.list(t).Marked
	require.NotEmpty(t, mark)
	assert.True(t, c.confirms(t, mark))
	assert.False(t, c.confirms(t, ""))
	assert.False(t, c.confirms(t, "another"))
	assert.Equal(t, mark, c.list(t).Marked)

	second := c.Backup(t, shop, june.Add(time.Hour))
	assert.False(t, c.confirms(t, mark))
	listing := c.list(t)
	assert.Len(t, listing.Backups, 2)
	assert.True(t, c.confirms(t, listing.Marked))

	c.Run(t, "snapshot", "delete", second, "--delete")
	assert.False(t, c.confirms(t, listing.Marked))
	listing = c.list(t)
	require.Len(t, listing.Backups, 1)
	assert.Equal(t, first, listing.Backups[0].ID)
	assert.True(t, c.confirms(t, listing.Marked))
}

func TestARepositoryThatIsNotThereOrAnotherIsNotConfirmed(t *testing.T) {
	c := newConfirmed(t)
	c.Backup(t, shop, june)
	mark := c.list(t).Marked
	description := filepath.Join(c.Folder, "kopia.repository.f")
	was, err := os.ReadFile(description)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(description, append(was, '\n'), 0o600))
	assert.False(t, c.confirms(t, mark), "kopia.repository has other bytes")
	require.NoError(t, os.WriteFile(description, was, 0o600))
	assert.True(t, c.confirms(t, mark))

	index := kopiatest.Blobs(t, c.Folder, "x")[0]
	content, err := os.ReadFile(index)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(index, 20))
	assert.False(t, c.confirms(t, mark), "a blob of the index has another size")
	require.NoError(t, os.WriteFile(index, content, 0o600))
	assert.True(t, c.confirms(t, mark))

	d, err := New(Config{Path: c.Folder, Password: secret.New(kopiatest.Password)})
	require.NoError(t, err)
	is, err := d.Confirm(t.Context(), mark)
	require.NoError(t, err)
	assert.False(t, is, "this process has read nothing")

	c.cfg.Password = secret.New("another")
	assert.False(t, c.confirms(t, mark), "the password has changed")
	c.cfg.Password = secret.New(kopiatest.Password)
	require.NoError(t, os.Rename(c.Folder, c.Folder+"-aside"))
	_, err = c.Confirm(t.Context(), mark)
	require.Error(t, err, "the volume is not mounted")
}

// partly leaves index blobs out of the lists that kopia asks for, once the driver has
// looked at all of them.
type partly struct{ store }

func (p partly) ListBlobs(ctx context.Context, prefix blob.ID, each func(blob.Metadata) error) error {
	if prefix != epoch && len(prefix) > 1 && prefix[0] == 'x' {
		return nil
	}
	return p.store.ListBlobs(ctx, prefix, each)
}

func TestAListingOfAStoreThatListsInPartHasNoMark(t *testing.T) {
	c := newConfirmed(t)
	c.Backup(t, shop, june)
	c.list(t)
	names, err := look(t.Context(), c.store)
	require.NoError(t, err)
	ctx, done := c.open.view.during(t.Context())
	defer done()
	assert.False(t, c.open.view.read(names), "kopia asked for nothing yet")
	c.open.view.store = partly{c.store}
	require.NoError(t, c.open.view.ListBlobs(ctx, "xn", func(blob.Metadata) error { return nil }))
	assert.False(t, c.open.view.read(names), "kopia was told less")
	c.open.view.store = c.store
	require.NoError(t, c.open.view.ListBlobs(ctx, "xn", func(blob.Metadata) error { return nil }))
	assert.True(t, c.open.view.read(names))
}
