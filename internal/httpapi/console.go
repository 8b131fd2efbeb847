package httpapi

import (
	"net/http"
	"strings"
)

// browsed gives the console what is asked for by GET and HEAD outside the API, and
// everything else to next.
//
// No sign-in is asked for there: a page has to be there to tell that one is
// needed. It holds nothing that is not in Soteria's sources; all that it shows it
// gets from the API, which asks. Where a proxy signs users in, it does so for the
// console's paths as well.
func (s *Server) browsed(routes []route, next http.Handler) http.Handler {
	console := s.services.Console
	if console == nil || s.cfg.ExistsOnly {
		return next
	}
	own := map[string]bool{}
	for _, route := range routes {
		own[firstSegment(route.path)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ofConsole := r.URL.Path == "/" || firstSegment(r.URL.Path) != "" && !own[firstSegment(r.URL.Path)]
		if ofConsole && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			console.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// firstSegment gives "v1" for "/v1/backups".
func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}
