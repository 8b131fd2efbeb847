package kopia_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/secret"
)

// listed lists; it must succeed.
func listed(t testing.TB, lister driver.Lister) *drivertest.Listing {
	t.Helper()
	listing := &drivertest.Listing{}
	_, err := lister.List(context.Background(), listing)
	require.NoError(t, err)
	return listing
}

func idsOf(listing *drivertest.Listing, claim backup.Claim) []string {
	var ids []string
	for _, b := range listing.Backups {
		if b.Claim == claim {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

func TestABackupSaysAllThatTheSnapshotSays(t *testing.T) {
	r := kopiatest.New(t)
	id := r.Snapshot(t, kopiatest.Source(claim), then, "--tags", "why:move", "--description", "before the move")
	got := listed(t, in(t, r.Folder)).Backups
	require.Len(t, got, 1)
	assert.Len(t, id, 32)
	assert.Regexp(t, "^k[0-9a-f]+$", got[0].Locator, "the object that `kopia snapshot restore` takes")
	got[0].Locator = ""
	got[0].TakenAt = got[0].TakenAt.UTC()
	size := got[0].SizeBytes
	assert.Positive(t, size)
	assert.Equal(t, backup.Backup{
		Claim: claim, Driver: kopia.NameFS, ID: id, TakenAt: then, SizeBytes: size, DataBytes: size, Files: 2, Tags: []string{"why=move"},
	}, got[0])
}

func TestSnapshotsOfOthersAreLeftAlone(t *testing.T) {
	r := kopiatest.New(t)
	for _, source := range []string{
		"data-backup@other:/data", "data@apps:/data", "backup@apps:/data", "-backup@apps:/data", "root@node-1:/etc",
		"data-backup@not_a_namespace:/data", "Data_x-backup@apps:/data",
	} {
		r.Snapshot(t, source, then)
	}
	listing := listed(t, in(t, r.Folder))
	assert.Empty(t, idsOf(listing, claim))
	require.Len(t, listing.Backups, 1)
	assert.Equal(t, backup.Claim{Namespace: "other", Name: "data"}, listing.Backups[0].Claim)
	assert.Empty(t, listing.Doubts)
}

func TestWhateverThePathTheSnapshotIsTheClaims(t *testing.T) {
	r := kopiatest.New(t)
	first := r.Snapshot(t, "data-backup@apps:/data", then)
	second := r.Snapshot(t, "data-backup@apps:/mnt/elsewhere", then.Add(time.Hour))
	assert.ElementsMatch(t, []string{first, second}, idsOf(listed(t, in(t, r.Folder)), claim))
}

func TestADeletedSnapshotIsGoneAtTheNextListing(t *testing.T) {
	r := kopiatest.New(t)
	d := in(t, r.Folder)
	first, second := r.Backup(t, claim, then), r.Backup(t, claim, then.Add(time.Hour))
	assert.ElementsMatch(t, []string{first, second}, idsOf(listed(t, d), claim))
	r.Run(t, "snapshot", "delete", second, "--delete")
	assert.Equal(t, []string{first}, idsOf(listed(t, d), claim))
	r.Run(t, "snapshot", "delete", first, "--delete")
	listing := listed(t, d)
	assert.Empty(t, listing.Backups)
	assert.Empty(t, listing.Doubts)
}

func TestTheKeyIsDerivedInEveryWayThatKopiaHas(t *testing.T) {
	for _, way := range []string{kopiatest.ByPBKDF2, kopiatest.ByScrypt} {
		t.Run(way, func(t *testing.T) {
			r := kopiatest.NewWith(t, kopiatest.KeyBy, way)
			id := r.Backup(t, claim, then)
			assert.Equal(t, []string{id}, idsOf(listed(t, in(t, r.Folder)), claim))
			_, err := with(t, kopia.Config{Path: r.Folder, Password: secret.New("wrong")}).List(t.Context(), &drivertest.Listing{})
			assert.Equal(t, backup.Credentials, backup.KindOf(err), "%v", err)
		})
	}
}

func TestRepositoriesOfOlderFormatsAreRead(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		t.Run("format "+version, func(t *testing.T) {
			r := kopiatest.NewWith(t, kopiatest.KeyBy, kopiatest.ByPBKDF2, "--format-version="+version)
			d := in(t, r.Folder)
			assert.Empty(t, listed(t, d).Backups)
			first, second := r.Backup(t, claim, then), r.Backup(t, claim, then.Add(time.Hour))
			assert.ElementsMatch(t, []string{first, second}, idsOf(listed(t, d), claim))
			r.Run(t, "snapshot", "delete", first, "--delete")
			assert.Equal(t, []string{second}, idsOf(listed(t, d), claim))
		})
	}
}

func TestMaintenanceChangesNothing(t *testing.T) {
	r := kopiatest.New(t)
	d := in(t, r.Folder)
	var ids []string
	for n := range 20 { // more than Kopia leaves without tidying up
		ids = append(ids, r.Backup(t, claim, then.Add(time.Duration(n)*time.Hour)))
	}
	assert.ElementsMatch(t, ids, idsOf(listed(t, d), claim))
	r.Run(t, "snapshot", "delete", ids[0], "--delete")
	r.Run(t, "maintenance", "set", "--enable-full", "true", "--enable-quick", "true", "--owner", "me")
	r.Run(t, "maintenance", "run", "--full", "--safety", "none")
	for name, lister := range map[string]driver.Lister{"one that has listed before": d, "another": in(t, r.Folder)} {
		listing := listed(t, lister)
		assert.ElementsMatch(t, ids[1:], idsOf(listing, claim), name)
		assert.Empty(t, listing.Doubts, name)
	}
}

func TestAnotherRepositoryInItsPlaceHasAnotherIdentity(t *testing.T) {
	first, second := kopiatest.New(t), kopiatest.New(t)
	first.Backup(t, claim, then)
	folder := first.Copy(t)
	d := in(t, folder)
	listing := &drivertest.Listing{}
	id, err := d.List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, first.ID, id)

	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.CopyFS(folder, os.DirFS(second.Folder)))
	listing = &drivertest.Listing{}
	id, err = d.List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, second.ID, id)
	assert.Empty(t, listing.Backups)

	require.NoError(t, os.RemoveAll(folder))
	_, err = d.List(t.Context(), listing)
	assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err), "%v", err)
}

