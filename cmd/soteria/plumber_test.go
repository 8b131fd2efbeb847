package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// plumber is the environment of pvc-plumber's example for S3.
func plumber(change map[string]string) map[string]string {
	env := map[string]string{
		"BACKEND_TYPE": "s3", "S3_ENDPOINT": "minio.minio.svc.cluster.local:9000", "S3_BUCKET": "volsync-backup",
		"S3_ACCESS_KEY": "an access key", "S3_SECRET_KEY": "a secret key", "S3_SECURE": "false",
	}
	maps.Copy(env, change)
	maps.DeleteFunc(env, func(_, value string) bool { return value == "-" })
	return env
}

func TestWhatMakesAPlumber(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"pvc-plumber's example":                      {plumber(nil), true},
		"its example without a backend, which is S3": {plumber(map[string]string{"BACKEND_TYPE": "-"}), true},
		"Soteria":                                     {valid(nil), false},
		"nothing":                                     {map[string]string{}, false},
		"Soteria with an S3 endpoint in the air":      {valid(map[string]string{"S3_ENDPOINT": "minio:9000"}), false},
		"a backend, whatever else there is":           {valid(map[string]string{"BACKEND_TYPE": "s3"}), true},
		"a backend that nobody knows, to be told so":  {map[string]string{"BACKEND_TYPE": "tape"}, true},
		"Soteria that looks up what VolSync backs up": {valid(map[string]string{"SOTERIA_RESTORE_DRIVERS": "restic,s3"}), false},
	} {
		assert.Equal(t, test.want, inPlumberMode(test.env), name)
	}
}

func TestAPlumbersEnvironment(t *testing.T) {
	c, err := readPlumberConfig(plumber(nil))
	require.NoError(t, err)
	assert.Equal(t, ":8080", c.ListenAddr)
	assert.Equal(t, 3*time.Second, c.ExistsTimeout)
	assert.Equal(t, slog.LevelInfo, c.LogLevel)
	assert.Equal(t, 503, c.ExistsUnknownStatus)
	assert.Equal(t, []string{"s3"}, c.RestoreDrivers)
	assert.Equal(t, "http://minio.minio.svc.cluster.local:9000", c.lookupS3().Bucket.Endpoint)
	assert.Equal(t, "volsync-backup", c.lookupS3().Bucket.Bucket)
	assert.Equal(t, "a secret key", c.lookupS3().Bucket.SecretAccessKey.Reveal())
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c.lookupS3()), "a secret key")

	c, err = readPlumberConfig(plumber(map[string]string{
		"PORT": "9090", "HTTP_TIMEOUT": "500ms", "LOG_LEVEL": "debug", "S3_SECURE": "true", "SOTERIA_EXISTS_UNKNOWN_STATUS": "200", "BACKEND_TYPE": "",
	}))
	require.NoError(t, err)
	assert.Equal(t, ":9090", c.ListenAddr)
	assert.Equal(t, 500*time.Millisecond, c.ExistsTimeout)
	assert.Equal(t, slog.LevelDebug, c.LogLevel)
	assert.Equal(t, 200, c.ExistsUnknownStatus)
	assert.Equal(t, "https://minio.minio.svc.cluster.local:9000", c.lookupS3().Bucket.Endpoint)

	c, err = readPlumberConfig(plumber(map[string]string{"SOTERIA_LISTEN_ADDR": "127.0.0.1:1", "SOTERIA_LOOKUP_S3_BUCKET": "other"}))
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:1", c.ListenAddr)
	assert.Equal(t, "other", c.lookupS3().Bucket.Bucket, "Soteria's own names win")
}

func TestEachMistakeOfAPlumberNamesItsVariable(t *testing.T) {
	mistakes := map[string]string{
		"PORT": "http", "HTTP_TIMEOUT": "soon", "SOTERIA_READY_REQUIRES_BACKEND": "perhaps", "LOG_LEVEL": "chatty", "S3_SECURE": "perhaps", "S3_ENDPOINT": "minio:9000/backups", "S3_BUCKET": "a/b",
		"BACKEND_TYPE": "tape", "SOTERIA_LOOKUP_S3_SECRET_NAME": "keys",
	}
	for variable, value := range mistakes {
		_, err := readPlumberConfig(plumber(map[string]string{variable: value}))
		assert.ErrorContains(t, err, variable+": ")
	}
	_, err := readPlumberConfig(plumber(mistakes))
	for variable := range mistakes {
		assert.ErrorContains(t, err, variable+": ", "all at once")
	}
	for _, missing := range []string{"S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"} {
		_, err := readPlumberConfig(plumber(map[string]string{missing: "-"}))
		assert.ErrorContains(t, err, missing)
	}
}

// running is a plumber that answers.
type running struct {
	url   string
	store *restictest.Server
}

