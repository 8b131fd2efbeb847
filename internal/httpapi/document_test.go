package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// post sends a JSON body to a handler.
func post(t *testing.T, handler http.Handler, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/backup", bytes.NewReader(body))
	req.Header.Set("Content-Type", jsonType)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req)
	return answer
}

// document is what tests read of /v1/openapi.json.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas   map[string]*jsonschema.Schema
		Responses map[string]response
	}
}

type operation struct {
	OperationID string
	Summary     string
	Parameters  []documented
	Security    *[]map[string][]string
	RequestBody *struct{ Content content }
	Responses   map[string]response
}

// documented is a parameter.
type documented struct {
	Name, In string
	Required bool
	Schema   *jsonschema.Schema
}

type response struct {
	Ref     string `json:"$ref"`
	Content content
}

type content map[string]struct {
	Schema struct {
		Ref   string `json:"$ref"`
		OneOf []struct {
			Ref string `json:"$ref"`
		}
	}
}

func readDocument(t *testing.T, url string) document {
	t.Helper()
	resp, body := send(t, http.MethodGet, url+"/v1/openapi.json", "", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, jsonType, resp.Header.Get("Content-Type"))
	var d document
	require.NoError(t, json.Unmarshal([]byte(body), &d))
	return d
}

func TestTheDocumentIsItsGoldenFile(t *testing.T) {
	_, body := send(t, http.MethodGet, newWorld().serve(t, nil)+"/v1/openapi.json", "", "")
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, []byte(body), "", "  "))
	golden(t, "openapi.json", indented.String())
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// TestTheDocumentListsTheMethodsThatAreServed asks the router itself what each
// path answers to.
func TestTheDocumentListsTheMethodsThatAreServed(t *testing.T) {
	url := newWorld().serve(t, nil)
	d := readDocument(t, url)
	assert.Equal(t, "3.1.0", d.OpenAPI)
	ids := map[string]bool{}
	for path, operations := range d.Paths {
		want := []string{http.MethodOptions}
		for method, o := range operations {
			want = append(want, strings.ToUpper(method))
			if method == "get" {
				want = append(want, http.MethodHead)
			}
			assert.NotEmpty(t, o.Summary, path)
			assert.False(t, ids[o.OperationID], "%s is there twice", o.OperationID)
			ids[o.OperationID] = true
			assert.Equal(t, "#/components/responses/Error", o.Responses["default"].Ref, path)
			assert.Greater(t, len(o.Responses), 1, "%s %s answers something", method, path)
		}
		resp, _ := send(t, http.MethodOptions, url+placeholder.ReplaceAllString(path, "x"), "", "")
		allowed := strings.Split(resp.Header.Get("Allow"), ", ")
		slices.Sort(want)
		slices.Sort(allowed)
		assert.Equal(t, want, allowed, path)
	}
	resp, _ := send(t, http.MethodOptions, url+"/nowhere", "", "")
	assert.Empty(t, resp.Header.Get("Allow"), "a path that is not in the document answers to nothing")
}

func TestPathParametersAreInTheDocument(t *testing.T) {
	d := readDocument(t, newWorld().serve(t, nil))
	for path, operations := range d.Paths {
		for _, o := range operations {
			var named []string
			for _, p := range o.Parameters {
				if p.In == "path" {
					named = append(named, p.Name)
				}
			}
			var want []string
			for _, match := range placeholder.FindAllStringSubmatch(path, -1) {
				want = append(want, match[1])
			}
			assert.Equal(t, want, named, path)
		}
	}
}

// holds checks that an answer is what the document says of the route. Paths that
// are not routed have nothing said of them.
func (d document) holds(t *testing.T, method, path string, status int, body string) {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	for template, operations := range d.Paths {
		routed, documented := operations[strings.ToLower(method)]
		if !documented || !regexp.MustCompile("^"+placeholder.ReplaceAllString(template, `[^/]+`)+"$").MatchString(path) {
			continue
		}
		answer, documented := routed.Responses[strconv.Itoa(status)]
		if !documented {
			answer = d.Components.Responses["Error"]
		}
		schema := answer.Content[jsonType].Schema
		if len(schema.OneOf) > 0 {
			of := 0
			for _, each := range schema.OneOf {
				if d.validate(t, strings.TrimPrefix(each.Ref, "#/components/schemas/"), body) == nil {
					of++
				}
			}
			assert.Equal(t, 1, of, "of one of the schemas and no other: %s", body)
			continue
		}
		name := strings.TrimPrefix(schema.Ref, "#/components/schemas/")
		require.NoError(t, d.validate(t, name, body), "%s as the document has it", name)
	}
}

// validate checks JSON against a schema of the document.
func (d document) validate(t *testing.T, name, body string) error {
	t.Helper()
	require.Contains(t, d.Components.Schemas, name)
	schema, err := d.Components.Schemas[name].Resolve(nil)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal([]byte(body), &value))
	return schema.Validate(value)
}

func TestTheDocumentTellsWhatBodiesAreRefused(t *testing.T) {
	d := readDocument(t, newWorld().serve(t, nil))
	require.NoError(t, d.validate(t, "BackupRequest", `{"namespace":"media","pvc":"photos","driver":"restic","tags":["a"],"dry_run":true}`))
	for name, body := range map[string]string{
		"a field that is not known": `{"namespace":"media","pvc":"photos","dryrun":true}`,
		"a field that is missing":   `{"namespace":"media"}`,
		"a field of another type":   `{"namespace":"media","pvc":"photos","dry_run":"yes"}`,
	} {
		assert.Error(t, d.validate(t, "BackupRequest", body), name)
	}
}

func TestTheDocumentLetsLaterVersionsAnswerMore(t *testing.T) {
	d := readDocument(t, newWorld().serve(t, nil))
	assert.NoError(t, d.validate(t, "Health", `{"status":"ok","since":"noon"}`))
	assert.Error(t, d.validate(t, "Existence", `{"exists":true}`))
	assert.Error(t, d.validate(t, "Backups", `{"namespace":"media","pvc":"photos","backups":null}`))
}
