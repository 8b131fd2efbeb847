package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// walked is a route of the document, and what of it is asked.
type walked struct {
	method, path string
	operation
	document document
	base     string
}

// walk does something with each route of the document that a server serves.
func walk(t *testing.T, do func(t *testing.T, r walked)) {
	t.Helper()
	base := newWorld().serve(t, nil)
	d := readDocument(t, base)
	require.Greater(t, len(d.Paths), 20)
	for path, operations := range d.Paths {
		for method, o := range operations {
			t.Run(method+" "+path, func(t *testing.T) { do(t, walked{strings.ToUpper(method), path, o, d, base}) })
		}
	}
}

// filled are values that every route takes.
var filled = map[string]string{"namespace": "media", "pvc": "photos", "name": "soteria-abc", "id": "0123456789abcdef", "target_pvc": "copy"}

// url is the route's address, with the required parameters but one and those of query.
func (r walked) url(without string, query url.Values) string {
	path := placeholder.ReplaceAllStringFunc(r.path, func(name string) string { return filled[strings.Trim(name, "{}")] })
	all := url.Values{}
	for _, p := range r.Parameters {
		if p.In == "query" && p.Required && p.Name != without {
			all.Set(p.Name, filled[p.Name])
		}
	}
	maps.Copy(all, query)
	return r.base + path + "?" + all.Encode()
}

// required are the fields of the body that have to be there; nil where there is no body.
func (r walked) required() []string {
	if r.RequestBody == nil {
		return nil
	}
	name := strings.TrimPrefix(r.RequestBody.Content[jsonType].Schema.Ref, "#/components/schemas/")
	required := slices.Clone(r.document.Components.Schemas[name].Required)
	if r.path == "/v1/restores" { // its schema is that of a test, too, which does without
		required = append(required, "pvc", "target_pvc")
	}
	return required
}

// body is a body with all required fields but one.
func (r walked) body(t *testing.T, without string, more map[string]any) string {
	t.Helper()
	fields := map[string]any{}
	for _, field := range r.required() {
		if field != without {
			fields[field] = filled[field]
		}
	}
	maps.Copy(fields, more)
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(text)
}

// send sends it, with a body where the route takes one.
func (r walked) send(t *testing.T, address, body string) (int, wire.Error) {
	t.Helper()
	contentType := jsonType
	if r.RequestBody == nil {
		contentType, body = "", ""
	}
	resp, text := send(t, r.method, address, contentType, body)
	var failure wire.Error
	if resp.StatusCode >= http.StatusBadRequest {
		require.NoError(t, json.Unmarshal([]byte(text), &failure), text)
		r.document.holds(t, r.method, strings.TrimPrefix(address, r.base), resp.StatusCode, text)
	}
	return resp.StatusCode, failure
}

// open reports whether a route may be asked by those who are not signed in: probes,
// scrapes, and /exists.
func (r walked) open() bool {
	return r.Security != nil && (len(*r.Security) == 0 || slices.ContainsFunc(*r.Security, func(s map[string][]string) bool { return len(s) == 0 }))
}

func TestEveryRouteDeclaresItsErrors(t *testing.T) {
	walk(t, func(t *testing.T, r walked) {
		for _, status := range []string{"4XX", "5XX", "default"} {
			assert.Equal(t, "#/components/responses/Error", r.Responses[status].Ref, status)
		}
		assert.NotEmpty(t, r.document.Components.Responses["Error"].Content)
	})
}

func TestEveryRouteRefusesQueryParametersThatItDoesNotKnow(t *testing.T) {
	walk(t, func(t *testing.T, r walked) {
		status, failure := r.send(t, r.url("", url.Values{"no_such_thing": {"1"}}), r.body(t, "", nil))
		if r.open() {
			assert.Contains(t, []string{"/healthz", "/readyz", "/metrics", "/exists/{namespace}/{pvc}"}, r.path, "others refuse them")
			assert.Equal(t, http.StatusOK, status, "whatever a probe, a scrape or a policy adds")
			return
		}
		assert.Equal(t, http.StatusBadRequest, status)
		assert.Equal(t, wire.ReasonUnknownParameter, failure.Reason)
		assert.Equal(t, "no_such_thing", failure.Field)
	})
}

func TestEveryRouteNamesWhatIsMissingAsMissing(t *testing.T) {
	walk(t, func(t *testing.T, r walked) {
		refusesMissing := func(name, address, body string) {
			status, failure := r.send(t, address, body)
			assert.Equal(t, http.StatusBadRequest, status, name)
			assert.Equal(t, wire.ReasonMissing, failure.Reason, "%s: %s", name, failure.Error)
			assert.Equal(t, name, failure.Field)
		}
		for _, p := range r.Parameters {
			if p.In == "query" && p.Required {
				refusesMissing(p.Name, r.url(p.Name, nil), r.body(t, "", nil))
				refusesMissing(p.Name, r.url(p.Name, url.Values{p.Name: {""}}), r.body(t, "", nil))
			}
		}
		for _, field := range r.required() {
			refusesMissing(field, r.url("", nil), r.body(t, field, nil))
			refusesMissing(field, r.url("", nil), r.body(t, field, map[string]any{field: ""}))
		}
	})
}

