package mover_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

// counter is a proxy in front of a store that counts requests.
type counter struct {
	host string
	mu   sync.Mutex
	made []string
}

func newCounter(t *testing.T, host string) *counter {
	t.Helper()
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: host})
		r.Out.Host = r.In.Host // which is part of what S3 clients sign
	}}
	c := &counter{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.made = append(c.made, r.Method+" "+r.URL.RequestURI())
		c.mu.Unlock()
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	c.host = strings.TrimPrefix(front.URL, "http://")
	return c
}

// taken returns the requests since it was called last.
func (c *counter) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made
	c.made = nil
	return made
}

// about counts the requests that are about one kind of file.
func about(requests []string, folder string) (n int) {
	for _, r := range requests {
		if strings.Contains(r, folder) {
			n++
		}
	}
	return n
}

// stores are the kinds of store that are reached over a network: each returns a
// volume with a repository there, reached through the counter.
var stores = map[string]func(t *testing.T, restic string) (volume, *counter){
	"a rest-server": func(t *testing.T, restic string) (volume, *counter) {
		s := restictest.StartRest(t)
		return newRemote(t, restic, s, "repository", func(host string) string { return "rest:http://" + host + "/repository/" })
	},
	"S3": func(t *testing.T, restic string) (volume, *counter) {
		s := restictest.StartS3(t)
		return newRemote(t, restic, s, restictest.Bucket+"/repository", func(host string) string {
			return "s3:http://" + host + "/" + restictest.Bucket + "/repository"
		})
	},
}

func newRemote(t *testing.T, restic string, s *restictest.Server, path string, address func(host string) string) (volume, *counter) {
	t.Helper()
	v := newVolume(t, restic)
	c := newCounter(t, s.Host)
	v.repository.Folder, v.repository.Env = filepath.Join(s.Folder, path), s.Env()
	require.NoError(t, os.MkdirAll(v.repository.Folder, 0o750))
	v.repository.Address = address(s.Host)
	v.repository.Init(t)
	v.repository.Address = address(c.host)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": restictest.AccessKey, "AWS_SECRET_ACCESS_KEY": restictest.SecretKey,
		"RESTIC_REST_USERNAME": restictest.RestUser, "RESTIC_REST_PASSWORD": restictest.RestPassword,
	} {
		if strings.HasPrefix(v.repository.Address, "rest:") == strings.HasPrefix(name, "RESTIC_REST") {
			require.NoError(t, os.WriteFile(filepath.Join(v.credentials, name), []byte(value), 0o400))
		}
	}
	return v, c
}

// crowd adds snapshots of other claims to the repository, which hold what a snapshot
// of this one does.
func (v volume) crowd(t *testing.T, count int, like string) {
	t.Helper()
	var one []map[string]any
	require.NoError(t, json.Unmarshal(v.repository.Run(t, "snapshots", "--json", like), &one))
	require.Len(t, one, 1)
	others := make([]map[string]any, 0, count)
	for i := range count {
		claim := fmt.Sprintf("claim-%d", i%100)
		others = append(others, map[string]any{
			"time": time.Now().Add(-time.Duration(i) * time.Hour).Format(time.RFC3339Nano), "tree": one[0]["tree"], "paths": []string{"/data"},
			"hostname": "other/" + claim, "tags": []string{"namespace=other", "pvc=" + claim},
		})
	}
	_, err := lightkey.AddSnapshots(v.repository.Folder, restictest.Password, others)
	require.NoError(t, err)
}

func (v volume) indexes(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(v.repository.Folder, "index", "*"))
	require.NoError(t, err)
	return len(files)
}

func TestAnUnchangedBackupTakesNoMoreRequestsInALargeRepository(t *testing.T) {
	const snapshots, most = 2000, 40
	for version, restic := range restictest.Versions {
		for store, make := range stores {
			t.Run("with "+version+" and "+store, func(t *testing.T) {
				v, counted := make(t, restic(t))
				v.fill(t, 1, 100)
				status, first, _ := v.backup(t)
				require.Zero(t, status)
				v.crowd(t, snapshots, first.Snapshot)

				counted.taken()
				v.scratch = t.TempDir()
				before := fmt.Sprintf("%s,%s,1,100", first.Snapshot, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))
				status, second, _ := v.backup(t, "--parent", first.Snapshot, "--before", before)
				requests := counted.taken()
				require.Zero(t, status)
				assert.Equal(t, int64(1), second.Backup.FilesUnmodified)
				assert.Empty(t, second.Backup.Unrecorded)
				t.Logf("%d requests, %d of them for indexes of which there are %d:\n%s", len(requests), about(requests, "/index/"), v.indexes(t), strings.Join(requests, "\n"))
				assert.LessOrEqual(t, len(requests), most+v.indexes(t))
			})
		}
	}
}

