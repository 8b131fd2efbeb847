package kopia_test

import (
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
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

func TestAClaimWhoseSnapshotsTheIndexLostIsInDoubt(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, other, then)
	d := in(t, r.Folder)
	known := kopiatest.Blobs(t, r.Folder, "x")
	id := r.Backup(t, claim, then)
	require.Equal(t, []string{id}, idsOf(listed(t, d), claim))
	lost := map[string][]byte{}
	for _, path := range kopiatest.Blobs(t, r.Folder, "x") {
		if !slices.Contains(known, path) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			lost[path] = text
			require.NoError(t, os.Remove(path))
		}
	}
	require.NotEmpty(t, lost)
	for name, lister := range map[string]driver.Lister{"one that has listed before": d, "another": in(t, r.Folder)} {
		for range 2 { // it stays so
			listing := listed(t, lister)
			assert.Empty(t, idsOf(listing, claim), name)
			assert.Len(t, idsOf(listing, other), 1, name)
			require.Contains(t, listing.Doubts, claim, name)
			assert.Contains(t, listing.Doubts[claim].Error(), id, name)
			assert.NotContains(t, listing.Doubts, other, name)
		}
	}
	for path, text := range lost {
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
	mended := listed(t, d)
	assert.Equal(t, []string{id}, idsOf(mended, claim))
	assert.Empty(t, mended.Doubts)
}

func TestEveryClaimIsInDoubtWhileAPackThatTheIndexLostCannotBeRead(t *testing.T) {
	r := kopiatest.New(t)
	known := kopiatest.Blobs(t, r.Folder, "x")
	packs := kopiatest.Blobs(t, r.Folder, "q")
	r.Backup(t, claim, then)
	for _, path := range kopiatest.Blobs(t, r.Folder, "x") {
		if !slices.Contains(known, path) {
			require.NoError(t, os.Remove(path))
		}
	}
	for _, path := range kopiatest.Blobs(t, r.Folder, "q") {
		if !slices.Contains(packs, path) {
			require.NoError(t, garbled(path))
		}
	}
	assert.Contains(t, listed(t, in(t, r.Folder)).Doubts, backup.Claim{})
}

func TestAClaimWhoseBackupIsRunningOrWasCutOffIsInDoubt(t *testing.T) {
	r := kopiatest.New(t)
	client := r.Connect(t, "data-backup", "apps")
	cmd := client.Command(t, "snapshot", "create", t.TempDir(), "--override-source", kopiatest.Source(claim), "--stdin-file", "stream")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = stdin.Write(noise(t, 64<<20)) // as much as makes Kopia write packs
	require.NoError(t, err)

	d := in(t, r.Folder)
	running := listed(t, d)
	assert.Empty(t, running.Backups)
	require.Contains(t, running.Doubts, claim)
	assert.Len(t, running.Doubts, 1)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Contains(t, listed(t, d).Doubts, claim)
}

func noise(t *testing.T, n int) []byte {
	t.Helper()
	text := make([]byte, n)
	_, err := rand.Read(text)
	require.NoError(t, err)
	return text
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

// s3 is where tests have a repository in S3.
func s3(server *restictest.Server) kopiatest.S3 {
	return kopiatest.S3{Host: server.Host, Bucket: restictest.Bucket, Prefix: "kopia/", AccessKey: restictest.AccessKey, SecretKey: restictest.SecretKey}
}

func s3Config(server *restictest.Server) kopia.Config {
	return kopia.Config{
		Endpoint: server.Host, Bucket: restictest.Bucket, Prefix: "kopia/", Password: secret.New(kopiatest.Password),
		AccessKey: secret.New(restictest.AccessKey), SecretKey: secret.New(restictest.SecretKey),
	}
}

func TestItListsAsADriverMustInS3(t *testing.T) {
	absent := restictest.StartS3(t)
	broken := func(change func(*kopia.Config)) func(*testing.T) driver.Lister {
		return func(t *testing.T) driver.Lister {
			server := restictest.StartS3(t)
			kopiatest.NewS3(t, s3(server)).Backup(t, claim, then)
			cfg := s3Config(server)
			change(&cfg)
			return with(t, cfg)
		}
	}
	drivertest.ListerSuite{
		New: func(t *testing.T) drivertest.Repository {
			server := restictest.StartS3(t)
			r := kopiatest.NewS3(t, s3(server))
			return drivertest.Repository{Lister: with(t, s3Config(server)), ID: r.ID, Add: func(t *testing.T, claim backup.Claim, takenAt time.Time) string {
				return r.Backup(t, claim, takenAt)
			}}
		},
		Absent: func(t *testing.T) driver.Lister { return with(t, s3Config(absent)) },
		Broken: map[string]func(*testing.T) driver.Lister{
			"a wrong password":       broken(func(c *kopia.Config) { c.Password = secret.New("wrong") }),
			"a wrong access key":     broken(func(c *kopia.Config) { c.AccessKey = secret.New("wrong") }),
			"a wrong secret key":     broken(func(c *kopia.Config) { c.SecretKey = secret.New("wrong") }),
			"a mistyped bucket":      broken(func(c *kopia.Config) { c.Bucket = "bakcups" }),
			"a mistyped prefix":      broken(func(c *kopia.Config) { c.Prefix = "kopai/" }),
			"a store that is not up": broken(func(c *kopia.Config) { c.Endpoint = "127.0.0.1:1" }),
		},
		Hangs: func(t *testing.T) driver.Lister {
			cfg := s3Config(absent)
			cfg.Endpoint = silent(t)
			return with(t, cfg)
		},
	}.Run(t)
}
