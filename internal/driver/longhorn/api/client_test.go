package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// hurriedClock is the real clock with pauses of a thousandth of their length.
type hurriedClock struct{ clock.RealClock }

func (c hurriedClock) NewTimer(d time.Duration) clock.Timer { return c.RealClock.NewTimer(d / 1000) }

func hurried() clock.WithTicker { return hurriedClock{} }

// serve gives a client of a server that answers so.
func serve(t *testing.T, options api.Options, answer http.HandlerFunc) *api.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	if options.Clock == nil {
		options.Clock = hurried()
	}
	client, err := api.New(server.URL, options)
	require.NoError(t, err)
	return client
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for sentence, address := range map[string]string{
		"nothing":               "",
		"no scheme":             "longhorn-backend:9500",
		"another scheme":        "ftp://longhorn",
		"no host":               "http://:9500",
		"a query":               "http://longhorn?x=1",
		"a fragment":            "http://longhorn#x",
		"not a URL":             "http://[::1",
		"a user and a password": "http://user:hunter2@longhorn",
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := api.New(address, api.Options{})
			require.Error(t, err)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestAnAddressMayEndAsLonghornsDocumentationWritesIt(t *testing.T) {
	for address, want := range map[string]string{
		"http://longhorn-frontend.longhorn-system/v1":        "http://longhorn-frontend.longhorn-system",
		"http://longhorn-frontend.longhorn-system/v1/":       "http://longhorn-frontend.longhorn-system",
		"http://longhorn-backend.longhorn-system.svc:9500/":  "http://longhorn-backend.longhorn-system.svc:9500",
		"https://apps.example.org/longhorn/v1":               "https://apps.example.org/longhorn",
		"http://longhorn-backend.longhorn-system.svc:9500":   "http://longhorn-backend.longhorn-system.svc:9500",
		"http://[fd00::1]:9500":                              "http://[fd00::1]:9500",
		"http://longhorn-backend.longhorn-system.svc:9500//": "http://longhorn-backend.longhorn-system.svc:9500",
	} {
		got, err := api.ParseURL(address)
		require.NoError(t, err, address)
		assert.Equal(t, want, got)
	}
}

func TestANameThatIsNoneIsNeverAsked(t *testing.T) {
	client := serve(t, api.Options{}, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, name := range []string{"", "..", "a/b", "a?action=x", "A", "a%2fb"} {
		for _, asks := range []asks{
			volume(name), remove(name), expand(name, 1), create(api.NewVolume{Name: name}), sync(name), backupsOf(name), backupNamed(name, "x"),
			snapshot(name, "x"), snapshots(name), makeSnapshot(name, "x", nil), backUp(name, "x", "", nil),
		} {
			_, err := asks(t.Context(), client)
			assert.Equal(t, backup.Invalid, backup.KindOf(err), "%q: %v", name, err)
		}
		for _, err := range []error{
			client.DeleteSnapshot(t.Context(), name, "x"), client.DeleteBackup(t.Context(), name, "x"), client.DeleteBackup(t.Context(), "x", name),
		} {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
		}
	}
}

// text answers with this status and body.
func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = w.Write([]byte(`{"data":[{"name":"a"}`))
	}
	for sentence, c := range map[string]struct {
		answer http.HandlerFunc
		asks   asks
		words  string
	}{
		"nothing":                        {text(200, ""), volumes, "unexpected end of JSON input"},
		"an object without a list":       {text(200, `{}`), volumes, "the answer holds no list"},
		"a list of nothing":              {text(200, `{"data":null}`), volumes, "the answer holds no list"},
		"a list of nobody":               {text(200, `{"data":[null]}`), volumes, "the answer holds an object without a name"},
		"half a list":                    {half, volumes, "the answer broke off after 21 bytes"},
		"half a list that claims no end": {text(200, `{"data":[{"name":"a"}`), volumes, "unexpected end of JSON input"},
		"two objects":                    {text(200, `{"data":[]}{"data":[]}`), volumes, "after top-level value"},
		"another volume":                 {text(200, `{"name":"b"}`), volume("a"), `the answer is about "b"`},
		"an error with status 200":       {text(200, `{"type":"error","message":"no"}`), volume("a"), `the answer is about ""`},
		"a volume without a name, made":  {text(200, `{}`), create(api.NewVolume{Name: "a"}), `the answer is about ""`},
		"a name that is a number":        {text(200, `{"name":5}`), volume("a"), `field "name" is number`},
		"a flag that is text":            {text(200, `{"name":"a","ready":"true"}`), volume("a"), `field "ready" is string`},
		"a size that is no number":       {text(200, `{"name":"a","size":"2Gi"}`), volume("a"), `"2Gi" is not a whole number`},
		"plain text":                     {text(500, "upstream connect error\nor disconnect"), volume("a"), "upstream connect error or disconnect"},
		"HTML from something between":    {text(404, "<html>nginx</html>"), volume("a"), "<html>nginx</html>"},
		"a status that says it all":      {text(503, ""), volume("a"), "HTTP status 503 Service Unavailable"},
		"status 405":                     {text(405, "Method Not Allowed"), sync("a"), "this version has no such call"},
		"status 204":                     {text(204, ""), volume("a"), "HTTP status 204"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := c.asks(t.Context(), serve(t, api.Options{}, c.answer))
			require.Error(t, err)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			assert.ErrorContains(t, err, c.words)
			assert.ErrorContains(t, err, "Longhorn, ")
			assert.False(t, api.IsNotFound(err))
		})
	}
}