// startPlumber runs a plumber on a store with a folder of objects for each name.
func startPlumber(t testing.TB, change map[string]string, keys ...string) running {
	t.Helper()
	store := restictest.StartS3(t)
	for _, key := range keys {
		path := filepath.Join(store.Folder, restictest.Bucket, filepath.FromSlash(key))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	env := plumber(map[string]string{
		"S3_ENDPOINT": store.Host, "S3_BUCKET": restictest.Bucket, "S3_ACCESS_KEY": restictest.AccessKey, "S3_SECRET_KEY": restictest.SecretKey,
	})
	maps.Copy(env, change)
	r := runPlumber(t, env)
	r.store = store
	return r
}

// runPlumber runs a plumber in an environment.
func runPlumber(t testing.TB, env map[string]string) running {
	t.Helper()
	c, err := readPlumberConfig(env)
	require.NoError(t, err)
	known, server, err := newPlumber(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return known.Start(ctx) })
	group.Go(func() error { return server.Serve(ctx, listener) })
	t.Cleanup(func() {
		stop()
		assert.NoError(t, group.Wait())
	})
	return running{url: "http://" + listener.Addr().String()}
}

func (r running) get(t testing.TB, path string) (int, string) {
	t.Helper()
	response, err := http.Get(r.url + path)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(body)
}

// TestTheAnswersOfPvcPlumbersReadme compares the fields that its README shows.
func TestTheAnswersOfPvcPlumbersReadme(t *testing.T) {
	r := startPlumber(t, nil, "karakeep/data-pvc/config", "karakeep/data-pvc/snapshots/0a", "karakeep/initialised/config", "karakeep/plain/file")
	for path, want := range map[string]string{
		"/exists/karakeep/data-pvc":    `{"exists":true,"decision":"restore","authoritative":true,"namespace":"karakeep","pvc":"data-pvc","backend":"s3"}`,
		"/exists/karakeep/plain":       `{"exists":true,"decision":"restore","authoritative":true,"namespace":"karakeep","pvc":"plain","backend":"s3"}`,
		"/exists/karakeep/none":        `{"exists":false,"decision":"fresh","authoritative":true,"namespace":"karakeep","pvc":"none","backend":"s3"}`,
		"/exists/karakeep/initialised": `{"exists":false,"decision":"fresh","authoritative":true,"namespace":"karakeep","pvc":"initialised","backend":"s3"}`,
		"/healthz":                     `{"status":"ok"}`,
		"/readyz":                      `{"status":"ok"}`,
	} {
		status, body := r.get(t, path)
		assert.Equal(t, http.StatusOK, status, path)
		assertHas(t, want, body)
	}
	status, _ := r.get(t, "/exists/Not_A_Name/x")
	assert.Equal(t, http.StatusBadRequest, status)
	status, _ = r.get(t, "/v1/inventory")
	assert.Equal(t, http.StatusNotFound, status, "nothing else is there")

	_, body := r.get(t, "/metrics")
	for _, line := range []string{
		"pvc_plumber_requests_total 4", "pvc_plumber_requests_errors_total 0",
		`pvc_plumber_backup_check_total{backend="s3",decision="restore"} 2`,
		`pvc_plumber_backup_check_total{backend="s3",decision="fresh"} 2`,
		`pvc_plumber_backup_check_total{backend="s3",decision="unknown"} 0`,
		`soteria_exists_requests_total{decision="restore"} 2`,
	} {
		assert.Contains(t, body, line+"\n")
	}
}

// assertHas checks that an answer has these fields with these values; it may have
// more.
func assertHas(t *testing.T, want, got string) {
	t.Helper()
	var wanted, gotten map[string]any
	require.NoError(t, json.Unmarshal([]byte(want), &wanted))
	require.NoError(t, json.Unmarshal([]byte(got), &gotten), got)
	for field, value := range wanted {
		assert.Equal(t, value, gotten[field], "%s in %s", field, got)
	}
}

func TestAPlumberThatCannotTellSaysSo(t *testing.T) {
	for name, test := range map[string]struct {
		env    map[string]string
		status int
		says   string
	}{
		"wrong keys":                        {map[string]string{"S3_SECRET_KEY": "wrong"}, 503, "SignatureDoesNotMatch"},
		"a bucket that does not exist":      {map[string]string{"S3_BUCKET": "no-such-bucket"}, 503, "NoSuchBucket"},
		"nobody there":                      {map[string]string{"S3_ENDPOINT": "127.0.0.1:1"}, 503, "connection refused"},
		"wrong keys, and callers that wait": {map[string]string{"S3_SECRET_KEY": "wrong", "SOTERIA_EXISTS_UNKNOWN_STATUS": "200"}, 200, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startPlumber(t, test.env, "karakeep/data-pvc/snapshots/0a")
			status, body := r.get(t, "/exists/karakeep/none")
			assert.Equal(t, test.status, status)
			assertHas(t, `{"exists":false,"decision":"unknown","authoritative":false,"namespace":"karakeep","pvc":"none","backend":"s3"}`, body)
			assert.Contains(t, body, test.says)
			_, metrics := r.get(t, "/metrics")
			assert.Contains(t, metrics, "pvc_plumber_requests_errors_total 1\n")
			status, _ = r.get(t, "/readyz")
			assert.Equal(t, http.StatusOK, status, "it answers, whatever the store does")
		})
	}
}

