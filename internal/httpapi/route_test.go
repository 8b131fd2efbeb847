package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequestsThatAreNotAsDocumentedAreRefusedByTheirCause(t *testing.T) {
	for name, test := range map[string]struct {
		method, path, contentType, body string
		status                          int
		says                            []string
	}{
		"a query parameter with a typo": {
			http.MethodGet, "/v1/backups?namespace=media&pvc=photos&limt=3", "", "", 400,
			[]string{`"reason":"unknown_parameter"`, `"field":"limt"`, "known are namespace, pvc, driver, limit"}},
		"a query parameter where none is known":            {http.MethodGet, "/v1/plan?namespace=media", "", "", 400, []string{"this path knows none"}},
		"a query parameter of a change":                    {http.MethodPost, "/v1/backup?dry_run=true", jsonType, `{"namespace":"media","pvc":"photos"}`, 400, []string{`"field":"dry_run"`}},
		"a parameter that is there twice":                  {http.MethodGet, "/v1/backups?namespace=media&namespace=lab&pvc=photos", "", "", 400, []string{"more than once", `"field":"namespace"`}},
		"a missing parameter":                              {http.MethodGet, "/v1/backups?pvc=photos", "", "", 400, []string{`"reason":"missing"`, "namespace is missing"}},
		"an empty parameter":                               {http.MethodGet, "/v1/backups?namespace=media&pvc=", "", "", 400, []string{`"reason":"missing"`, "pvc is missing"}},
		"a missing field":                                  {http.MethodPost, "/v1/backup", jsonType, `{"pvc":"photos"}`, 400, []string{`"reason":"missing"`, "namespace is missing"}},
		"a method that the path has not, without a body":   {http.MethodPost, "/v1/plan", "", "", 405, []string{"method_not_allowed", "GET"}},
		"a method that the path has not, with a form":      {http.MethodPut, "/v1/backup", "text/plain", "x", 405, []string{"method_not_allowed", "POST"}},
		"a path that is not there, without a content type": {http.MethodPost, "/v1/nowhere", "", "", 404, []string{"not_found"}},
		"a deletion whose body does not say what it is":    {http.MethodDelete, "/v1/policies/0123456789abcdef", "", "{}", 415, []string{"unsupported_media_type"}},
		"a body that is no JSON":                           {http.MethodPost, "/v1/backup", "text/plain", "x", 415, []string{"unsupported_media_type"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			resp, body := send(t, test.method, w.serve(t, nil)+test.path, test.contentType, test.body)
			assert.Equal(t, test.status, resp.StatusCode, body)
			for _, words := range test.says {
				assert.Contains(t, body, words)
			}
			assert.Zero(t, w.request, "nothing is started")
		})
	}
}

func TestWhatKubernetesAndPvcPlumberAskMayHaveAQuery(t *testing.T) {
	url := newWorld().serve(t, nil)
	for _, path := range []string{"/healthz?probe=1", "/readyz?verbose", "/metrics?format=text", "/exists/media/photos?x=1"} {
		resp, _ := send(t, http.MethodGet, url+path, "", "")
		assert.Equal(t, http.StatusOK, resp.StatusCode, path)
	}
}

func TestTheDocumentTypesWhatItTakes(t *testing.T) {
	_, body := send(t, http.MethodGet, newWorld().serve(t, nil)+"/v1/openapi.json", "", "")
	assert.Contains(t, body, `"description":"How many backups are listed at most; by default all","schema":{"type":"integer","minimum":1,"maximum":1000000}`)
	assert.Contains(t, body, `"servers":[{"url":"/"`)
	assert.Contains(t, body, `"4XX":{"$ref":"#/components/responses/Error"}`)
}