func TestNumbersMayBeTextAndTextNumbers(t *testing.T) {
	client := serve(t, api.Options{}, text(200, `{"name":"a","size":1073741824,"numberOfReplicas":"3","controllers":[{"size":null}],"restoreStatus":[{"progress":"37"}]}`))
	v, err := client.Volume(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, api.Int(1<<30), v.Size)
	assert.Equal(t, api.Int(3), v.NumberOfReplicas)
	assert.Equal(t, api.Int(0), v.Controllers[0].Size)
	assert.Equal(t, api.Int(37), v.RestoreStatus[0].Progress)
}

func TestABackupTargetOfOldVersionsHasItsNameInID(t *testing.T) {
	client := serve(t, api.Options{}, text(200, `{"data":[{"id":"default","backupTargetURL":"s3://b@r/"}]}`))
	targets, err := client.BackupTargets(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.BackupTarget{{Name: "default", URL: "s3://b@r/"}}, targets)
}

func TestLonghornsWordsAreBoundedAndOneLine(t *testing.T) {
	message, err := json.Marshal("bad\n\tthing \x00" + strings.Repeat("é", 5000))
	require.NoError(t, err)
	client := serve(t, api.Options{}, text(500, fmt.Sprintf(`{"type":"error","status":500,"message":%s}`, message)))
	_, err = client.Volume(t.Context(), "a")
	assert.ErrorContains(t, err, "bad thing éé")
	assert.Less(t, len(err.Error()), 700)
	assert.NotContains(t, err.Error(), "\n")
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	client := serve(t, api.Options{}, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for i := range chunk {
			chunk[i] = ' '
		}
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	_, err := client.BackupTargets(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorContains(t, err, "larger than 64 MiB")
}

func TestOnlyReadingIsTriedAgain(t *testing.T) {
	for sentence, c := range map[string]struct {
		asks asks
		want int32
	}{
		"a volume":            {volume("a"), 3},
		"all volumes":         {volumes, 3},
		"a snapshot":          {snapshot("a", "s"), 3},
		"backups of a volume": {backupsOf("a"), 3},
		"making a volume":     {create(api.NewVolume{Name: "a"}), 1},
		"deleting a volume":   {remove("a"), 1},
		"expanding":           {expand("a", 1), 1},
		"making a snapshot":   {makeSnapshot("a", "s", nil), 1},
		"backing up":          {backUp("a", "s", "full", nil), 1},
		"asking for a sync":   {sync("a"), 1},
		"deleting a snapshot": {func(ctx context.Context, c *api.Client) (answer, error) {
			return answer{}, c.DeleteSnapshot(ctx, "a", "s")
		}, 1},
		"deleting a backup": {func(ctx context.Context, c *api.Client) (answer, error) {
			return answer{}, c.DeleteBackup(ctx, "a", "b")
		}, 1},
		"listing backup targets":  {backupTargets, 3},
		"listing snapshots":       {snapshots("a"), 3},
		"reading a single backup": {backupNamed("a", "b"), 3},
	} {
		t.Run(sentence, func(t *testing.T) {
			var asked atomic.Int32
			client := serve(t, api.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(http.StatusInternalServerError)
			})
			_, err := c.asks(t.Context(), client)
			require.Error(t, err)
			assert.Equal(t, c.want, asked.Load())
		})
	}
}

func TestWhatWasRefusedOnceMaySucceed(t *testing.T) {
	var asked atomic.Int32
	client := serve(t, api.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(`{"data":[]}`))
	})
	found, err := client.BackupTargets(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestACallTakesNoLongerThanItMay(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	client := serve(t, api.Options{Timeout: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	_, err := client.Volume(t.Context(), "a")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestACallEndsWithItsContext(t *testing.T) {
	client, err := api.New("http://192.0.2.1", api.Options{}) // an address that nobody has
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Volume(ctx, "a")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestASnapshotThatIsGoneIsDeleted(t *testing.T) {
	client := serve(t, api.Options{}, text(404, `{"type":"error","status":404,"message":"snapshot.longhorn.io \"s\" not found"}`))
	require.NoError(t, client.DeleteSnapshot(t.Context(), "a", "s"))
}

func TestABackupIsDeletedByItsName(t *testing.T) {
	client := serve(t, api.Options{}, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/v1/backupvolumes/pvc-1?action=backupDelete", r.URL.RequestURI())
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.JSONEq(t, `{"name":"backup-1"}`, string(body))
		_, _ = w.Write([]byte(`{"type":"backupVolume","name":"pvc-1"}`))
	})
	require.NoError(t, client.DeleteBackup(t.Context(), "pvc-1", "backup-1"))
}

func TestABackupThatIsGoneIsDeleted(t *testing.T) {
	client := serve(t, api.Options{}, text(404, `{"type":"error","status":404,"message":"backups.longhorn.io \"b\" not found"}`))
	require.NoError(t, client.DeleteBackup(t.Context(), "a", "b"))
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"data":[]}`, `{"data":[{"name":"a","size":"5"}]}`, `{"type":"error","message":"x"}`, `{"data":[{"size":"\u0031"}]}`,
		`{"data":[{"size":-1e400}]}`, `{"data":[null]}`, `<html>`, `{"data":[{"conditions":{"Restore":{"status":"True"}}}]}`,
	} {
		f.Add(200, seed)
		f.Add(500, seed)
		f.Add(404, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 304 {
			return
		}
		client := serve(t, api.Options{}, text(status, body))
		_, err := client.BackupTargets(t.Context())
		if err == nil {
			assert.Equal(t, 200, status)
			assert.Contains(t, body, "data")
			return
		}
		assert.Contains(t, []backup.Kind{backup.Unavailable, backup.NotFound}, backup.KindOf(err))
		assert.Less(t, len(err.Error()), 1000)
	})
}

func FuzzInt(f *testing.F) {
	for _, seed := range []string{`1`, `"1"`, `""`, `null`, `-9223372036854775808`, `9223372036854775808`, `1.5`, `"a"`, `true`, `{}`, `"\u0031"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n api.Int
		if json.Unmarshal([]byte(text), &n) != nil {
			return
		}
		written, err := json.Marshal(n)
		require.NoError(t, err)
		var again api.Int
		require.NoError(t, json.Unmarshal(written, &again))
		assert.Equal(t, n, again)
	})
}

func TestAnswersAreObserved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	defer server.Close()
	observed := 0
	client, err := api.New(server.URL, api.Options{Observe: func(next http.RoundTripper) http.RoundTripper {
		return observer(func(request *http.Request) (*http.Response, error) {
			observed++
			return next.RoundTrip(request)
		})
	}})
	require.NoError(t, err)
	_, err = client.BackupTargets(t.Context())
	require.Error(t, err)
	assert.Equal(t, 1, observed)
}

type observer func(*http.Request) (*http.Response, error)

func (o observer) RoundTrip(request *http.Request) (*http.Response, error) { return o(request) }
