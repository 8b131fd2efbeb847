package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(when time.Time) func() time.Time {
	return func() time.Time { return when }
}

func quietly(context.Context, int, int) error { return nil }

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	opened, err := store.Open(root)
	require.NoError(t, err)
	return opened
}

func image(t *testing.T, content string) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "image"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	_, err = file.WriteString(content)
	require.NoError(t, err)
	return file
}

func put(t *testing.T, s *store.Store, backup store.Backup, created time.Time) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), "default", backup, image(t, "bytes of "+backup.Name), at(created), quietly))
}

func TestABackupComesBackAsItWentIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := store.Backup{
		Name: "backup-1", Volume: "vol", Snapshot: "snap", Labels: map[string]string{"a": "b"}, StorageClass: "longhorn",
		VolumeSize: 1 << 20, Mode: "full", VolumeCreated: noon.Add(-time.Hour), SnapshotCreated: noon,
	}
	put(t, open(t, dir), first, noon.Add(time.Minute))

	// Another process, after everything else was lost.
	s := open(t, dir)
	got, err := s.Get("default", "vol", "backup-1")
	require.NoError(t, err)
	want := first
	want.Created, want.Bytes = noon.Add(time.Minute), int64(len("bytes of backup-1"))
	require.Equal(t, want, got)

	file := image(t, "")
	require.NoError(t, s.Fetch(t.Context(), "default", "vol", "backup-1", file, quietly))
	content, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Equal(t, "bytes of backup-1", string(content))
}

func TestATargetThatWasNeverWrittenToIsEmpty(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	volumes, err := s.Volumes("default")
	require.NoError(t, err)
	require.Empty(t, volumes)
	_, err = s.Volume("default", "vol")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Get("default", "vol", "backup")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Fetch(t.Context(), "default", "vol", "backup", image(t, ""), quietly), store.ErrNotFound)
}

func TestAVolumeIsKnownByItsLastUpload(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, store.Backup{Name: "slow", Volume: "vol", SnapshotCreated: noon.Add(-time.Hour)}, noon.Add(time.Minute))
	put(t, s, store.Backup{Name: "quick", Volume: "vol", SnapshotCreated: noon}, noon)

	volume, err := s.Volume("default", "vol")

	require.NoError(t, err)
	require.Equal(t, "slow", volume.Last.Name, "the upload that ended last, whatever it holds")
	require.EqualValues(t, len("bytes of slow")+len("bytes of quick"), volume.Bytes)
}

func TestAVolumeOutlivesItsBackups(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, store.Backup{Name: "one", Volume: "vol"}, noon)

	require.NoError(t, s.Remove("default", "vol", "one"))
	require.NoError(t, s.Remove("default", "vol", "one"))

	volume, err := s.Volume("default", "vol")
	require.NoError(t, err)
	require.Nil(t, volume.Last)

	require.NoError(t, s.RemoveVolume("default", "vol"))
	volumes, err := s.Volumes("default")
	require.NoError(t, err)
	require.Empty(t, volumes)
}

func TestAnUploadThatFailsLeavesNoBackup(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	fail := errors.New("the line is dead")

	err := s.Put(t.Context(), "default", store.Backup{Name: "one", Volume: "vol"}, image(t, "x"), at(noon),
		func(context.Context, int, int) error { return fail })

	require.ErrorIs(t, err, fail)
	backups, err := s.Backups("default", "vol")
	require.NoError(t, err)
	require.Empty(t, backups)
}

func TestWhatACrashLeftUnfinishedIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, dir), store.Backup{Name: "one", Volume: "vol"}, noon)
	unfinished := filepath.Join(dir, "default", "vol", ".two")
	require.NoError(t, os.MkdirAll(unfinished, 0o750))

	s := open(t, dir)

	require.NoDirExists(t, unfinished)
	backups, err := s.Backups("default", "vol")
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, backups)
}

func TestARecordThatCannotBeReadIsNoAbsence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, store.Backup{Name: "one", Volume: "vol"}, noon)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "default", "vol", "one", "backup.json"), []byte("{"), 0o600))

	_, err := s.Get("default", "vol", "one")
	require.ErrorContains(t, err, "read the record")
	_, err = s.Volume("default", "vol")
	require.ErrorContains(t, err, "read the record")
}
