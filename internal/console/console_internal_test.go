package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func small(t *testing.T) *Console {
	t.Helper()
	c, err := open(fstest.MapFS{
		".gitkeep":                {},
		"index.html":              {Data: []byte("<!doctype html>the page")},
		"index.html.br":           {Data: []byte("page, br")},
		"index.html.gz":           {Data: []byte("page, gz")},
		"favicon.svg":             {Data: []byte("<svg/>")},
		"assets/index-a1b2.js":    {Data: []byte("the script")},
		"assets/index-a1b2.js.gz": {Data: []byte("script, gz")},
	})
	require.NoError(t, err)
	return c
}

func get(t *testing.T, c *Console, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	req.Header = header
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, req)
	return answer
}

func TestWhatIsServedAtAPath(t *testing.T) {
	const page, script = "<!doctype html>the page", "the script"
	tests := map[string]struct {
		path   string
		status int
		body   string
	}{
		"the page in the root":                           {"/", 200, page},
		"the page, by its name":                          {"/index.html", 200, page},
		"the page where the app finds its way":           {"/inventory", 200, page},
		"the page of a claim":                            {"/claims/media/photos", 200, page},
		"the page of a claim with a dot in its name":     {"/claims/media/photos.v2", 200, page},
		"the page where no page is, which the app tells": {"/nowhere", 200, page},
		"a script":                              {"/assets/index-a1b2.js", 200, script},
		"a file in the root":                    {"/favicon.svg", 200, "<svg/>"},
		"no script of an older console":         {"/assets/index-0000.js", 404, ""},
		"no folder":                             {"/assets/", 404, ""},
		"no file in the root that is not there": {"/wp-login.php", 404, ""},
		"no compressed form by its name":        {"/assets/index-a1b2.js.gz", 404, ""},
		"no hidden file":                        {"/.gitkeep", 404, ""},
		"the page, for a path that leads out of the folder": {"/../../etc/passwd", 200, page},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := get(t, small(t), http.MethodGet, test.path, nil)
			assert.Equal(t, test.status, answer.Code)
			if test.status == http.StatusOK {
				assert.Equal(t, test.body, answer.Body.String())
			} else {
				assert.NotContains(t, answer.Body.String(), "<")
			}
		})
	}
}

func TestHowLongBrowsersKeepWhatTheyGot(t *testing.T) {
	for path, want := range map[string]string{
		"/":                     "no-cache",
		"/inventory":            "no-cache",
		"/favicon.svg":          "no-cache",
		"/assets/index-a1b2.js": "public, max-age=31536000, immutable",
		"/assets/index-0000.js": "no-store",
	} {
		assert.Equal(t, want, get(t, small(t), http.MethodGet, path, nil).Header().Get("Cache-Control"), path)
	}
}

func TestWhoHasThePageAlreadyIsToldSo(t *testing.T) {
	c := small(t)
	tag := get(t, c, http.MethodGet, "/", nil).Header().Get("Etag")
	answer := get(t, c, http.MethodGet, "/policies", http.Header{"If-None-Match": {tag}})
	assert.Equal(t, http.StatusNotModified, answer.Code)
	assert.Empty(t, answer.Body.String())
	answer = get(t, c, http.MethodGet, "/", http.Header{"If-None-Match": {tag}, "Accept-Encoding": {"br"}})
	assert.Equal(t, http.StatusOK, answer.Code, "another form has another tag")
}

func TestTheSmallestFormThatAClientTakesIsSent(t *testing.T) {
	tests := map[string]struct {
		path     string
		accepted []string
		coding   string
		body     string
	}{
		"brotli, as browsers ask":       {"/", []string{"gzip, deflate, br, zstd"}, "br", "page, br"},
		"gzip, as scripts ask":          {"/", []string{"gzip"}, "gzip", "page, gz"},
		"gzip where there is no brotli": {"/assets/index-a1b2.js", []string{"gzip, br"}, "gzip", "script, gz"},
		"in letters of any case":        {"/", []string{"GZIP"}, "gzip", "page, gz"},
		"over several headers":          {"/", []string{"deflate", "br"}, "br", "page, br"},
		"with weights":                  {"/", []string{"br;q=0.1, gzip;q=1.0"}, "br", "page, br"},
		"not what is ruled out":         {"/", []string{"br;q=0, gzip; q=0.5"}, "gzip", "page, gz"},
		"nor what has no weight":        {"/", []string{"br;q=, gzip;q=0.000"}, "", "<!doctype html>the page"},
		"plain for who does not say":    {"/", nil, "", "<!doctype html>the page"},
		"plain for who takes anything":  {"/", []string{"*"}, "", "<!doctype html>the page"},
		"plain where that is smallest":  {"/favicon.svg", []string{"br, gzip"}, "", "<svg/>"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := get(t, small(t), http.MethodGet, test.path, http.Header{"Accept-Encoding": test.accepted})
			assert.Equal(t, test.coding, answer.Header().Get("Content-Encoding"))
			assert.Equal(t, test.body, answer.Body.String())
			assert.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"))
		})
	}
}

func TestTheTypeOfAFileIsThatOfItsName(t *testing.T) {
	header := http.Header{"Accept-Encoding": {"br, gzip"}}
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/assets/index-a1b2.js": "text/javascript; charset=utf-8", "/favicon.svg": "image/svg+xml",
	} {
		assert.Equal(t, want, get(t, small(t), http.MethodGet, path, header).Header().Get("Content-Type"), path)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	answer := get(t, small(t), http.MethodHead, "/", nil)
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Empty(t, answer.Body.String())
}

func TestNothingRunsThatIsWrittenIntoAPage(t *testing.T) {
	for _, path := range []string{"/", "/assets/index-a1b2.js", "/assets/index-0000.js"} {
		policy := get(t, small(t), http.MethodGet, path, nil).Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; script-src 'self';", path)
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
	}
}

func TestAFolderWithoutAPageIsNoConsole(t *testing.T) {
	_, err := open(fstest.MapFS{"favicon.svg": {Data: []byte("<svg/>")}})
	assert.ErrorContains(t, err, "index.html")
}

func FuzzAccepts(f *testing.F) {
	for _, seed := range []string{"gzip, deflate, br", "br;q=0", "br;q=1;x=y", ";;,,=", "br;q=NaN", "*;q=0.5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		accepts([]string{header}, "br")
		assert.False(t, accepts([]string{"br;q=0," + header}, "br"), "what comes first counts")
	})
}