func TestAFirstBackupReadsNoOtherClaimsSnapshots(t *testing.T) {
	for store, make := range stores {
		t.Run("in "+store, func(t *testing.T) {
			v, counted := make(t, restictest.Restic(t))
			v.fill(t, 1, 100)
			v.crowd(t, 100, v.repository.Snapshot(t, v.data))
			counted.taken()
			v.scratch = t.TempDir()
			status, result, _ := v.backup(t, "--parent", "none", "--before", "none")
			require.Zero(t, status)
			assert.Equal(t, int64(1), result.Backup.FilesNew)
			assert.Equal(t, 2, about(counted.taken(), "/snapshots/"), "its own and its record's")
		})
	}
}

func TestAParentThatCannotBeReadFailsNoBackup(t *testing.T) {
	spoils := map[string]struct {
		spoil           func(t *testing.T, snapshot string)
		note            string
		unmodified, new int64
	}{
		"is gone": {func(t *testing.T, snapshot string) { require.NoError(t, os.Remove(snapshot)) }, "is gone: restic looked for another one", 2, 0},
		"is spoilt": {func(t *testing.T, snapshot string) {
			require.NoError(t, os.WriteFile(snapshot, []byte("spoilt"), 0o600))
		},
			"cannot be read: all files were read", 0, 2},
	}
	folder := func(t *testing.T, restic string) (volume, *counter) {
		v := newVolume(t, restic)
		v.repository.Init(t)
		v.repository.Folder = v.repository.Address
		return v, nil
	}
	for version, restic := range restictest.Versions {
		for store, make := range map[string]func(t *testing.T, restic string) (volume, *counter){"a rest-server": stores["a rest-server"], "S3": stores["S3"], "a folder": folder} {
			for how, c := range spoils {
				t.Run(version+" in "+store+", where it "+how, func(t *testing.T) {
					t.Parallel()
					v, _ := make(t, restic(t))
					v.fill(t, 2, 100)
					v.backup(t)
					_, parent, _ := v.backup(t)
					c.spoil(t, filepath.Join(v.repository.Folder, "snapshots", parent.Snapshot))
					v.scratch = t.TempDir()

					status, result, said := v.backup(t, "--parent", parent.Snapshot, "--before", "none")
					require.Zero(t, status, said)
					require.NotNil(t, result.Backup)
					assert.Equal(t, c.unmodified, result.Backup.FilesUnmodified)
					assert.Equal(t, c.new, result.Backup.FilesNew)
					assert.Contains(t, strings.Join(result.Backup.Notes, "\n"), c.note)
					assert.False(t, result.Partial)
					assert.Empty(t, v.repository.Run(t, "list", "locks", "--no-lock", "--quiet"), "no lock stays")
				})
			}
		}
	}
}

func TestABackupIsHeldAgainstWhatItsJobWasToldOf(t *testing.T) {
	t.Parallel()
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	v.fill(t, 4, 100)
	large := strings.Repeat("ab", 32)
	before := large + ",2026-03-01T12:00:00Z,1000,100000"
	_, void, _ := v.backup(t, "--shrink-percent", "50", "--before", before)
	assert.Contains(t, void.Backup.Void, "where backup abababab of 2026-03-01T12:00:00Z holds 1000 files and 100000 bytes")
	records, _ := v.snapshots(t)
	require.Len(t, records[void.Snapshot], 1)
	assert.True(t, records[void.Snapshot][0].Void)

	_, first, _ := v.backup(t, "--shrink-percent", "50", "--before", "none")
	assert.Empty(t, first.Backup.Void)

	_, accepted, _ := v.backup(t, "--shrink-percent", "50", "--before", before, "--accept", void.Snapshot)
	assert.Empty(t, accepted.Backup.Void, "what a person accepts is looked up, and the backup is held against that")
	records, _ = v.snapshots(t)
	assert.Len(t, records[void.Snapshot], 2)
}

func TestWithAKeptCacheAnIndexIsReadOnce(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			t.Parallel()
			v, counted := stores["a rest-server"](t, restic(t))
			v.fill(t, 1, 100)
			v.backup(t)
			_, parent, _ := v.backup(t)
			read := func(requests []string) (n int) {
				for _, r := range requests {
					if strings.HasPrefix(r, "GET /repository/index/") && !strings.HasSuffix(r, "/index/") {
						n++
					}
				}
				return n
			}
			v.scratch = t.TempDir()
			counted.taken()
			_, parent, _ = v.backup(t, "--parent", parent.Snapshot, "--before", "none")
			assert.Positive(t, read(counted.taken()))

			// Backups at the same time share the cache.
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					status, result, said := v.backup(t, "--parent", parent.Snapshot, "--before", "none")
					assert.Zero(t, status, said)
					assert.Empty(t, result.Backup.Unrecorded)
				})
			}
			group.Wait()
			v.backup(t, "--parent", parent.Snapshot, "--before", "none") // one may have dropped what another had just cached
			counted.taken()
			_, result, _ := v.backup(t, "--parent", parent.Snapshot, "--before", "none")
			requests := counted.taken()
			assert.Zero(t, read(requests), strings.Join(requests, "\n"))
			assert.Equal(t, int64(1), result.Backup.FilesUnmodified)
		})
	}
}
