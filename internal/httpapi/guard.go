package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/signin"
)

// crossSite is the reason that denials are counted by which are not sign-in's.
const crossSite = "cross_site"

// access tells what a path asks of those who use it. A path that is not named
// here is protected, and so are those that nothing is at.
func access(path string) signin.Access {
	switch {
	case path == healthPath, path == readyPath, path == metricsPath:
		return signin.Public
	case strings.HasPrefix(path, existsPath):
		return signin.Existence
	default:
		return signin.Protected
	}
}

// signedIn lets in whom the gate lets in, and has the request carry who it is.
func (s *Server) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outcome := s.services.SignIn.Admit(r.Context(), signin.RequestOf(r), access(r.URL.Path))
		r = withIdentity(r, outcome.Identity)
		if outcome.Denied != "" {
			s.denied(r, string(outcome.Denied), outcome.Err)
		}
		if outcome.Err != nil {
			s.fail(w, r, outcome.Err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guarded refuses requests for a change that a page of another site may have
// made a browser send, or that are too many at once. The latter
// bounds what all callers together can have under way.
func (s *Server) guarded(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	underWay := make(chan struct{}, s.cfg.MaxChanges)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !changes(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		if err := origins.Check(r); err != nil {
			err = backup.Errorf(backup.Denied, "a page of another site may change nothing here: %w", err)
			s.denied(r, crossSite, err)
			s.fail(w, r, err)
			return
		}
		select {
		case underWay <- struct{}{}:
			defer func() { <-underWay }()
			next.ServeHTTP(w, r)
		default:
			s.fail(w, r, backup.Errorf(backup.Busy, "%d requests for changes are under way already; ask again", s.cfg.MaxChanges))
		}
	})
}

// denied counts and logs that somebody was not let in, or not believed. The log
// gets no header: credentials are in them.
func (s *Server) denied(r *http.Request, reason string, err error) {
	s.services.Observer.AuthzDenied(reason)
	message := "denied"
	if err == nil {
		message = "sign-in headers were ignored"
	}
	s.services.Log.WarnContext(r.Context(), message, "reason", reason, "user", caller(r),
		"method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr, "error", causes(err))
}

// changes reports whether a method asks for a change.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// checkContentType refuses bodies that do not say they are JSON. A deletion may
// do without a body.
func checkContentType(r *http.Request) error {
	if r.Method == http.MethodDelete && r.ContentLength == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return &refusal{wire.CodeUnsupportedMediaType, "the body must be JSON, sent with Content-Type: application/json"}
	}
	return nil
}
