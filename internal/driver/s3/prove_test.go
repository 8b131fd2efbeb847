package s3_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/s3"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

func claimOf(namespace, name string) backup.Claim {
	return backup.Claim{Namespace: namespace, Name: name}
}

// proved proves claims, with nothing seen before the call counting.
func proved(t *testing.T, d *s3.Driver, claims ...backup.Claim) (drivertest.Listing, []backup.Claim) {
	t.Helper()
	var found drivertest.Listing
	_, settled, err := d.Prove(t.Context(), claims, 0, &found)
	require.NoError(t, err)
	return found, settled
}

// TestAProofTellsWhatAListingTells compares the two for folders of every kind, among few
// objects and among many.
func TestAProofTellsWhatAListingTells(t *testing.T) {
	lately := time.Now().Add(-time.Minute)
	store := restictest.StartS3(t)
	for _, namespace := range []string{"small", "large"} {
		for key, modified := range map[string]time.Time{
			"repository/config": noon, "repository/locks/" + id(1): lately,
			"repository/snapshots/" + id(7): noon, "repository/snapshots/" + id(8): noon.Add(time.Hour),
			"initialised/config": noon, "initialised/keys/" + id(1): noon,
			"first/config": noon, "first/keys/" + id(1): noon, "first/locks/" + id(4): lately,
			"torn/keys/" + id(1):          noon,
			"headless/snapshots/" + id(9): noon,
			"plain/a.tar":                 noon, "plain/deep/er/b.tar": noon.Add(time.Minute),
			"repository-2/config": noon, "repository-2/snapshots/" + id(3): noon,
		} {
			put(t, store, namespace+"/"+key, modified)
		}
	}
	filler(t, store, "large")
	d := lister(store.Host, nil)
	found, doubts, err := listed(t.Context(), d)
	require.NoError(t, err)
	for _, namespace := range []string{"small", "large", "none"} {
		for _, name := range []string{"repository", "repository-2", "initialised", "first", "torn", "headless", "plain", "filler", "missing", "repo", "repository-22"} {
			claim := claimOf(namespace, name)
			told, settled := proved(t, d, claim)
			assert.Equal(t, []backup.Claim{claim}, settled, claim)
			assert.ElementsMatch(t, found[claim], told.Backups, claim)
			assert.Equal(t, fmt.Sprint(doubts[claim]), fmt.Sprint(told.Doubts[claim]), claim)
			assert.Empty(t, told.Strayed, claim)
		}
	}
	put(t, store, "large/first/snapshots/"+id(1), noon)
	put(t, store, "new/claim/snapshots/"+id(2), noon)
	told, settled := proved(t, d, claimOf("large", "first"), claimOf("new", "claim"))
	assert.Len(t, settled, 2)
	assert.Len(t, told.Backups, 2, "what came since the listing is found")
}

func TestAProofCostsOneRequest(t *testing.T) {
	store := restictest.StartS3(t)
	for n := range 50 {
		put(t, store, fmt.Sprintf("ns-%d/pvc/config", n), noon)
		put(t, store, fmt.Sprintf("ns-%d/pvc/snapshots/%s", n, id(n)), noon)
	}
	filler(t, store, "large")
	put(t, store, "large/filler/snapshots/"+id(1), noon)
	host, requests := counted(t, store, nil)
	d := lister(host, nil)
	_, _, err := listed(t.Context(), d)
	require.NoError(t, err)
	count := func(within time.Duration, claims ...backup.Claim) int64 {
		requests.Store(0)
		_, settled, err := d.Prove(t.Context(), claims, within, &drivertest.Listing{})
		require.NoError(t, err)
		assert.Len(t, settled, len(claims))
		return requests.Load()
	}
	var none []backup.Claim
	for n := range 40 {
		none = append(none, claimOf("ns-1", fmt.Sprintf("missing-%d", n)))
	}
	assert.EqualValues(t, 1, count(0, claimOf("ns-1", "pvc")), "one with a backup")
	assert.EqualValues(t, 1, count(0, claimOf("large", "filler")), "one with a backup and a thousand objects")
	assert.EqualValues(t, 40, count(time.Hour, none...), "the bucket was seen to hold backups lately")
	assert.EqualValues(t, 40, count(0, none...), "one of them shows that the bucket still holds others' folders, too")
	assert.EqualValues(t, 1, count(0, none[0]), "as does one alone")
	assert.EqualValues(t, 1, count(0, claimOf("new", "missing")), "also in a namespace that has no folder")
	assert.EqualValues(t, 2, count(0, claimOf("ns-1", "pvc"), none[0]))
}

