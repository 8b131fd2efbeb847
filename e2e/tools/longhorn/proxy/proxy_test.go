package proxy_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/proxy"
)

const volumes = `{"data":[{"type":"volume","size":"1073741824","numberOfReplicas":3,"ready":true,"name":"pvc-1"}],"type":"collection"}`

// fixture is an API behind the proxy, and what it was asked.
type fixture struct {
	*httptest.Server
	hosts []string
}

func newFixture(t *testing.T, faults string) *fixture {
	t.Helper()
	f := &fixture{}
	var front *url.URL
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.hosts = append(f.hosts, r.Host)
		if r.URL.Path == "/v1/forwarded" && r.Host != front.Host {
			// As Longhorn does with what belongs to the node that it knows by another address.
			r.URL.Host, r.URL.Scheme, r.RequestURI, r.Host = front.Host, "http", "", front.Host
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer response.Body.Close()
			w.WriteHeader(response.StatusCode)
			_, _ = io.Copy(w, response.Body)
			return
		}
		_, _ = io.WriteString(w, volumes)
	}))
	t.Cleanup(api.Close)
	behind, err := url.Parse(api.URL)
	require.NoError(t, err)

	list, err := fault.Parse([]byte(faults))
	require.NoError(t, err)
	set := &fault.Set{}
	set.Replace(list)
	f.Server = httptest.NewServer(proxy.New(behind, set, slog.New(slog.DiscardHandler)))
	t.Cleanup(f.Close)
	front, err = url.Parse(f.URL)
	require.NoError(t, err)
	return f
}

func (f *fixture) get(t *testing.T, path, host string) (int, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+path, nil)
	require.NoError(t, err)
	request.Host = host
	response, err := f.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestWithoutFaultsTheAnswerIsTheAPIsAndSoIsTheHost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "")
	status, body, err := f.get(t, "/v1/volumes", "longhorn-backend:9500")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, volumes, body)
	require.Equal(t, []string{"longhorn-backend:9500"}, f.hosts)
}

func TestARefusalSpeaksAsLonghornDoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: status500, match: 'GET /v1/volumes$', message: 'no "disk"'}]`)
	status, body, err := f.get(t, "/v1/volumes", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, status)
	require.JSONEq(t, `{"actions":null,"links":null,"type":"error","status":500,"code":"Internal Server Error","message":"no \"disk\"","detail":""}`, body)
	require.Empty(t, f.hosts)

	status, _, err = f.get(t, "/v1/volumes/pvc-1", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}

func TestAnAnswerCanBeLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: slow, delay: 50ms}]`)
	start := time.Now()
	_, body, err := f.get(t, "/v1/volumes", "")
	require.NoError(t, err)
	require.Equal(t, volumes, body)
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
}

func TestAnAnswerCanEndInTheMiddle(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: half}]`)
	_, body, err := f.get(t, "/v1/volumes", "")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, volumes[:len(volumes)/2], body)
}

func TestNumbersAndStringsCanChangePlaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: wrongTypes}]`)
	_, body, err := f.get(t, "/v1/volumes", "")
	require.NoError(t, err)
	require.JSONEq(t, `{"data":[{"type":"volume","size":1073741824,"numberOfReplicas":"3","ready":true,"name":"pvc-1"}],"type":"collection"}`, body)
}

func TestTheNewestLonghornSaysMore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: apiMaster}]`)
	_, body, err := f.get(t, "/v1/volumes", "")
	require.NoError(t, err)
	var answer struct{ Data []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, "1073741824", answer.Data[0]["size"])
	require.Equal(t, "2097152", answer.Data[0]["backupBlockSize"])
	require.Contains(t, answer.Data[0], "notReadyMessage")
}

func TestALargeBlockSizeRefusesVolumesThatItDoesNotDivide(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: largeBlock}]`)
	for body, words := range map[string]string{
		`{"name":"v","size":"69206016"}`:                             "volume size 69206016 must be an integer multiple of the backup block size 16777216",
		`{"name":"v","size":"69206016","backupBlockSize":"4194304"}`: "unsupported BackupBlockSize: 4194304",
		`{"name":"v","size":"69206016","backupBlockSize":"2097152"}`: "",
		`{"name":"v","size":"67108864"}`:                             "",
		`{"name":"v","size":69206016}`:                               "",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/v1/volumes", strings.NewReader(body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		answer, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		if words == "" {
			require.Equal(t, http.StatusOK, response.StatusCode, body)
			continue
		}
		require.Equal(t, http.StatusInternalServerError, response.StatusCode, body)
		require.Contains(t, string(answer), words)
	}
	status, _, err := f.get(t, "/v1/volumes", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}

func TestARequestThatTheAPIForwardsToItselfIsHitOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `[{fault: status500, times: 1}, {fault: wrongTypes, times: 1}]`)
	status, _, err := f.get(t, "/v1/forwarded", "longhorn-backend:9500")
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, status)

	_, body, err := f.get(t, "/v1/forwarded", "longhorn-backend:9500")
	require.NoError(t, err)
	require.Contains(t, body, `"size":1073741824`)
	require.Len(t, f.hosts, 2)
}
