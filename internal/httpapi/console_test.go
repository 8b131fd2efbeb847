package httpapi_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/httpapi"
)

// shell stands for the console.
var shell = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "the console at "+r.URL.Path)
})

func TestTheConsoleIsServedBesideTheAPI(t *testing.T) {
	w := guardedWorld(t)
	w.console = shell
	url := w.serve(t, nil)
	t.Run("to everybody, since it is what asks people to sign in", func(t *testing.T) {
		for _, path := range []string{"/", "/inventory", "/claims/media/photos", "/assets/index.js", "/nowhere", "/v2"} {
			resp, body := ask(t, http.MethodGet, url+path, "")
			assert.Equal(t, http.StatusOK, resp.StatusCode, path)
			assert.Equal(t, "the console at "+path, body)
			assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
			assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		}
	})
	t.Run("never in the place of the API, nor of what the API might have one day", func(t *testing.T) {
		for _, path := range []string{
			"/v1", "/v1/", "/v1/inventory", "/v1/nowhere", "/exists", "/healthz/", "/readyz/x", "/metrics/x", "//exists/media/photos", "//",
		} {
			resp, body := ask(t, http.MethodGet, url+path, "")
			assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
			assert.NotContains(t, body, "the console")
		}
		resp, _ := ask(t, http.MethodGet, url+"/exists/media/photos", "")
		assert.Equal(t, jsonType, resp.Header.Get("Content-Type"))
	})
	t.Run("to who reads alone", func(t *testing.T) {
		for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodOptions} {
			resp, _ := ask(t, method, url+"/inventory", "")
			assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, method)
		}
		resp, body := ask(t, http.MethodHead, url+"/inventory", "")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Empty(t, body)
	})
	t.Run("not where there is nothing but /exists", func(t *testing.T) {
		w := newWorld()
		w.console = shell
		resp, _ := send(t, http.MethodGet, w.serve(t, func(cfg *httpapi.Config) { cfg.ExistsOnly = true })+"/", "", "")
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
	})
}