func TestAProofAmongMoreThanAPageOfFoldersCostsTwoRequests(t *testing.T) {
	store := restictest.StartS3(t)
	for n := range 1001 {
		put(t, store, fmt.Sprintf("apps/pvc-%d/snapshots/%s", n, id(n)), noon)
	}
	host, requests := counted(t, store, nil)
	d := lister(host, nil)
	list := func() {
		_, _, err := listed(t.Context(), d)
		require.NoError(t, err)
		requests.Store(0)
	}
	list()
	for n, want := range []int64{3, 5, 7} {
		_, settled := proved(t, d, claimOf("apps", fmt.Sprintf("missing-%d", n)))
		assert.Len(t, settled, 1)
		assert.Equal(t, want, requests.Load(), "that it is too large is learned once")
	}
	list()
	_, settled := proved(t, d, claimOf("apps", "missing"))
	assert.Len(t, settled, 1)
	assert.EqualValues(t, 3, requests.Load(), "and forgotten with a listing")
}

// TestAClaimIsLookedForAmongOthersOnlyWhereThatProvesIt compares what a sparse question is
// answered with what a listing would.
func TestAClaimIsLookedForAmongOthersOnlyWhereThatProvesIt(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(t *testing.T, store *restictest.Server)
		asked   backup.Claim
		settles bool
		backups int
	}{
		"nothing changed": {func(*testing.T, *restictest.Server) {}, claimOf("apps", "missing"), true, 0},
		"it came meanwhile": {func(t *testing.T, store *restictest.Server) {
			put(t, store, "apps/missing/snapshots/"+id(3), noon)
		}, claimOf("apps", "missing"), true, 1},
		"its namespace came meanwhile": {func(t *testing.T, store *restictest.Server) {
			put(t, store, "new/missing/snapshots/"+id(3), noon)
		}, claimOf("new", "missing"), true, 1},
		"another of its new namespace came meanwhile": {func(t *testing.T, store *restictest.Server) {
			put(t, store, "new/other/snapshots/"+id(3), noon)
		}, claimOf("new", "missing"), true, 0},
		"a name that begins like its own": {func(t *testing.T, store *restictest.Server) {
			put(t, store, "apps/missing-2/snapshots/"+id(3), noon)
		}, claimOf("apps", "missing"), true, 0},
		"a file of its name": {func(t *testing.T, store *restictest.Server) { put(t, store, "apps/missing", noon) }, claimOf("apps", "missing"), true, 0},
		"all is gone": {func(t *testing.T, store *restictest.Server) {
			require.NoError(t, os.RemoveAll(filepath.Join(store.Folder, restictest.Bucket, "apps")))
		}, claimOf("apps", "missing"), false, 0},
		"all that was known is gone": {func(t *testing.T, store *restictest.Server) {
			require.NoError(t, os.RemoveAll(filepath.Join(store.Folder, restictest.Bucket, "apps")))
			put(t, store, "apps/stranger/a.tar", noon)
		}, claimOf("apps", "missing"), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			store := restictest.StartS3(t)
			put(t, store, "apps/data/snapshots/"+id(1), noon)
			put(t, store, "apps/data/config", noon)
			d := lister(store.Host, nil)
			_, _, err := listed(t.Context(), d)
			require.NoError(t, err)
			c.change(t, store)
			found, settled := proved(t, d, c.asked)
			assert.Equal(t, c.settles, len(settled) == 1, settled)
			assert.Len(t, found.Backups, c.backups)
		})
	}
}

