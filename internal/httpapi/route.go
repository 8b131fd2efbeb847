package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/openapi"
	"github.com/soteria-dr/soteria/internal/signin"
)

// route is one method on one path, as it is served and as it is documented:
// nothing is routed that is not in the OpenAPI document, and the other way
// round.
type route struct {
	method string
	// path is as httprouter has it: "/exists/:namespace/:pvc".
	path   string
	handle httprouter.Handle
	// summary says in a line what the route does.
	summary string
	// query are the parameters that follow the question mark.
	query []parameter
	// headers are request headers that change the answer.
	headers []parameter
	// body is a value of the wire type that the body is read into; nil where
	// there is no body.
	body any
	// answers are the answers that are no error.
	answers answers
	// also has what is answered with one of these statuses in the place of that, where
	// the request asks for it.
	also []answers
}

// parameter is one of a route's query parameters or headers.
type parameter struct {
	name        string
	description string
	required    bool
	// counts is true for a number from 1 to [mostCounted]; others are texts.
	counts bool
	// values are all that a text may be, in any case; nil where it may be anything.
	values []string
}

// mostCounted is more than there is of anything that is counted.
const mostCounted = 1_000_000

func (p parameter) schema() *jsonschema.Schema {
	switch {
	case p.counts:
		return openapi.Count(1, mostCounted)
	case p.values != nil:
		return openapi.Enumeration(p.values...)
	}
	return openapi.Text()
}

// answers has, by status, a value of the wire type that is answered.
type answers map[int]any

// plain stands in for the wire type of answers that are plain text.
type plain struct{}

// serve routes. HEAD answers as GET does, without the body, which net/http leaves
// out.
func (s *Server) serve(r route, router *httprouter.Router) {
	handle := s.checked(r)
	router.Handle(r.method, r.path, handle)
	if r.method == http.MethodGet {
		router.HEAD(r.path, handle)
	}
}

// checked refuses requests that are not as the document has them: with a body that is
// no JSON, without a required parameter, or with one that is not known.
func (s *Server) checked(r route) httprouter.Handle {
	return func(w http.ResponseWriter, req *http.Request, params httprouter.Params) {
		err := r.checkQuery(req.URL)
		if err == nil && changes(req.Method) {
			err = checkContentType(req)
		}
		if err != nil {
			s.fail(w, req, err)
			return
		}
		r.handle(w, req, params)
	}
}

// checkQuery refuses a query parameter that the route does not know, that is there
// twice, or that is required and missing. Paths that anyone may ask, such as probes, and
// /exists, which answers as pvc-plumber does, leave the query alone. Errors are of kind
// Invalid; no value is quoted.
func (r route) checkQuery(asked *url.URL) error {
	if access(r.path) != signin.Protected {
		return nil
	}
	query := asked.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		known := slices.ContainsFunc(r.query, func(p parameter) bool { return p.name == name })
		switch {
		case !known:
			return &backup.Error{Kind: backup.Invalid, Reason: backup.UnknownParameter, Field: backup.Clip(backup.Printable(name), backup.MaxWord), Message: fmt.Sprintf(
				"query parameter %q is not known here; %s", backup.Clip(name, backup.MaxWord), r.knownParameters())}
		case len(query[name]) > 1:
			return &backup.Error{Kind: backup.Invalid, Field: name, Message: "query parameter " + name + " is there more than once"}
		}
	}
	for _, p := range r.query {
		if p.required && query.Get(p.name) == "" {
			return &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: p.name, Message: fmt.Sprintf("query parameter %s is missing: %s", p.name, p.description)}
		}
	}
	return nil
}

func (r route) knownParameters() string {
	if len(r.query) == 0 {
		return "this path knows none"
	}
	names := make([]string, 0, len(r.query))
	for _, p := range r.query {
		names = append(names, p.name)
	}
	return "known are " + strings.Join(names, ", ")
}
