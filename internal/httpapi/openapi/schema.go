package openapi

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// Types are schemas of types that their Go type does not tell.
type Types map[reflect.Type]*jsonschema.Schema

// Enumeration is the schema of a text of which all values are known.
func Enumeration[T ~string](values ...T) *jsonschema.Schema {
	schema := Text()
	for _, value := range values {
		schema.Enum = append(schema.Enum, string(value))
	}
	return schema
}

// Text is the schema of any text.
func Text() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }

// Count is the schema of a whole number that is at least least and at most most.
func Count(least, most int) *jsonschema.Schema {
	minimum, maximum := float64(least), float64(most)
	return &jsonschema.Schema{Type: "integer", Minimum: &minimum, Maximum: &maximum}
}

// ListOrNull is the schema of a list that is null where it could not be told.
func ListOrNull(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "array", Items: item}, {Type: "null"}}}
}

// Reference refers to a schema of the document's, by its name.
func Reference(name string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/components/schemas/" + name}
}

// OneOf is the schema of what is of one of the document's schemas.
func OneOf(names ...string) *jsonschema.Schema {
	schema := &jsonschema.Schema{}
	for _, name := range names {
		schema.OneOf = append(schema.OneOf, Reference(name))
	}
	return schema
}

// Sent is the schema of what a client sends: fields that it does not name are
// refused. It fails for types that no JSON has.
func Sent(t reflect.Type, known Types) (*jsonschema.Schema, error) {
	types := Types{reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"}}
	maps.Copy(types, known)
	schema, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		return nil, fmt.Errorf("the schema of %s: %w", t, err)
	}
	return schema, nil
}

// Answered is the schema of what a server answers: a later version may add
// fields. Lists are written as [] and never as null, but those of [ListOrNull].
func Answered(t reflect.Type, known Types) (*jsonschema.Schema, error) {
	schema, err := Sent(t, known)
	if err != nil {
		return nil, err
	}
	open(schema)
	return schema, nil
}

func open(schema *jsonschema.Schema) {
	if schema == nil {
		return
	}
	if schema.Properties != nil {
		schema.AdditionalProperties = nil
	}
	if schema.Items != nil {
		schema.Type, schema.Types = "array", nil
	}
	for _, property := range schema.Properties {
		open(property)
	}
	open(schema.Items)
	open(schema.AdditionalProperties)
}