func TestNothingIsProvedByALookAlone(t *testing.T) {
	start := func(t *testing.T) (*restictest.Server, *s3.Driver) {
		store := restictest.StartS3(t)
		put(t, store, "apps/data/config", noon)
		put(t, store, "apps/data/snapshots/"+id(1), noon)
		put(t, store, "apps/other/config", noon)
		put(t, store, "apps/other/snapshots/"+id(2), noon)
		return store, lister(store.Host, nil)
	}
	data, missing := claimOf("apps", "data"), claimOf("apps", "missing")
	t.Run("before the first listing", func(t *testing.T) {
		_, d := start(t)
		_, settled := proved(t, d, missing, data)
		assert.Empty(t, settled)
	})
	for name, c := range map[string]struct {
		spoil func(t *testing.T, store *restictest.Server)
		asked []backup.Claim
	}{
		"where the claim's backup is gone": {func(t *testing.T, store *restictest.Server) {
			require.NoError(t, os.RemoveAll(filepath.Join(store.Folder, restictest.Bucket, "apps", "data")))
		}, []backup.Claim{data}},
		"where the claim's snapshot is gone and its config is left": {func(t *testing.T, store *restictest.Server) {
			require.NoError(t, os.RemoveAll(filepath.Join(store.Folder, restictest.Bucket, "apps", "data", "snapshots")))
		}, []backup.Claim{data}},
		"where the bucket is empty": {func(t *testing.T, store *restictest.Server) {
			require.NoError(t, os.RemoveAll(filepath.Join(store.Folder, restictest.Bucket, "apps")))
		}, []backup.Claim{missing, data}},
		"for a claim that the layout has no folder for": {func(*testing.T, *restictest.Server) {}, []backup.Claim{claimOf("Apps", "data")}},
	} {
		t.Run(name, func(t *testing.T) {
			store, d := start(t)
			_, _, err := listed(t.Context(), d)
			require.NoError(t, err)
			c.spoil(t, store)
			found, settled := proved(t, d, c.asked...)
			assert.Empty(t, settled)
			assert.Empty(t, found.Backups)
		})
	}
	for name, c := range map[string]struct {
		status int
		body   string
		kind   backup.Kind
	}{
		"that is not found":       {http.StatusNotFound, `<Error><Code>NoSuchKey</Code></Error>`, backup.RepositoryAbsent},
		"of a bucket that is not": {http.StatusNotFound, `<Error><Code>NoSuchBucket</Code></Error>`, backup.RepositoryAbsent},
		"of another document":     {http.StatusOK, `<html></html>`, backup.Unavailable},
		"that is nothing":         {http.StatusOK, ``, backup.Unavailable},
		"that is cut off":         {http.StatusOK, `<ListBucketResult><IsTruncated>false</IsTruncated>`, backup.Unavailable},
		"that is refused":         {http.StatusForbidden, `<Error><Code>AccessDenied</Code></Error>`, backup.Credentials},
		"that leads elsewhere":    {http.StatusTemporaryRedirect, `<Error><Code>TemporaryRedirect</Code></Error>`, backup.Unavailable},
	} {
		t.Run("by an answer "+name, func(t *testing.T) {
			store, _ := start(t)
			spoiled := false
			host, _ := counted(t, store, func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
				if spoiled {
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				}
				return spoiled
			})
			d := lister(host, nil)
			_, _, err := listed(t.Context(), d)
			require.NoError(t, err)
			spoiled = true
			_, settled, err := d.Prove(t.Context(), []backup.Claim{missing}, time.Hour, &drivertest.Listing{})
			require.Error(t, err)
			assert.Empty(t, settled)
			assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
		})
	}
}

func TestARepositoryInsideAClaimsFolderIsTold(t *testing.T) {
	store := restictest.StartS3(t)
	put(t, store, "apps/data/snapshots/"+id(1), noon)
	d := lister(store.Host, nil)
	_, _, err := listed(t.Context(), d)
	require.NoError(t, err)
	put(t, store, "apps/nested/deep/snapshots/"+id(2), noon)
	found, _ := proved(t, d, claimOf("apps", "nested"))
	require.Len(t, found.Strayed, 1)
	assert.Equal(t, "apps/nested/deep", found.Strayed[0].ID)
}

func TestKeysThatChangeCountAtOnce(t *testing.T) {
	store := restictest.StartS3(t)
	put(t, store, "apps/data/snapshots/"+id(1), noon)
	config := settings(store.Host, func(c *objectstore.Config) {
		c.AccessKeyID, c.SecretAccessKey, c.SecretName, c.Namespace = secret.String{}, secret.String{}, "keys", "soteria"
	})
	keysOf := func(key string) *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "soteria", Name: "keys"},
			Data:       map[string][]byte{"AWS_ACCESS_KEY_ID": []byte(restictest.AccessKey), "AWS_SECRET_ACCESS_KEY": []byte(key)},
		}
	}
	reader := fake.NewClientBuilder().WithObjects(keysOf(restictest.SecretKey)).Build()
	d := s3.New(config, reader, clock.RealClock{})
	_, _, err := listed(t.Context(), d)
	require.NoError(t, err)
	_, settled := proved(t, d, claimOf("apps", "missing"))
	assert.Len(t, settled, 1)
	require.NoError(t, reader.Update(t.Context(), keysOf("another key")))
	_, _, err = d.Prove(t.Context(), []backup.Claim{claimOf("apps", "missing")}, time.Hour, &drivertest.Listing{})
	assert.Equal(t, backup.Credentials, backup.KindOf(err), "%v", err)
}

func TestALayoutWithAPrefixIsProvedToo(t *testing.T) {
	store := restictest.StartS3(t)
	put(t, store, "volsync/apps/data/snapshots/"+id(1), noon)
	put(t, store, "volsync/apps/data-2/snapshots/"+id(2), noon)
	config := settings(store.Host, nil)
	var err error
	config.Layout, err = attribution.ParseLayout("volsync/{namespace}/{pvc}")
	require.NoError(t, err)
	d := s3.New(config, nil, clock.RealClock{})
	_, _, err = listed(t.Context(), d)
	require.NoError(t, err)
	found, settled := proved(t, d, claimOf("apps", "data"), claimOf("apps", "dat"))
	assert.Len(t, settled, 2)
	require.Len(t, found.Backups, 1)
	assert.Equal(t, id(1), found.Backups[0].ID)
}
