package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Comments are what the source code of one package says of its struct types and
// their fields, to describe schemas with.
type Comments struct {
	path  string
	types map[string]typeComments
}

type typeComments struct {
	text string
	// fields are the comments of fields, by the fields' names in Go.
	fields map[string]string
}

// ReadComments reads the Go files in the root of sources, which are those of the
// package with that import path. It fails for what is no Go.
func ReadComments(path string, sources fs.FS) (Comments, error) {
	comments := Comments{path: path, types: map[string]typeComments{}}
	names, err := fs.Glob(sources, "*.go")
	if err != nil {
		return comments, fmt.Errorf("finding the sources of %s: %w", path, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			return comments, fmt.Errorf("reading the sources of %s: %w", path, err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return comments, fmt.Errorf("reading the sources of %s: %w", path, err)
		}
		comments.read(file)
	}
	return comments, nil
}

func (c Comments) read(file *ast.File) {
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if structure, ok := named.Type.(*ast.StructType); ok {
				doc := named.Doc
				if doc == nil && !group.Lparen.IsValid() {
					doc = group.Doc
				}
				c.types[named.Name.Name] = typeComments{text: sentence(doc), fields: fieldComments(structure)}
			}
		}
	}
}

// fieldComments gives each field its comment, or that of a field before if it is
// named there: "Namespace and PVC name the claim" is said of both.
func fieldComments(structure *ast.StructType) map[string]string {
	fields := map[string]string{}
	shared := ""
	for _, field := range structure.Fields.List {
		if field.Doc != nil {
			shared = sentence(field.Doc)
		}
		for _, name := range field.Names {
			if field.Doc != nil || slices.Contains(word.FindAllString(shared, -1), name.Name) {
				fields[name.Name] = shared
			}
		}
	}
	return fields
}

// link is how Go's comments refer to other types.
var link = regexp.MustCompile(`\[(\w+)\]`)

// sentence gives a comment's text without the breaks of its lines.
func sentence(doc *ast.CommentGroup) string {
	return link.ReplaceAllString(strings.Join(strings.Fields(doc.Text()), " "), "$1")
}

// Describe gives the schema of t, and the schemas in it, the comments of the types
// that they are of and of their fields. In a comment, fields have the names that
// they have in JSON.
func (c Comments) Describe(schema *jsonschema.Schema, t reflect.Type) {
	if schema == nil {
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if kind := t.Kind(); kind == reflect.Slice || kind == reflect.Array {
		c.Describe(schema.Items, t.Elem())
	} else if kind == reflect.Map {
		c.Describe(schema.AdditionalProperties, t.Elem())
	} else if kind == reflect.Struct {
		// What a field is, where something was said of it, is told rather than its type.
		if t.PkgPath() == c.path && schema.Description == "" {
			schema.Description = c.types[t.Name()].text
		}
		c.describeFields(schema, t)
	}
}

func (c Comments) describeFields(schema *jsonschema.Schema, t reflect.Type) {
	for field := range t.Fields() {
		if field.Anonymous && nameInJSON(field) == "" {
			c.describeFields(schema, field.Type)
			continue
		}
		property := schema.Properties[nameInJSON(field)]
		if property == nil {
			continue
		}
		if comment := c.types[t.Name()].fields[field.Name]; comment != "" && t.PkgPath() == c.path {
			property.Description = inJSON(comment, t)
		}
		c.Describe(property, field.Type)
	}
}

// inJSON gives a comment with the names that the fields of t have in JSON.
func inJSON(comment string, t reflect.Type) string {
	return word.ReplaceAllStringFunc(comment, func(name string) string {
		field, found := t.FieldByName(name)
		if !found || nameInJSON(field) == "" {
			return name
		}
		return nameInJSON(field)
	})
}

// word is what a name of a type or a field may be in a comment.
var word = regexp.MustCompile(`\b[A-Z]\w*`)

// nameInJSON is "" for a field that has none of its own there.
func nameInJSON(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}
