package slowline_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/slowline"
)

// between starts a line to a store and returns it with its address.
func between(t *testing.T, target string) (*slowline.Line, string) {
	t.Helper()
	line, err := slowline.New(target)
	require.NoError(t, err)
	server := httptest.NewServer(line)
	t.Cleanup(server.Close)
	return line, server.URL
}

func TestRequestsAndAnswersPassAsTheyAre(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Host+" "+r.Method+" "+r.URL.String()+" "+string(body))
	}))
	t.Cleanup(store.Close)
	line, address := between(t, store.URL)
	response, err := http.Post(address+"/a%2Fb?list-type=2&prefix=x%2F", "text/plain", strings.NewReader("content"))
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusTeapot, response.StatusCode)
	assert.Equal(t, strings.TrimPrefix(address, "http://")+" POST /a%2Fb?list-type=2&prefix=x%2F content", string(answer))
	assert.EqualValues(t, 1, line.Requests())
	assert.EqualValues(t, 1, line.Requests("192.0.2.1"))
	assert.Zero(t, line.Requests("127.0.0.1"), "none came from elsewhere")
}

func TestResticWorksThroughALineToAnS3Store(t *testing.T) {
	store := restictest.StartS3(t)
	line, address := between(t, "http://"+store.Host)
	r := restictest.Repository{Restic: restictest.Restic(t), Address: "s3:" + address + "/" + restictest.Bucket + "/far", Env: store.Env(), CacheDir: t.TempDir()}
	r.Init(t)
	before := line.Requests()
	assert.Positive(t, before)
	assert.Equal(t, "[]", strings.TrimSpace(string(r.Run(t, "snapshots", "--json"))))
	assert.Greater(t, line.Requests(), before)
}

func TestEachRequestWaits(t *testing.T) {
	store := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(store.Close)
	line, address := between(t, store.URL)
	const far = 20 * time.Millisecond
	line.Delay(far)
	began := time.Now()
	response, err := http.Get(address)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.GreaterOrEqual(t, time.Since(began), far)

	line.Delay(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), far)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(request)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "a client that gives up is not kept")
}

func TestALineNeedsAStore(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:7070", "/path", "http://%zz"} {
		_, err := slowline.New(target)
		assert.ErrorContains(t, err, "is not the URL of a store", target)
	}
}
