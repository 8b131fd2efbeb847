package restic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testclock "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// onS3 is a repository on an S3 server with a driver whose runs of restic are written
// down.
type onS3 struct {
	restictest.Repository
	driver *restic.Driver
	server *restictest.Server
	runs   string
	id     string
}

func newOnS3(t *testing.T) onS3 {
	t.Helper()
	r := onS3WithoutDriver(t)
	r.driver = newDriver(t, wrapped(t, r.Restic, `echo "$*" >>`+r.runs+`; exec "$RESTIC" "$@"`), r.Address, fullSecret())
	return r
}

func onS3WithoutDriver(t *testing.T) onS3 {
	t.Helper()
	exe := restictest.Restic(t)
	server := restictest.StartS3(t)
	path := "/" + restictest.Bucket + "/cluster"
	r := onS3{
		Repository: restictest.Repository{
			Restic: exe, Address: "s3:http://" + server.Host + path, CacheDir: t.TempDir(), Env: append(server.Env(), "TZ=UTC"),
			Folder: filepath.Join(server.Folder, path),
		},
		server: server, runs: filepath.Join(t.TempDir(), "runs"),
	}
	r.id = r.Init(t)
	return r
}

// list lists the repository and returns the ids found, the mark and the runs of restic
// that it took.
func (r onS3) list(t *testing.T) (ids []string, mark string, runs []string) {
	t.Helper()
	require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
	var listing drivertest.Listing
	id, err := r.driver.List(t.Context(), &listing)
	require.NoError(t, err)
	assert.Equal(t, r.id, id)
	for _, b := range listing.Backups {
		ids = append(ids, b.ID)
	}
	return ids, listing.Marked, r.ran(t)
}

func (r onS3) ran(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(r.runs)
	require.NoError(t, err)
	return strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' })
}

func (r onS3) confirm(t *testing.T, mark string) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
	confirmed, err := r.driver.Confirm(t.Context(), mark)
	require.NoError(t, err)
	assert.Empty(t, r.ran(t), "no restic runs")
	return confirmed
}

func TestAListingIsConfirmedWithoutResticUntilSomethingChanges(t *testing.T) {
	r := newOnS3(t)
	first := add(t, r.Repository, claim, then)
	ids, mark, runs := r.list(t)
	assert.Equal(t, []string{first}, ids)
	assert.Len(t, runs, 3, "%v", runs)
	assert.True(t, r.confirm(t, mark))
	assert.False(t, r.confirm(t, ""))
	assert.False(t, r.confirm(t, "another"))

	ids, same, runs := r.list(t)
	assert.Equal(t, []string{first}, ids)
	assert.Equal(t, mark, same)
	assert.Empty(t, runs, "nothing is new")

	second := add(t, r.Repository, claim, then.Add(time.Hour))
	assert.False(t, r.confirm(t, mark))
	ids, mark, runs = r.list(t)
	assert.ElementsMatch(t, []string{first, second}, ids)
	require.Len(t, runs, 1)
	assert.Contains(t, runs[0], second)
	assert.NotContains(t, runs[0], first, "what is known is not read again")
	assert.True(t, r.confirm(t, mark))

	r.Run(t, "forget", first)
	assert.False(t, r.confirm(t, mark))
	ids, mark, runs = r.list(t)
	assert.Equal(t, []string{second}, ids)
	require.Len(t, runs, 1, "the config says whose it is: %v", runs)
	assert.NotContains(t, runs[0], second, "the whole is read where a snapshot is gone")
	assert.True(t, r.confirm(t, mark))
}

func TestTheWholeIsReadAgainNowAndThenThoughNothingChanges(t *testing.T) {
	r := onS3WithoutDriver(t)
	first := add(t, r.Repository, claim, then)
	now := testclock.NewFakePassiveClock(time.Now())
	cluster := clusterWith(t, secretWith(fullSecret()))
	var err error
	r.driver, err = restic.New(restic.Config{
		Repository: r.Address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: wrapped(t, r.Restic, `echo "$*" >>`+r.runs+`; exec "$RESTIC" "$@"`), CacheDir: t.TempDir(),
	}, restic.Cluster{Client: cluster, Reader: cluster, Clock: now})
	require.NoError(t, err)
	_, mark, _ := r.list(t)
	now.SetTime(now.Now().Add(29 * time.Minute))
	_, _, runs := r.list(t)
	assert.Empty(t, runs)
	now.SetTime(now.Now().Add(2 * time.Minute))
	ids, same, runs := r.list(t)
	assert.Equal(t, []string{first}, ids)
	assert.Equal(t, mark, same)
	assert.Len(t, runs, 1, "a password that was changed, or a file that was damaged, is noticed")
	_, _, runs = r.list(t)
	assert.Empty(t, runs)
}

func TestARetaggedBackupIsReadAgain(t *testing.T) {
	r := newOnS3(t)
	add(t, r.Repository, claim, then)
	_, mark, _ := r.list(t)
	r.Run(t, "tag", "--add", "other")
	assert.False(t, r.confirm(t, mark))
	var listing drivertest.Listing
	_, err := r.driver.List(t.Context(), &listing)
	require.NoError(t, err)
	require.Len(t, listing.Backups, 1)
	assert.Contains(t, listing.Backups[0].Tags, "other")
}

