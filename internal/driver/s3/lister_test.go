package s3_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/s3"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

func TestMain(m *testing.M) {
	minio.DefaultRetryUnit = time.Microsecond
	os.Exit(m.Run())
}

// settings are those of a store with the right keys.
func settings(host string, change func(*objectstore.Config)) s3.Config {
	c := objectstore.Config{
		Endpoint: "http://" + host, Bucket: restictest.Bucket, Region: "us-east-1",
		AccessKeyID: secret.New(restictest.AccessKey), SecretAccessKey: secret.New(restictest.SecretKey),
	}
	if change != nil {
		change(&c)
	}
	layout, err := attribution.ParseLayout(s3.DefaultLayout)
	if err != nil {
		panic(err)
	}
	return s3.Config{Bucket: c, Concurrency: s3.DefaultConcurrency, Layout: layout}
}

func lister(host string, change func(*objectstore.Config)) *s3.Driver {
	return s3.New(settings(host, change), nil, clock.RealClock{})
}

// put writes an object as the store keeps it.
func put(t testing.TB, store *restictest.Server, key string, modified time.Time) {
	t.Helper()
	path := filepath.Join(store.Folder, restictest.Bucket, filepath.FromSlash(key))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.NoError(t, os.Chtimes(path, modified, modified))
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// id makes a restic id.
func id(n int) string { return fmt.Sprintf("%064x", n) }

func TestConformance(t *testing.T) {
	with := func(change func(*objectstore.Config)) func(*testing.T) driver.Lister {
		return func(t *testing.T) driver.Lister {
			store := restictest.StartS3(t)
			put(t, store, "apps/data/snapshots/"+id(1), noon)
			return lister(store.Host, change)
		}
	}
	added := 0
	drivertest.ListerSuite{
		New: func(t *testing.T) drivertest.Repository {
			store := restictest.StartS3(t)
			return drivertest.Repository{
				Lister: lister(store.Host, nil), ID: restictest.Bucket + "@" + store.Host,
				Add: func(t *testing.T, claim backup.Claim, takenAt time.Time) string {
					added++
					put(t, store, claim.String()+"/config", takenAt)
					put(t, store, claim.String()+"/snapshots/"+id(added), takenAt)
					return id(added)
				},
			}
		},
		Absent: with(func(c *objectstore.Config) { c.Bucket = "no-such-bucket" }),
		Broken: map[string]func(*testing.T) driver.Lister{
			"a wrong key":      with(func(c *objectstore.Config) { c.SecretAccessKey = secret.New("wrong") }),
			"an unknown user":  with(func(c *objectstore.Config) { c.AccessKeyID = secret.New("nobody") }),
			"nobody answers":   with(func(c *objectstore.Config) { c.Endpoint = "http://127.0.0.1:1" }),
			"a store with TLS": with(func(c *objectstore.Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }),
		},
		Hangs: func(t *testing.T) driver.Lister {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			return lister(listener.Addr().String(), nil)
		},
	}.Run(t)
}

func TestKindsOfFailures(t *testing.T) {
	store := restictest.StartS3(t)
	for name, test := range map[string]struct {
		change func(*objectstore.Config)
		kind   backup.Kind
	}{
		"wrong key":      {func(c *objectstore.Config) { c.SecretAccessKey = secret.New("wrong") }, backup.Credentials},
		"unknown user":   {func(c *objectstore.Config) { c.AccessKeyID = secret.New("nobody") }, backup.Credentials},
		"missing bucket": {func(c *objectstore.Config) { c.Bucket = "no-such-bucket" }, backup.RepositoryAbsent},
		"nobody there":   {func(c *objectstore.Config) { c.Endpoint = "http://127.0.0.1:1" }, backup.Unavailable},
	} {
		_, _, err := listed(t.Context(), lister(store.Host, test.change))
		assert.Equal(t, test.kind, backup.KindOf(err), "%s: %v", name, err)
	}
}

// listed lists and gives backups by claim.
func listed(ctx context.Context, d driver.Lister) (map[backup.Claim][]backup.Backup, map[backup.Claim]error, error) {
	l := &drivertest.Listing{}
	_, err := d.List(ctx, l)
	found := make(map[backup.Claim][]backup.Backup)
	for _, b := range l.Backups {
		found[b.Claim] = append(found[b.Claim], b)
	}
	return found, l.Doubts, err
}

// filler makes a namespace too large to be listed as a whole.
func filler(t testing.TB, store *restictest.Server, namespace string) {
	put(t, store, namespace+"/filler/config", noon)
	for n := range 1000 {
		put(t, store, fmt.Sprintf("%s/filler/data/%02x/%s", namespace, n%256, id(n)), noon)
	}
}

// TestWhatCountsAsABackup looks at each folder twice: among few objects, and
// among too many to be listed as a whole.
func TestWhatCountsAsABackup(t *testing.T) {
	lately, long := time.Now().Add(-time.Minute), time.Now().Add(-time.Hour)
	store := restictest.StartS3(t)
	claim := func(namespace, name string) backup.Claim { return backup.Claim{Namespace: namespace, Name: name} }
	for _, namespace := range []string{"small", "large"} {
		for key, modified := range map[string]time.Time{
			"repository/config": noon, "repository/keys/" + id(1): noon, "repository/locks/" + id(1): lately,
			"repository/snapshots/" + id(7): noon, "repository/snapshots/" + id(8): noon.Add(time.Hour),
			"initialised/config": noon, "initialised/keys/" + id(1): noon,
			"forgotten/config": noon, "forgotten/data/00/" + id(2): noon, "forgotten/index/" + id(3): noon, "forgotten/locks/" + id(4): long,
			"first/config": noon, "first/keys/" + id(1): noon, "first/locks/" + id(4): lately,
			"torn/keys/" + id(1): noon, "torn/data/00/" + id(2): noon,
			"headless/snapshots/" + id(9): noon,
			"plain/a.tar":                 noon, "plain/deep/er/b.tar": noon.Add(time.Minute),
			"legacy/config": noon, "legacy/snapshot/" + id(1): noon,
			"Not-A-Name/snapshots/" + id(1): noon,
		} {
			put(t, store, namespace+"/"+key, modified)
		}
		put(t, store, namespace+"/a-file", noon)
	}
	put(t, store, "Not-A-Namespace/data/snapshots/"+id(1), noon)
	put(t, store, "a-file", noon)
	filler(t, store, "large")

	found, doubts, err := listed(t.Context(), lister(store.Host, nil))
	require.NoError(t, err)
	assert.Len(t, found, 2*4)
	assert.Len(t, doubts, 2*2)
	for _, namespace := range []string{"small", "large"} {
		repository := found[claim(namespace, "repository")]
		require.Len(t, repository, 2)
		ids := []string{repository[0].ID, repository[1].ID}
		assert.ElementsMatch(t, []string{id(7), id(8)}, ids)
		assert.Equal(t, "s3:"+store.Host+"/backups/"+namespace+"/repository", repository[0].Locator)
		assert.Negative(t, repository[0].SizeBytes)

		require.Len(t, found[claim(namespace, "headless")], 1, "snapshots are there, whatever else is missing")
		require.Len(t, found[claim(namespace, "legacy")], 1, "a layout of which nobody knows counts as a backup")
		plain := found[claim(namespace, "plain")]
		require.Len(t, plain, 1)
		assert.True(t, noon.Add(time.Minute).Equal(plain[0].TakenAt), "%s", plain[0].TakenAt)

		assert.ErrorContains(t, doubts[claim(namespace, "first")], "its first backup may be running")
		assert.ErrorContains(t, doubts[claim(namespace, "torn")], "has no config")
	}
}

// counted counts the requests that reach a store, and may spoil them.
func counted(t testing.TB, store *restictest.Server, spoil func(n int64, w http.ResponseWriter, r *http.Request) bool) (host string, requests *atomic.Int64) {
	target, err := url.Parse("http://" + store.Host)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		// The host is signed, so it stays.
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	requests = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := requests.Add(1); spoil == nil || !spoil(n, w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), requests
}

func TestFiveHundredClaimsCostAFewRequests(t *testing.T) {
	store := restictest.StartS3(t)
	for n := range 500 {
		at := fmt.Sprintf("ns-%02d/pvc-%03d/", n%25, n)
		put(t, store, at+"config", noon)
		if n%5 > 0 {
			put(t, store, at+"snapshots/"+id(n), noon)
		}
	}
	host, requests := counted(t, store, nil)
	found, doubts, err := listed(t.Context(), lister(host, nil))
	require.NoError(t, err)
	assert.Len(t, found, 400)
	assert.Empty(t, doubts)
	assert.Equal(t, int64(1+25), requests.Load())

	filler(t, store, "ns-00")
	requests.Store(0)
	found, _, err = listed(t.Context(), lister(host, nil))
	require.NoError(t, err)
	assert.Len(t, found, 400)
	const claims, empty = 20, 20 // ns-00 has every 25th claim, which is every 5th
	assert.LessOrEqual(t, requests.Load(), int64(1+25+1+claims+3*(empty+1)))
}

func TestAPageThatIsNotWholeProvesNothing(t *testing.T) {
	store := restictest.StartS3(t)
	for n := range 10 {
		put(t, store, fmt.Sprintf("apps-%d/data/snapshots/%s", n, id(n)), noon)
	}
	const head = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`
	for name, answer := range map[string]string{
		"cut between entries":     head + `<Contents><Key>apps-3/data/config</Key></Contents>`,
		"nothing":                 "",
		"another document":        "<html></html>",
		"of another prefix":       head + `<IsTruncated>false</IsTruncated><Contents><Key>other/data/config</Key></Contents></ListBucketResult>`,
		"the same page for ever":  head + `<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>`,
		"no way to the next page": head + `<IsTruncated>true</IsTruncated></ListBucketResult>`,
		"an error as an answer":   "<Error><Code>SlowDown</Code></Error>",
	} {
		t.Run(name, func(t *testing.T) {
			host, _ := counted(t, store, func(n int64, w http.ResponseWriter, _ *http.Request) bool {
				if n < 5 {
					return false
				}
				_, _ = w.Write([]byte(answer))
				return true
			})
			_, _, err := listed(t.Context(), lister(host, nil))
			require.Error(t, err)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
		})
	}
	t.Run("refused in the middle", func(t *testing.T) {
		host, _ := counted(t, store, func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n > 5 {
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code><Message>no</Message></Error>`))
			}
			return n > 5
		})
		_, _, err := listed(t.Context(), lister(host, nil))
		assert.Equal(t, backup.Credentials, backup.KindOf(err), "%v", err)
		assert.ErrorContains(t, err, "must be allowed to list the bucket")
	})
	t.Run("given up in the middle", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		host, _ := counted(t, store, func(n int64, _ http.ResponseWriter, _ *http.Request) bool {
			if n == 5 {
				cancel()
			}
			return false
		})
		_, _, err := listed(ctx, lister(host, nil))
		assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	})
}

