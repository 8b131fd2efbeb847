package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/signin"
)

func TestOneTypeThatIsSentAndAnsweredHasTwoSchemas(t *testing.T) {
	type Thing struct {
		Name string `json:"name"`
	}
	text, err := describeRoutes([]route{{
		method: http.MethodPut, path: "/things/:name", summary: "Put a thing", body: Thing{}, answers: answers{http.StatusOK: Thing{}},
	}})
	require.NoError(t, err)
	assert.Contains(t, string(text), `"ThingRequest":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`)
	assert.Contains(t, string(text), `"Thing":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`)
	assert.Contains(t, string(text), `"operationId":"putThingsName"`)
}

func TestATypeThatIsNoJSONCannotBeDescribed(t *testing.T) {
	for _, bad := range []route{{body: struct{ F func() }{}}, {answers: answers{http.StatusOK: struct{ F func() }{}}}} {
		_, err := describeRoutes([]route{bad})
		assert.Error(t, err)
	}
}

func TestPathsThatAreNotKnownToBeOpenAreProtected(t *testing.T) {
	for path, want := range map[string]signin.Access{
		"/healthz": signin.Public, "/readyz": signin.Public, "/metrics": signin.Public,
		"/exists/media/photos": signin.Existence, "/exists/": signin.Existence,
		"/exists": signin.Protected, "/healthz/": signin.Protected, "/metrics/../v1/backup": signin.Protected, "//metrics": signin.Protected,
		"/v1/backup": signin.Protected, "/": signin.Protected, "": signin.Protected, "/v1/later": signin.Protected,
	} {
		assert.Equal(t, want, access(path), path)
	}
}