func TestAnotherRepositoryInThePlaceOfOneIsNotConfirmed(t *testing.T) {
	r := newOnS3(t)
	kept := add(t, r.Repository, claim, then)
	_, mark, _ := r.list(t)
	aside := r.Folder + "-aside"
	require.NoError(t, os.Rename(r.Folder, aside))
	other := r.Init(t)
	require.NotEqual(t, r.id, other)
	// Even one that has a file of each snapshot's name.
	require.NoError(t, os.CopyFS(filepath.Join(r.Folder, "snapshots"), os.DirFS(filepath.Join(aside, "snapshots"))))
	assert.False(t, r.confirm(t, mark))
	_, err := r.driver.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err), "%v", err)
	id, err := r.driver.List(t.Context(), &drivertest.Listing{})
	require.NoError(t, err)
	assert.Equal(t, other, id, "the catalog is told whose these are")
	assert.False(t, r.confirm(t, mark))

	require.NoError(t, os.RemoveAll(r.Folder))
	require.NoError(t, os.Rename(aside, r.Folder))
	_, err = r.driver.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err), "%v", err)
	ids, mark, _ := r.list(t)
	assert.Equal(t, []string{kept}, ids)
	assert.True(t, r.confirm(t, mark))
}

func TestAStoreThatFailsConfirmsNothing(t *testing.T) {
	r := newOnS3(t)
	add(t, r.Repository, claim, then)
	_, mark, _ := r.list(t)
	r.server.Stop(t)
	confirmed, err := r.driver.Confirm(t.Context(), mark)
	require.Error(t, err)
	assert.False(t, confirmed)
	r.server.Start(t)
	assert.True(t, r.confirm(t, mark))
	require.NoError(t, os.RemoveAll(r.Folder))
	confirmed, err = r.driver.Confirm(t.Context(), mark)
	require.Error(t, err)
	assert.False(t, confirmed)
	_, err = r.driver.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err))
}

// TestAStoreThatListsInPartIsNoticed has a store leave a snapshot out of the list that
// restic asks for, and of no other.
func TestAStoreThatListsInPartIsNoticed(t *testing.T) {
	r := newOnS3(t)
	kept, hidden := add(t, r.Repository, claim, then), add(t, r.Repository, claim, then.Add(time.Hour))
	aside := filepath.Join(t.TempDir(), "aside")
	file := filepath.Join(r.Folder, "snapshots", hidden)
	hide := `case "$*" in *snapshots*) mv ` + file + " " + aside + `; "$RESTIC" "$@"; code=$?; mv ` + aside + " " + file + `; exit $code;; esac; exec "$RESTIC" "$@"`
	d := newDriver(t, wrapped(t, r.Restic, hide), r.Address, fullSecret())
	_, err := d.List(t.Context(), &drivertest.Listing{})
	require.ErrorContains(t, err, "lists its files in part")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorContains(t, err, backup.ShortID(hidden))
	assert.NotContains(t, err.Error(), kept)
}

// TestVanishedNamesAreReadAgainBeforeAnythingFollows has the store's own list leave a
// snapshot out that restic finds: no confirmation, and no listing without it.
func TestVanishedNamesAreReadAgainBeforeAnythingFollows(t *testing.T) {
	r := newOnS3(t)
	kept, hidden := add(t, r.Repository, claim, then), add(t, r.Repository, claim, then.Add(time.Hour))
	aside := filepath.Join(t.TempDir(), "aside")
	file := filepath.Join(r.Folder, "snapshots", hidden)
	back := `[ -e ` + aside + ` ] && mv ` + aside + " " + file + `; exec "$RESTIC" "$@"`
	d := newDriver(t, wrapped(t, r.Restic, back), r.Address, fullSecret())
	var first, second drivertest.Listing
	_, err := d.List(t.Context(), &first)
	require.NoError(t, err)
	require.NoError(t, os.Rename(file, aside))
	confirmed, err := d.Confirm(t.Context(), first.Marked)
	require.NoError(t, err)
	assert.False(t, confirmed)
	_, err = d.List(t.Context(), &second)
	require.NoError(t, err)
	var ids []string
	for _, b := range second.Backups {
		ids = append(ids, b.ID)
	}
	assert.ElementsMatch(t, []string{kept, hidden}, ids)
}

func TestAFolderIsConfirmedWithoutRestic(t *testing.T) {
	exe := restictest.Restic(t)
	r := local(t, exe)
	id := r.Init(t)
	first := add(t, r, claim, then)
	runs := filepath.Join(t.TempDir(), "runs")
	require.NoError(t, os.WriteFile(runs, nil, 0o600))
	on := onS3{Repository: r, id: id, runs: runs, driver: newDriver(t, wrapped(t, exe, `echo "$*" >>`+runs+`; exec "$RESTIC" "$@"`), r.Address, fullSecret())}
	ids, mark, _ := on.list(t)
	assert.Equal(t, []string{first}, ids)
	assert.True(t, on.confirm(t, mark))
	second := add(t, r, claim, then.Add(time.Hour))
	assert.False(t, on.confirm(t, mark))
	ids, mark, ran := on.list(t)
	assert.ElementsMatch(t, []string{first, second}, ids)
	assert.Len(t, ran, 1)

	aside := r.Address + "-aside" // as a share that is not mounted
	require.NoError(t, os.Rename(r.Address, aside))
	confirmed, err := on.driver.Confirm(t.Context(), mark)
	require.Error(t, err)
	assert.False(t, confirmed)
	_, err = on.driver.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err))
	require.NoError(t, os.Rename(aside, r.Address))
	assert.True(t, on.confirm(t, mark))
}
