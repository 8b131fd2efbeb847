package mover_test

import (
	"context"
	"encoding/json"
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

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// noted has a volume's restic note the commands that it runs, and returns what reads how
// often each ran. The lines of shell run before restic does.
func noted(t *testing.T, v *volume, lines string) (runs func() map[string]int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "runs")
	v.restic = wrapped(t, v.restic, `echo "$1" >>`+log+"\n"+lines+"\n"+`exec "$RESTIC" "$@"`)
	return func() map[string]int {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		count := map[string]int{}
		for command := range strings.FieldsSeq(string(text)) {
			count[command]++
		}
		return count
	}
}

func TestARestoreOpensTheRepositoryToRestoreToListAndForTheRootFolderAlone(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			seed, _ := seeded(t, restic(t))
			_, made, _ := seed.backup(t)
			for name, c := range map[string]struct {
				flags []string
				runs  map[string]int
			}{
				"at once":                         {runs: map[string]int{"version": 1, "restore": 1, "ls": 1, "cat": 1}},
				"once the volume has room for it": {flags: []string{"--room"}, runs: map[string]int{"version": 1, "restore": 1, "ls": 1, "cat": 1}},
				"again, once it was whole":        {runs: map[string]int{"ls": 1, "cat": 1}},
			} {
				t.Run(name, func(t *testing.T) {
					v := seed
					v.target = t.TempDir()
					if name == "again, once it was whole" {
						status, _, output := v.restore(t, made.Snapshot)
						require.Zero(t, status, output)
					}
					runs := noted(t, &v, "")
					status, result, output := v.restoreWith(t, made.Snapshot, c.flags...)
					require.Zero(t, status, output)
					assert.Equal(t, result.Expected, result.Restored)
					assert.Equal(t, c.runs, runs())
				})
			}
		})
	}
}

// counting is a proxy in front of a server that counts what is read of each kind of file.
type counting struct {
	mu    sync.Mutex
	reads map[string]int
}

func (c *counting) start(t *testing.T, server *restictest.Server) (host string) {
	t.Helper()
	to, err := url.Parse("http://" + server.Host)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); r.Method == http.MethodGet && len(parts) > 1 {
			c.mu.Lock()
			c.reads[parts[1]]++
			c.mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// since returns what was read since it was called last.
func (c *counting) since() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads := c.reads
	c.reads = map[string]int{}
	return reads
}

func TestARestoreReadsAtMostThriceWhatResticReads(t *testing.T) {
	counter := &counting{reads: map[string]int{}}
	server := restictest.StartRest(t)
	v := newVolume(t, restictest.Restic(t))
	v.repository.Folder = filepath.Join(server.Folder, "repo")
	v.repository.Address, v.repository.Env = "rest:http://"+counter.start(t, server)+"/repo/", server.Env()
	v.repository.Init(t)
	require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_REST_USERNAME"), []byte(restictest.RestUser), 0o400))
	require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_REST_PASSWORD"), []byte(restictest.RestPassword), 0o400))
	for _, name := range []string{"a", "b/c", "b/d"} {
		files(t, v.data, name)
	}
	_, made, _ := v.backup(t)

	counter.since()
	v.repository.CacheDir = t.TempDir()
	v.repository.Run(t, "restore", "--no-lock", "--target", t.TempDir(), made.Snapshot+":"+v.data)
	raw := counter.since()
	// As empty as that cache, but made: where both that begin at once make it, one may
	// find it half made and read all of this again.
	v.scratch = t.TempDir()
	cache := filepath.Join(v.scratch, cli.CacheFolder, v.id(t))
	require.NoError(t, os.MkdirAll(cache, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cache, "version"), []byte("1"), 0o600))
	counter.since()
	status, _, output := v.restore(t, made.Snapshot)
	require.Zero(t, status, output)
	moved := counter.since()
	t.Logf("restic reads %v, the mover %v", raw, moved)
	for _, kind := range []string{"config", "keys"} {
		assert.Equal(t, 3*raw[kind], moved[kind], kind)
	}
	for kind := range moved {
		assert.LessOrEqual(t, moved[kind], 3*raw[kind], kind)
	}
}

