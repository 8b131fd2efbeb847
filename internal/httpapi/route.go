package httpapi

import (
	"net/http"

	"github.com/julienschmidt/httprouter"
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
	// body is a value of the wire type that the body is read into; nil where
	// there is no body.
	body any
	// answers are the answers that are no error.
	answers answers
}

// parameter is one of a route's query parameters, a text.
type parameter struct {
	name        string
	description string
	required    bool
}

// answers has, by status, a value of the wire type that is answered.
type answers map[int]any

// plain stands in for the wire type of answers that are plain text.
type plain struct{}

// serve routes. HEAD answers as GET does, without the body, which net/http leaves
// out.
func (r route) serve(router *httprouter.Router) {
	router.Handle(r.method, r.path, r.handle)
	if r.method == http.MethodGet {
		router.HEAD(r.path, r.handle)
	}
}