func TestAnotherPasswordCountsAtOnce(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, claim, then)
	file := filepath.Join(t.TempDir(), "password")
	d := with(t, kopia.Config{Path: r.Folder, PasswordFile: file})
	for _, step := range []struct {
		sentence, text string
		want           backup.Kind
	}{
		{"a missing file", "", backup.Credentials},
		{"the right password", kopiatest.Password + "\n", backup.Internal},
		{"a wrong password", "wrong", backup.Credentials},
		{"an empty file", "\n", backup.Credentials},
		{"the right password again", kopiatest.Password, backup.Internal},
	} {
		if step.text != "" {
			require.NoError(t, os.WriteFile(file, []byte(step.text), 0o600))
		}
		_, err := d.List(t.Context(), &drivertest.Listing{})
		if step.want == backup.Internal {
			require.NoError(t, err, step.sentence)
			continue
		}
		assert.Equal(t, step.want, backup.KindOf(err), "%s: %v", step.sentence, err)
		assert.NotContains(t, backup.Message(err), kopiatest.Password)
	}
}

func TestTheFolderIsOnlyRead(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, claim, then)
	require.NoError(t, os.Remove(filepath.Join(r.Folder, ".shards")), "a file that Kopia makes where it is missing")
	before := tree(t, r.Folder)
	d := in(t, r.Folder)
	_, err := d.List(t.Context(), &drivertest.Listing{})
	require.Error(t, err, "blobs are not found where they are by default")
	assert.Equal(t, before, tree(t, r.Folder))

	whole := kopiatest.New(t)
	id := whole.Backup(t, claim, then)
	require.NoError(t, filepath.WalkDir(whole.Folder, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			return os.Chmod(path, 0o555)
		}
		return os.Chmod(path, 0o444)
	}))
	before = tree(t, whole.Folder)
	d = in(t, whole.Folder)
	for range 3 {
		assert.Equal(t, []string{id}, idsOf(listed(t, d), claim))
	}
	assert.Equal(t, before, tree(t, whole.Folder))
}

// tree tells of every file and folder below a folder.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		found[path] = info.Mode().String() + " " + info.ModTime().String()
		return nil
	}))
	return found
}
