package openapi_test

import (
	"embed"
	"encoding/json"
	"reflect"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/httpapi/openapi"
)

//go:embed comments_test.go
var sources embed.FS

// Fleet is a sample: it has
// two [Ship]s.
type Fleet struct {
	// HomePort is where Ships return to.
	HomePort string `json:"home_port"`
	// Ships are by name.
	Ships []*Ship         `json:"ships"`
	Ports map[string]Port `json:"ports"`
	Registered
}

// Ship is one of a fleet.
type Ship struct {
	// MastCount and SailCount are null where nobody counted.
	MastCount *int `json:"mast_count"`
	SailCount *int `json:"sail_count"`
	Flag      Flag `json:"flag"`
	Name      string
}

// Port is where ships lie.
type Port struct {
	// Depth is in metres.
	Depth float64 `json:"depth"`
}

type (
	// Registered is when something was registered.
	Registered struct {
		// At is the time.
		At time.Time `json:"at"`
	}
	// Flag is no struct, and is not described.
	Flag string
)

func TestSchemasAreDescribedByTheCommentsOfTheirTypes(t *testing.T) {
	fleet := reflect.TypeFor[Fleet]()
	comments, err := openapi.ReadComments(fleet.PkgPath(), sources)
	require.NoError(t, err)
	schema, err := openapi.Answered(fleet, nil)
	require.NoError(t, err)
	comments.Describe(schema, fleet)

	assert.Equal(t, "Fleet is a sample: it has two Ships.", schema.Description)
	told := map[string]string{}
	for name, property := range schema.Properties {
		told[name] = property.Description
	}
	assert.Equal(t, map[string]string{
		"home_port": "home_port is where ships return to.", "ships": "ships are by name.", "ports": "", "at": "at is the time.",
	}, told)

	ship := schema.Properties["ships"].Items
	assert.Equal(t, "Ship is one of a fleet.", ship.Description)
	assert.Equal(t, "mast_count and sail_count are null where nobody counted.", ship.Properties["mast_count"].Description)
	assert.Equal(t, ship.Properties["mast_count"].Description, ship.Properties["sail_count"].Description, "it is said of both")
	assert.Empty(t, ship.Properties["flag"].Description)

	port := schema.Properties["ports"].AdditionalProperties
	assert.Equal(t, "Port is where ships lie.", port.Description)
	assert.Equal(t, "depth is in metres.", port.Properties["depth"].Description)
}

func TestTypesOfOtherPackagesAreNotDescribedByTypesOfTheirName(t *testing.T) {
	comments, err := openapi.ReadComments("example.com/another", sources)
	require.NoError(t, err)
	schema, err := openapi.Answered(reflect.TypeFor[Fleet](), nil)
	require.NoError(t, err)
	comments.Describe(schema, reflect.TypeFor[Fleet]())
	text, err := json.Marshal(schema)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "description")
}

func TestSourcesThatAreNoGoAreAnError(t *testing.T) {
	_, err := openapi.ReadComments("example.com/broken", fstest.MapFS{"broken.go": {Data: []byte("package broken; type T struct {")}})
	assert.ErrorContains(t, err, "reading the sources of example.com/broken")
}