func TestAPlumberThatRequiresItsBackendIsReadyOnceThatIsListed(t *testing.T) {
	required := map[string]string{"SOTERIA_READY_REQUIRES_BACKEND": "true"}
	r := startPlumber(t, required, "karakeep/data-pvc/snapshots/0a")
	status, _ := r.get(t, "/exists/karakeep/none")
	require.Equal(t, http.StatusOK, status)
	status, body := r.get(t, "/readyz")
	assert.Equal(t, http.StatusOK, status)
	assertHas(t, `{"status":"ok"}`, body)

	required["S3_SECRET_KEY"] = "wrong"
	r = startPlumber(t, required, "karakeep/data-pvc/snapshots/0a")
	status, _ = r.get(t, "/exists/karakeep/none")
	require.Equal(t, http.StatusServiceUnavailable, status)
	status, body = r.get(t, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, "SignatureDoesNotMatch")
	status, _ = r.get(t, "/healthz")
	assert.Equal(t, http.StatusOK, status, "a restart would not help")
}

func TestAPlumberThatRequiresItsBackendIsNotReadyBeforeItWasListed(t *testing.T) {
	unlisted := func() []catalog.Overview { return []catalog.Overview{{Driver: "s3"}} }
	assert.ErrorContains(t, plumberReady(true, unlisted)(t.Context()), "the s3 repository has not been listed yet")
	assert.NoError(t, plumberReady(false, unlisted)(t.Context()))
}

func TestAPlumbersMemoryFitsPvcPlumbersManifests(t *testing.T) {
	c, err := readPlumberConfig(plumber(nil))
	require.NoError(t, err)
	assert.EqualValues(t, 24<<20, plumberMemory(c))
	c, err = readPlumberConfig(kopiaPlumber("/repository", "a password"))
	require.NoError(t, err)
	assert.EqualValues(t, 48<<20, plumberMemory(c))
}

func TestAStoreThatGoesAwayIsUnknownAndOneThatWasEmptiedToo(t *testing.T) {
	r := startPlumber(t, map[string]string{"SOTERIA_FRESHNESS": "0s", "HTTP_TIMEOUT": "20s"}, "karakeep/data-pvc/snapshots/0a")
	status, _ := r.get(t, "/exists/karakeep/none")
	require.Equal(t, http.StatusOK, status)

	require.NoError(t, os.RemoveAll(filepath.Join(r.store.Folder, restictest.Bucket, "karakeep")))
	status, body := r.get(t, "/exists/karakeep/none")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, "has held backups and is empty now")

	r.store.Stop(t)
	status, _ = r.get(t, "/exists/karakeep/none")
	assert.Equal(t, http.StatusServiceUnavailable, status)
}

// names gives as many objects, of as many claims, as a benchmark asks for.
func names(claims int) []string {
	var keys []string
	for n := range claims {
		at := fmt.Sprintf("ns-%02d/pvc-%03d/", n%25, n)
		keys = append(keys, at+"config", at+"keys/0a", at+"snapshots/0a")
	}
	return keys
}

func TestFiveHundredClaimsAreAnsweredForAndNoOther(t *testing.T) {
	r := startPlumber(t, map[string]string{"HTTP_TIMEOUT": "20s"}, names(500)...)
	for n := range 600 {
		_, body := r.get(t, fmt.Sprintf("/exists/ns-%02d/pvc-%03d", n%25, n))
		assertHas(t, fmt.Sprintf(`{"authoritative":true,"exists":%t}`, n < 500), body)
	}
	_, metrics := r.get(t, "/metrics")
	assert.Contains(t, metrics, "pvc_plumber_requests_total 600\n")
	assert.NotContains(t, metrics, `soteria_listings_total{driver="s3",result="unavailable"}`)
	assert.True(t, strings.Contains(metrics, `soteria_listings_total{driver="s3",result="ok"}`))
}

// kopiaPlumber is the environment of pvc-plumber's example for Kopia.
func kopiaPlumber(path, password string) map[string]string {
	return map[string]string{"BACKEND_TYPE": "kopia-fs", "KOPIA_REPOSITORY_PATH": path, "KOPIA_PASSWORD": password, "HTTP_TIMEOUT": "20s"}
}