func TestEveryParameterTakesWhatItsTypeSaysAndNothingElse(t *testing.T) {
	walk(t, func(t *testing.T, r walked) {
		for _, p := range r.Parameters {
			require.NotNil(t, p.Schema, p.Name)
			assert.Contains(t, []string{"string", "integer"}, p.Schema.Type, p.Name)
			assert.Equal(t, strings.Contains(p.Name, "limit"), p.Schema.Type == "integer", p.Name)
			if p.In != "query" {
				continue
			}
			good, bad := examples(t, p.Schema)
			for _, value := range good {
				status, failure := r.send(t, r.url("", url.Values{p.Name: {value}}), r.body(t, "", nil))
				assert.Less(t, status, http.StatusBadRequest, "%s=%s: %s", p.Name, value, failure.Error)
			}
			for _, value := range bad {
				status, failure := r.send(t, r.url("", url.Values{p.Name: {value}}), r.body(t, "", nil))
				assert.Equal(t, http.StatusBadRequest, status, "%s=%s", p.Name, value)
				assert.Equal(t, p.Name, failure.Field, "%s=%s", p.Name, value)
			}
			status, failure := r.send(t, r.url("", url.Values{p.Name: {"media", "media"}}), r.body(t, "", nil))
			assert.Equal(t, http.StatusBadRequest, status)
			assert.Equal(t, p.Name, failure.Field, "it is there twice")
		}
	})
}

// examples are values that a schema allows and that it does not.
func examples(t *testing.T, schema *jsonschema.Schema) (good, bad []string) {
	t.Helper()
	switch {
	case schema.Type == "integer":
		require.NotNil(t, schema.Minimum)
		require.NotNil(t, schema.Maximum)
		number := func(n float64) string { return fmt.Sprintf("%.0f", n) }
		return []string{number(*schema.Minimum), number(*schema.Maximum)},
			[]string{number(*schema.Minimum - 1), number(*schema.Maximum + 1), "1.5", "1e1", "x", "-1", "99999999999999999999"}
	case schema.Enum != nil:
		for _, value := range schema.Enum {
			good = append(good, value.(string))
		}
		return good, []string{"NoSuchValue"}
	default:
		return nil, nil
	}
}

func TestEveryPathNamesItsMethodsToOthers(t *testing.T) {
	base := newWorld().serve(t, nil)
	d := readDocument(t, base)
	for path, operations := range d.Paths {
		allowed := map[string]bool{http.MethodOptions: true}
		for method := range operations {
			allowed[strings.ToUpper(method)] = true
		}
		allowed[http.MethodHead] = allowed[http.MethodGet]
		want := slices.DeleteFunc(slices.Sorted(maps.Keys(allowed)), func(m string) bool { return !allowed[m] })
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, "BREW"} {
			if allowed[method] {
				continue
			}
			for _, contentType := range []string{"", jsonType, "text/plain"} {
				address := base + placeholder.ReplaceAllString(path, "x") + "?no_such_thing=1"
				resp, body := send(t, method, address, contentType, "{}")
				assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s", method, path)
				got := strings.Split(resp.Header.Get("Allow"), ", ")
				slices.Sort(got)
				assert.Equal(t, want, got, "%s %s", method, path)
				if method != http.MethodHead {
					assert.Contains(t, body, wire.CodeMethodNotAllowed)
				}
			}
		}
	}
}

func TestEveryBodyIsHeldToItsSchema(t *testing.T) {
	bodies := 0
	walk(t, func(t *testing.T, r walked) {
		if r.RequestBody == nil {
			return
		}
		bodies++
		resp, text := send(t, r.method, r.url("", nil), "text/plain", r.body(t, "", nil))
		assert.Equal(t, http.StatusUnsupportedMediaType, resp.StatusCode, text)
		status, failure := r.send(t, r.url("", nil), r.body(t, "", map[string]any{"no_such_thing": 1}))
		assert.Equal(t, http.StatusBadRequest, status)
		assert.Equal(t, "no_such_thing", failure.Field)
		for _, field := range r.required() {
			status, failure := r.send(t, r.url("", nil), r.body(t, field, map[string]any{field: 1}))
			assert.Equal(t, http.StatusBadRequest, status, field)
			assert.Equal(t, field, failure.Field)
		}
	})
	assert.Greater(t, bodies, 4)
}
