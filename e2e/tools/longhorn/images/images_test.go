package images_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/images"
)

const size = 8 << 20

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *images.Images {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	store, err := images.Open(root)
	require.NoError(t, err)
	return store
}

// written is a store with one volume, and what is in its image.
func written(t *testing.T) (*images.Images, string) {
	t.Helper()
	dir := t.TempDir()
	store := open(t, dir)
	require.NoError(t, store.Create("vol", size))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "volumes", "vol.img"), []byte("before"), 0o600))
	return store, dir
}

func TestAVolumeIsAFileOfItsSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, dir)
	_, err := store.Size("vol")
	require.ErrorIs(t, err, images.ErrNotFound)

	require.NoError(t, store.Create("vol", size))

	got, err := store.Size("vol")
	require.NoError(t, err)
	require.EqualValues(t, size, got)
	require.FileExists(t, filepath.Join(dir, "volumes", "vol.img"))
}

func TestAVolumeIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	store, dir := written(t)
	require.NoError(t, store.Create("vol", size))
	content, err := os.ReadFile(filepath.Join(dir, "volumes", "vol.img"))
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
}

func TestAVolumeOnlyGrows(t *testing.T) {
	t.Parallel()
	store := open(t, t.TempDir())
	require.NoError(t, store.Create("vol", size))
	require.NoError(t, store.Grow("vol", 2*size))
	require.NoError(t, store.Grow("vol", size))
	got, err := store.Size("vol")
	require.NoError(t, err)
	require.EqualValues(t, 2*size, got)
	require.ErrorIs(t, store.Grow("other", size), images.ErrNotFound)
}

func TestASnapshotKeepsWhatTheVolumeHeld(t *testing.T) {
	t.Parallel()
	store, dir := written(t)
	require.NoError(t, store.Snapshot(t.Context(), "vol", "snap", noon))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "volumes", "vol.img"), []byte("after"), 0o600))
	require.NoError(t, store.Snapshot(t.Context(), "vol", "snap", noon), "a second time changes nothing")

	file, err := store.OpenSnapshot("vol", "snap")
	require.NoError(t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
	info, err := file.Stat()
	require.NoError(t, err)
	require.WithinDuration(t, noon, info.ModTime(), 0)
}

func TestNothingIsLeftOfARemovedVolume(t *testing.T) {
	t.Parallel()
	store, dir := written(t)
	require.NoError(t, store.Snapshot(t.Context(), "vol", "snap", noon))

	require.NoError(t, store.Remove("vol"))
	require.NoError(t, store.Remove("vol"))

	names, err := store.Volumes()
	require.NoError(t, err)
	require.Empty(t, names)
	_, err = store.OpenSnapshot("vol", "snap")
	require.ErrorIs(t, err, images.ErrNotFound)
	require.NoDirExists(t, filepath.Join(dir, "snapshots", "vol"))
}

func TestASnapshotIsRemovedAlone(t *testing.T) {
	t.Parallel()
	store, _ := written(t)
	require.NoError(t, store.Snapshot(t.Context(), "vol", "one", noon))
	require.NoError(t, store.Snapshot(t.Context(), "vol", "two", noon))

	require.NoError(t, store.RemoveSnapshot("vol", "one"))

	_, err := store.OpenSnapshot("vol", "one")
	require.ErrorIs(t, err, images.ErrNotFound)
	file, err := store.OpenSnapshot("vol", "two")
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestAFailedFillLeavesNothing(t *testing.T) {
	t.Parallel()
	store := open(t, t.TempDir())
	fail := errors.New("the store is gone")

	err := store.Fill("vol", func(file *os.File) error {
		require.NoError(t, file.Truncate(size))
		return fail
	})

	require.ErrorIs(t, err, fail)
	names, err := store.Volumes()
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestWhatACrashLeftUnfinishedIsRemoved(t *testing.T) {
	t.Parallel()
	_, dir := written(t)
	unfinished := filepath.Join(dir, "volumes", ".other.img")
	require.NoError(t, os.WriteFile(unfinished, nil, 0o600))

	store := open(t, dir)

	require.NoFileExists(t, unfinished)
	names, err := store.Volumes()
	require.NoError(t, err)
	require.Equal(t, []string{"vol"}, names)
}