func TestTheAnswersOfPvcPlumbersReadmeForKopia(t *testing.T) {
	repository := kopiatest.New(t)
	repository.Backup(t, backup.Claim{Namespace: "karakeep", Name: "data-pvc"}, time.Date(2026, time.April, 12, 3, 0, 0, 0, time.UTC))
	r := runPlumber(t, kopiaPlumber(repository.Folder, kopiatest.Password))
	for path, want := range map[string]string{
		"/exists/karakeep/data-pvc": `{"exists":true,"decision":"restore","authoritative":true,"namespace":"karakeep","pvc":"data-pvc","backend":"kopia-fs","source":"data-pvc-backup@karakeep:/data"}`,
		"/exists/karakeep/none":     `{"exists":false,"decision":"fresh","authoritative":true,"namespace":"karakeep","pvc":"none","backend":"kopia-fs","source":"none-backup@karakeep:/data"}`,
	} {
		status, body := r.get(t, path)
		assert.Equal(t, http.StatusOK, status, path)
		assertHas(t, want, body)
	}
	_, body := r.get(t, "/metrics")
	assert.Contains(t, body, `pvc_plumber_backup_check_total{backend="kopia-fs",decision="restore"} 1`+"\n")
}

func TestAKopiaPlumberThatCannotTellSaysSo(t *testing.T) {
	repository := kopiatest.New(t)
	for name, test := range map[string]struct{ path, password, says string }{
		"a wrong password":         {repository.Folder, "another", "password"},
		"a mount that is missing":  {filepath.Join(t.TempDir(), "nowhere"), kopiatest.Password, "is the volume mounted"},
		"a folder of nothing else": {t.TempDir(), kopiatest.Password, "kopia.repository"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := runPlumber(t, kopiaPlumber(test.path, test.password)).get(t, "/exists/karakeep/data-pvc")
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assertHas(t, `{"exists":false,"decision":"unknown","authoritative":false,"namespace":"karakeep","pvc":"data-pvc","backend":"kopia-fs","source":"data-pvc-backup@karakeep:/data"}`, body)
			assert.Contains(t, body, test.says)
			assert.NotContains(t, body, kopiatest.Password)
		})
	}
}

func TestAKopiaPlumberNeedsAPassword(t *testing.T) {
	c, err := readPlumberConfig(map[string]string{"BACKEND_TYPE": "kopia-fs", "KOPIA_PASSWORD": "a password"})
	require.NoError(t, err)
	assert.Equal(t, "/repository", c.kopia("kopia-fs").Path)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c.kopia("kopia-fs")), "a password")
	_, err = readPlumberConfig(map[string]string{"BACKEND_TYPE": "kopia-fs"})
	assert.ErrorContains(t, err, "KOPIA_PASSWORD: it is missing")
}

func TestAnEmptyRepositoryProvesThatThereIsNoBackup(t *testing.T) {
	for backend, r := range map[string]running{
		"s3":       startPlumber(t, nil),
		"kopia-fs": runPlumber(t, kopiaPlumber(kopiatest.New(t).Folder, kopiatest.Password)),
	} {
		status, body := r.get(t, "/exists/karakeep/data-pvc")
		assert.Equal(t, http.StatusOK, status, backend)
		assertHas(t, `{"exists":false,"decision":"fresh","authoritative":true,"backend":"`+backend+`","error":""}`, body)
	}
}

func TestAPlumberIsUnsureWhereARepositoryIsNoClaims(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		keys []string
		want string
	}{
		"a repository for each application": {keys: []string{"karakeep/config", "karakeep/snapshots/0a"}, want: `{"exists":false,"decision":"unknown","authoritative":false}`},
		"a repository below a prefix":       {keys: []string{"volsync/karakeep/none/config"}, want: `{"exists":false,"decision":"unknown","authoritative":false}`},
		"a repository at the root":          {keys: []string{"config"}, want: `{"exists":false,"decision":"unknown","authoritative":false}`},
		"one that is declared foreign": {
			env: map[string]string{"SOTERIA_LOOKUP_S3_FOREIGN": "folder=laptop"}, keys: []string{"laptop/config", "media/photos/config"},
			want: `{"exists":false,"decision":"fresh","authoritative":true}`},
		"the layout that there is": {
			env: map[string]string{"SOTERIA_LOOKUP_S3_LAYOUT": "volsync/{namespace}/{pvc}"}, keys: []string{"volsync/karakeep/none/config", "volsync/karakeep/none/snapshots/0a"},
			want: `{"exists":true,"decision":"restore","authoritative":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := startPlumber(t, test.env, test.keys...)
			_, body := r.get(t, "/exists/karakeep/none")
			assertHas(t, test.want, body)
		})
	}
}