func TestARestoreBegunWithAnotherFolderThanTheRootIsBegunAgain(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	top := t.TempDir()
	folder := filepath.Join(top, "srv", "data")
	holds := files(t, folder, "a", "data/b", strings.TrimPrefix(folder, "/")+"/inner")
	snapshot, path := v.typed(t, folder, ".")
	v.data = path
	// What lies at the path that was backed up is restored before it is known that the
	// volume's root was the top.
	began := filepath.Join(t.TempDir(), "began")
	runs := noted(t, &v, `case "$1$*" in restore*:/*) "$RESTIC" "$@"; touch `+began+`; exit;; ls*) until [ -e `+began+` ]; do sleep 0.01; done;; esac`)
	status, result, output := v.restore(t, snapshot)
	require.Zero(t, status, output)
	assert.Contains(t, output, "the volume's root was the folder / of the snapshot and not "+folder+": beginning again")
	assert.ElementsMatch(t, holds, regular(t, v.target))
	assert.Equal(t, int64(3), result.Restored.Files)
	assert.Equal(t, result.Expected, result.Restored)
	assert.Equal(t, map[string]int{"version": 1, "restore": 2, "ls": 1}, runs())
}

func TestARestoreOfASnapshotThatIsRefusedLeavesTheVolumeEmpty(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	top := t.TempDir()
	files(t, filepath.Join(top, "data"), "a", "b")
	snapshot := v.repository.Snapshot(t, filepath.Join(top, "data"))
	v.data = top // a folder on the way, which the snapshot is not of
	began := filepath.Join(t.TempDir(), "began")
	noted(t, &v, `case "$1" in restore) "$RESTIC" "$@"; touch `+began+`; exec sleep 60;; ls) until [ -e `+began+` ]; do sleep 0.01; done;; esac`)
	require.NoError(t, os.Mkdir(filepath.Join(v.target, "lost+found"), 0o700))
	status, result, output := v.restore(t, snapshot)
	assert.Equal(t, 1, status, output)
	assert.Contains(t, result.Error, "holds no folder "+top)
	assert.Equal(t, report.FindingOwn, result.Finding)
	left, err := os.ReadDir(v.target)
	require.NoError(t, err)
	require.Len(t, left, 1, "neither data nor the mark: %v", left)
	assert.Equal(t, "lost+found", left[0].Name())
}

// starved has restic lack memory the first time that it lists a snapshot.
func starved(t *testing.T) string {
	t.Helper()
	return `if [ "$1" = ls ] && mkdir ` + filepath.Join(t.TempDir(), "once") + `; then echo "fatal error: runtime: cannot allocate memory" >&2; exit 2; fi`
}

func TestASnapshotThatCannotBeListedBesideTheRestoreIsListedAfterIt(t *testing.T) {
	seed, snapshot := seeded(t, restictest.Restic(t))
	t.Run("where the restore was right", func(t *testing.T) {
		v := seed.clone(t)
		runs := noted(t, &v, starved(t))
		status, result, output := v.restore(t, snapshot)
		require.Zero(t, status, output)
		assert.Equal(t, result.Expected, result.Restored)
		assert.Equal(t, inventory(t, v.data), inventory(t, v.target))
		assert.Equal(t, map[string]int{"version": 1, "restore": 1, "ls": 2, "cat": 1}, runs())
	})
	t.Run("where the restore found no folder of that path", func(t *testing.T) {
		v := newVolume(t, restictest.Restic(t))
		v.repository.Init(t)
		holds := files(t, v.data, "a", "b/c")
		snapshot, path := v.typed(t, v.data, ".")
		v.data = path
		runs := noted(t, &v, starved(t))
		status, _, output := v.restore(t, snapshot)
		require.Zero(t, status, output)
		assert.ElementsMatch(t, holds, regular(t, v.target))
		assert.Equal(t, map[string]int{"version": 1, "restore": 2, "ls": 2}, runs())
	})
}

