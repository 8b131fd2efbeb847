package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/console"
)

var (
	reference = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	inline    = regexp.MustCompile(`(?i)<script(?:\s+[^>]*)?>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=`)
)

// TestThePageThatIsBuiltInHasAllThatItNeeds looks at whatever is built in, the
// console or the page that stands in for it.
func TestThePageThatIsBuiltInHasAllThatItNeeds(t *testing.T) {
	served, err := console.New()
	require.NoError(t, err)
	page := get(t, served, "/")
	assert.Equal(t, http.StatusOK, page.Code)
	assert.Contains(t, page.Body.String(), "<title>Soteria")
	assert.NotRegexp(t, inline, page.Body.String(), "the Content-Security-Policy lets nothing inline run")
	for _, match := range reference.FindAllStringSubmatch(page.Body.String(), -1) {
		require.True(t, strings.HasPrefix(match[1], "/"), "%s is Soteria's own", match[1])
		if !strings.HasPrefix(match[1], "/v1/") {
			assert.Equal(t, http.StatusOK, get(t, served, match[1]).Code, match[1])
		}
	}
}

func get(t *testing.T, handler http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return answer
}