func TestARepositoryThatResticMakes(t *testing.T) {
	store := restictest.StartS3(t)
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	repository := restictest.Repository{
		Restic: restictest.Restic(t), Address: "s3:http://" + store.Host + "/" + restictest.Bucket + "/" + claim.String(),
		Env: store.Env(), CacheDir: t.TempDir(),
	}
	d := lister(store.Host, nil)
	repository.Init(t)
	found, doubts, err := listed(t.Context(), d)
	require.NoError(t, err)
	assert.Empty(t, found, "a repository without a snapshot is no backup")
	assert.Empty(t, doubts)

	end := restictest.Hold(t, repository)
	_, doubts, err = listed(t.Context(), d)
	require.NoError(t, err)
	assert.ErrorContains(t, doubts[claim], "its first backup may be running")
	end()

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a"), []byte("data"), 0o600))
	snapshot := repository.Snapshot(t, folder)
	found, doubts, err = listed(t.Context(), d)
	require.NoError(t, err)
	assert.Empty(t, doubts)
	assert.Contains(t, idsOf(found[claim]), snapshot)

	for _, b := range found[claim] {
		repository.Run(t, "forget", b.ID)
	}
	found, doubts, err = listed(t.Context(), d)
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Empty(t, doubts)
}

func idsOf(backups []backup.Backup) []string {
	var ids []string
	for _, b := range backups {
		ids = append(ids, b.ID)
	}
	return ids
}