func TestAResticThatFindsItsCacheHalfMadeByTheOtherOneIsRunAgain(t *testing.T) {
	seed, snapshot := seeded(t, restictest.Restic(t))
	for _, command := range []string{"restore", "ls"} {
		t.Run(command, func(t *testing.T) {
			v := seed.clone(t)
			// A file of the cache that another one has made and not yet written.
			cache := filepath.Join(t.TempDir(), "cache")
			half := filepath.Join(cache, v.id(t))
			runs := noted(t, &v, `if [ "$1" = `+command+` ] && mkdir `+cache+` 2>/dev/null; then
	mkdir `+half+` && : >`+half+`/version
	export RESTIC_CACHE_DIR=`+cache+`
fi`)
			status, result, output := v.restore(t, snapshot)
			require.Zero(t, status, output)
			assert.Contains(t, output, "unable to open cache: readVersion: ", "as restic words it")
			assert.Empty(t, result.Problems)
			assert.Equal(t, inventory(t, v.data), inventory(t, v.target))
			assert.Equal(t, 2, runs()[command])
		})
	}
}

// id returns the repository's id.
func (v volume) id(t *testing.T) string {
	t.Helper()
	var config struct{ ID string }
	require.NoError(t, json.Unmarshal(v.repository.Run(t, "cat", "config", "--no-lock"), &config))
	return config.ID
}

func TestARestoreThatFailsSaysWhyAndKeepsTheMark(t *testing.T) {
	seed, snapshot := seeded(t, restictest.Restic(t))
	t.Run("where the password is wrong", func(t *testing.T) {
		v := seed.clone(t)
		require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_PASSWORD"), []byte("wrong"), 0o400))
		runs := noted(t, &v, "")
		status, result, _ := v.restore(t, snapshot)
		assert.Equal(t, 1, status)
		assert.Equal(t, "credentials", result.Kind)
		assert.Equal(t, map[string]int{"version": 1, "restore": 1, "ls": 1}, runs())
		assert.FileExists(t, mark(v.target))
	})
	t.Run("where restic cannot restore and the snapshot can be listed", func(t *testing.T) {
		v := seed.clone(t)
		noted(t, &v, `[ "$1" = restore ] && { echo "disk on fire" >&2; exit 1; }`)
		status, result, _ := v.restore(t, snapshot)
		assert.Equal(t, 1, status)
		assert.Contains(t, result.Error, "disk on fire")
		assert.FileExists(t, mark(v.target))
	})
}

func TestWhenThePodIsToldToEndARestoreEndsAllThatItRuns(t *testing.T) {
	v := newVolume(t, "")
	started := t.TempDir()
	v.restic = wrapped(t, "none", `case "$1" in version) echo "restic 0.19.1"; exit;; esac
trap 'rm `+started+`/$1; exit 130' INT
touch `+started+`/$1
[ "$1" = restore ] && echo '{"message_type":"status"}'
while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		assert.Eventually(t, func() bool {
			running, _ := os.ReadDir(started)
			return len(running) == 2
		}, time.Minute, 5*time.Millisecond, "one restores and one lists")
	}()
	args := append([]string{"restore"}, v.common()...)
	status, result, _ := run(t, ctx, append(args, "--snapshot", strings.Repeat("a", 64), "--folder", "/data", "--target", v.target, "--mark", prime)...)
	assert.Equal(t, 1, status)
	assert.Equal(t, "unavailable", result.Kind)
	assert.Contains(t, result.Error, "stopped before its end")
	running, err := os.ReadDir(started)
	require.NoError(t, err)
	assert.Empty(t, running)
	assert.FileExists(t, mark(v.target))
}
