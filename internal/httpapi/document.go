package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/httpapi/openapi"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/signin"
)

// apiVersion is that of the API, not of the program: it changes where clients
// have to.
const apiVersion = "1"

const about = `Errors are answered with a body of the schema Error. Bodies of requests must be sent as application/json; ` +
	`fields that are not known are refused, and so are query parameters, but by probes, /metrics and /exists, which leave them unheard. HEAD answers as GET does, without a body. ` +
	`Sign-in is needed where SOTERIA_AUTH_REQUIRED is true; for /exists, where SOTERIA_EXISTS_AUTH_REQUIRED is.`

// enumerations are the texts of package wire of which all values are known.
var enumerations = openapi.Types{
	reflect.TypeFor[wire.Decision]():     openapi.Enumeration(wire.DecisionRestore, wire.DecisionFresh, wire.DecisionHold, wire.DecisionUnknown),
	reflect.TypeFor[wire.SystemAnswer](): openapi.Enumeration(wire.SystemFound, wire.SystemNone, wire.SystemUnknown),
	reflect.TypeFor[wire.State]():        openapi.Enumeration(wire.StateCompleted),
	reflect.TypeFor[wire.Extent]():       openapi.Enumeration(wire.ExtentAll, wire.ExtentSome, wire.ExtentNone),
	reflect.TypeFor[wire.Result]():       openapi.Enumeration(wire.ResultStarted, wire.ResultWouldStart, wire.ResultRefused, wire.ResultNotStarted),
	reflect.TypeFor[wire.RestoreMode]():  openapi.Enumeration(wire.RestoreModeAuto, wire.RestoreModeRequired),
	reflect.TypeFor[wire.GateState]():    openapi.Enumeration(wire.GateClosed, wire.GateIncomplete, wire.GateOff, wire.GateUnknown),
	reflect.TypeFor[wire.EventType]():    openapi.Enumeration(wire.EventNormal, wire.EventWarning),
	typeOfReason: openapi.Enumeration(wire.ReasonChoiceUnmet, wire.ReasonNoBackups, wire.ReasonSetting, wire.ReasonNamespaceExcluded, wire.ReasonNamespaceMissing, wire.ReasonNamespaceTerminating,
		wire.ReasonStorageClassMissing, wire.ReasonTargetExists, wire.ReasonNoClaims, wire.ReasonMissing, wire.ReasonUnknownParameter,
		wire.ReasonNoCopy, wire.ReasonUnproved, wire.ReasonInUse, wire.ReasonNotYet, wire.ReasonPermission),
	reflect.TypeFor[wire.CopyState]():   openapi.Enumeration(wire.CopyStarting, wire.CopyRestoring, wire.CopyReady, wire.CopyRemoving, wire.CopyUnproved, wire.CopyUnknown),
	reflect.TypeFor[wire.Pods]():        openapi.ListOrNull(openapi.Text()),
	reflect.TypeFor[wire.BatchKind]():   openapi.Enumeration(wire.BatchRestore, wire.BatchBackup),
	reflect.TypeFor[wire.BatchState]():  openapi.Enumeration(wire.BatchStarting, wire.BatchRunning, wire.BatchDone),
	reflect.TypeFor[wire.MemberState](): openapi.Enumeration(wire.MemberWaiting, wire.MemberRefused, wire.MemberStarted, wire.MemberDone, wire.MemberFailed, wire.MemberUnknown, wire.MemberGone),
	reflect.TypeFor[wire.TestPhase]():   openapi.Enumeration(wire.TestPending, wire.TestRunning, wire.TestPassed, wire.TestFailed),
}

var typeOfReason = reflect.TypeFor[wire.Reason]()

// The ways to sign in, by their names in the document.
var (
	signIn  = []openapi.Security{{"bearer": {}}, {"proxy": {}}}
	schemes = openapi.Components{
		"bearer": openapi.SecurityScheme{Type: "http", Scheme: "bearer", Description: "One of SOTERIA_AUTH_BEARER_TOKENS."},
		"proxy": openapi.SecurityScheme{
			Type: "apiKey", In: "header", Name: "X-Auth-Request-User",
			Description: "Set by a proxy that has signed the user in, with X-Auth-Request-Email and X-Auth-Request-Groups; or X-Forwarded-User, -Email and -Groups.",
		},
	}
)

