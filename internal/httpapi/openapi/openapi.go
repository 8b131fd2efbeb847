package openapi

import "github.com/google/jsonschema-go/jsonschema"

// Version is the version of the format.
const Version = "3.1.0"

// Document is a whole API.
type Document struct {
	OpenAPI    string                `json:"openapi"`
	Info       Info                  `json:"info"`
	Servers    []Server              `json:"servers"`
	Security   []Security            `json:"security"`
	Paths      map[string]PathItem   `json:"paths"`
	Components map[string]Components `json:"components"`
}

// Info says what the API is.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

// Server is where the paths are served.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

// PathItem has a path's operations, by method in lower case.
type PathItem map[string]Operation

// Operation is one method on one path.
type Operation struct {
	OperationID string              `json:"operationId"`
	Summary     string              `json:"summary"`
	Parameters  []Parameter         `json:"parameters,omitempty"`
	RequestBody *RequestBody        `json:"requestBody,omitempty"`
	Responses   map[string]Response `json:"responses"`
	// Security replaces the document's: nil leaves it, an empty list asks for
	// nothing.
	Security *[]Security `json:"security,omitempty"`
}

// Parameter is a part of the path or of the query.
type Parameter struct {
	Name        string             `json:"name"`
	In          string             `json:"in"`
	Description string             `json:"description,omitempty"`
	Required    bool               `json:"required,omitempty"`
	Schema      *jsonschema.Schema `json:"schema"`
}

// RequestBody is what is sent.
type RequestBody struct {
	Required bool                 `json:"required"`
	Content  map[string]MediaType `json:"content"`
}

// Response is what is answered. One with a Ref has nothing else.
type Response struct {
	Ref         string               `json:"$ref,omitempty"`
	Description string               `json:"description,omitempty"`
	Headers     map[string]Header    `json:"headers,omitempty"`
	Content     map[string]MediaType `json:"content,omitempty"`
}

// Header is a header of a response.
type Header struct {
	Description string             `json:"description"`
	Schema      *jsonschema.Schema `json:"schema"`
}

// MediaType is a body of one content type.
type MediaType struct {
	Schema *jsonschema.Schema `json:"schema"`
}

// Security is one way to be let in: the names of security schemes, all of which
// it takes. An empty one is that nothing is needed.
type Security map[string][]string

// Components is what is named once and referred to: schemas, responses and
// security schemes, each by its name.
type Components map[string]any

// SecurityScheme is one sort of credential.
type SecurityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme,omitempty"`
	In          string `json:"in,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description"`
}