// documentRoute serves the document of all routes, itself included.
func (s *Server) documentRoute(others []route) route {
	self := route{
		method: http.MethodGet, path: "/v1/openapi.json", summary: "This document",
		answers: answers{http.StatusOK: map[string]any{}},
	}
	all := append(slices.Clone(others), self)
	// Made for the first who asks: most replicas are never asked.
	document := sync.OnceValue(func() json.RawMessage {
		document, err := describeRoutes(all)
		if err != nil {
			// Only a wire type that is no JSON can bring this about.
			panic(err)
		}
		return document
	})
	self.handle = func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		s.render(w, r, http.StatusOK, document())
	}
	return self
}

// describeRoutes makes the document.
func describeRoutes(routes []route) (json.RawMessage, error) {
	comments, err := openapi.ReadComments(reflect.TypeFor[wire.Error]().PkgPath(), wire.Sources)
	if err != nil {
		return nil, err
	}
	schemas := schemas{in: openapi.Components{}, comments: comments}
	if err := schemas.add("Error", wire.Error{}, openapi.Answered); err != nil {
		return nil, err
	}
	paths := map[string]openapi.PathItem{}
	for _, r := range routes {
		operation, err := r.describe(schemas)
		if err != nil {
			return nil, err
		}
		path, _ := r.template()
		if paths[path] == nil {
			paths[path] = openapi.PathItem{}
		}
		paths[path][strings.ToLower(r.method)] = operation
	}
	text, err := json.Marshal(openapi.Document{
		OpenAPI: openapi.Version, Servers: []openapi.Server{{URL: "/", Description: "The Soteria that serves this document"}}, Security: signIn, Paths: paths,
		Info: openapi.Info{Title: "Soteria", Version: apiVersion, Description: about},
		Components: map[string]openapi.Components{
			"schemas": schemas.in, "securitySchemes": schemes,
			"responses": {"Error": openapi.Response{Description: errorTable(), Content: asJSON("Error")}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return text, nil
}

// schemas are those of the bodies, by name, with what the source code says of them.
type schemas struct {
	in       openapi.Components
	comments openapi.Comments
}

// add adds the schema of a body, which of makes.
func (s schemas) add(name string, body any, of func(reflect.Type, openapi.Types) (*jsonschema.Schema, error)) error {
	t := reflect.TypeOf(body)
	schema, err := of(t, enumerations)
	if err != nil {
		return err
	}
	s.comments.Describe(schema, t)
	s.in[name] = schema
	return nil
}

// errorAnswer refers to the answers that are errors.
var errorAnswer = openapi.Response{Ref: "#/components/responses/Error"}

// describe gives a route's operation. The schemas that it refers to are added to
// schemas.
func (r route) describe(schemas schemas) (openapi.Operation, error) {
	path, _ := r.template()
	operation := openapi.Operation{
		OperationID: strings.ToLower(r.method) + identifier(path), Summary: r.summary,
		Parameters: r.parameters(), Security: r.security(),
		Responses: map[string]openapi.Response{"4XX": errorAnswer, "5XX": errorAnswer, "default": errorAnswer},
	}
	if r.body != nil {
		// What is sent and what is answered may be of one type, but not of one
		// schema.
		name := strings.TrimSuffix(nameOf(r.body), "Request") + "Request"
		if err := schemas.add(name, r.body, openapi.Sent); err != nil {
			return operation, err
		}
		operation.RequestBody = &openapi.RequestBody{Required: true, Content: asJSON(name)}
	}
	for status, body := range r.answers {
		response := openapi.Response{Description: http.StatusText(status), Content: asPlainText}
		if _, isPlain := body.(plain); !isPlain {
			if err := schemas.add(nameOf(body), body, openapi.Answered); err != nil {
				return operation, err
			}
			response.Content = asJSON(nameOf(body))
		}
		if err := r.addOthers(schemas, &response, status); err != nil {
			return operation, err
		}
		operation.Responses[strconv.Itoa(status)] = response
	}
	return operation, nil
}

// addOthers adds to a response what may be answered in the place of its body.
func (r route) addOthers(schemas schemas, response *openapi.Response, status int) error {
	names := []string{nameOf(r.answers[status])}
	for _, each := range r.also {
		other, both := each[status]
		if !both {
			continue
		}
		if err := schemas.add(nameOf(other), other, openapi.Answered); err != nil {
			return err
		}
		names = append(names, nameOf(other))
		response.Content = asJSON(names...)
		if headers := headersOf(other); headers != nil {
			response.Headers = headers
		}
	}
	return nil
}

// headersOf are the headers that come with an answer; nil for none.
func headersOf(answer any) map[string]openapi.Header {
	if _, follows := answer.(wire.Batch); !follows {
		return nil
	}
	return map[string]openapi.Header{"Location": {Description: "Where the batch is followed; with a Batch alone", Schema: openapi.Text()}}
}

// security is nil where the document's holds.
func (r route) security() *[]openapi.Security {
	switch access(r.path) {
	case signin.Public:
		return &[]openapi.Security{}
	case signin.Existence:
		optional := append([]openapi.Security{{}}, signIn...)
		return &optional
	case signin.Protected:
	}
	return nil
}

func (r route) parameters() []openapi.Parameter {
	_, names := r.template()
	all := make([]openapi.Parameter, 0, len(names)+len(r.query))
	for _, name := range names {
		all = append(all, openapi.Parameter{Name: name, In: "path", Required: true, Schema: openapi.Text()})
	}
	for _, p := range r.query {
		all = append(all, openapi.Parameter{Name: p.name, In: "query", Description: p.description, Required: p.required, Schema: p.schema()})
	}
	for _, p := range r.headers {
		all = append(all, openapi.Parameter{Name: p.name, In: "header", Description: p.description, Schema: p.schema()})
	}
	return all
}

// template gives a route's path as OpenAPI has it, "/exists/{namespace}/{pvc}",
// and the names in it.
func (r route) template() (path string, names []string) {
	segments := strings.Split(r.path, "/")
	for i, segment := range segments {
		if name, named := strings.CutPrefix(segment, ":"); named {
			segments[i], names = "{"+name+"}", append(names, name)
		}
	}
	return strings.Join(segments, "/"), names
}

// identifier makes a camel-cased name of a path.
func identifier(path string) string {
	var id strings.Builder
	for word := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune("/{}-._", r) }) {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

// nameOf names a wire type's schema. A type without a name is any object.
func nameOf(value any) string {
	if name := reflect.TypeOf(value).Name(); name != "" {
		return name
	}
	return "Object"
}

// asPlainText is the body of answers that are no JSON.
var asPlainText = map[string]openapi.MediaType{"text/plain": {Schema: openapi.Text()}}

// asJSON is a body of one of the schemas.
func asJSON(names ...string) map[string]openapi.MediaType {
	schema := openapi.Reference(names[0])
	if len(names) > 1 {
		schema = openapi.OneOf(names...)
	}
	return map[string]openapi.MediaType{"application/json": {Schema: schema}}
}

// errorTable lists the codes of errors, by status.
func errorTable() string {
	codes := map[int][]string{}
	for code, status := range refusals {
		codes[status] = append(codes[status], code)
	}
	for kind, status := range statuses {
		codes[status] = append(codes[status], kind.String())
	}
	lines := make([]string, 0, len(codes))
	for _, status := range slices.Sorted(maps.Keys(codes)) {
		slices.Sort(codes[status])
		lines = append(lines, fmt.Sprintf("%d: %s", status, strings.Join(codes[status], ", ")))
	}
	return "An error. Its codes, by status: " + strings.Join(lines, "; ") + "."
}
