package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// statuses maps each kind of error to its status.
var statuses = map[backup.Kind]int{
	backup.Internal:          http.StatusInternalServerError,
	backup.Invalid:           http.StatusBadRequest,
	backup.Unprocessable:     http.StatusUnprocessableEntity,
	backup.Unauthenticated:   http.StatusUnauthorized,
	backup.Denied:            http.StatusForbidden,
	backup.Busy:              http.StatusTooManyRequests,
	backup.NotFound:          http.StatusNotFound,
	backup.Conflict:          http.StatusConflict,
	backup.Partial:           http.StatusBadGateway,
	backup.DriverFailed:      http.StatusBadGateway,
	backup.Unavailable:       http.StatusServiceUnavailable,
	backup.Credentials:       http.StatusServiceUnavailable,
	backup.RepositoryAbsent:  http.StatusServiceUnavailable,
	backup.RepositoryChanged: http.StatusServiceUnavailable,

	backup.BackupMissing:        http.StatusServiceUnavailable,
	backup.RepositoryUnaccepted: http.StatusServiceUnavailable,
	backup.RepositoryDropped:    http.StatusServiceUnavailable,
}

// refusals maps the codes of what HTTP rules out, for which package backup has no
// kind, to their statuses.
var refusals = map[string]int{
	wire.CodeMethodNotAllowed:     http.StatusMethodNotAllowed,
	wire.CodeBodyTooLarge:         http.StatusRequestEntityTooLarge,
	wire.CodeUnsupportedMediaType: http.StatusUnsupportedMediaType,
}

// refusal is an error with one of those codes.
type refusal struct {
	code    string
	message string
}

func (r *refusal) Error() string { return r.message }

// retryAfter is how many seconds a client should wait that asked for too much at
// once.
const retryAfter = "2"

// describe turns an error into its status and body. The text of an error that
// nobody foresaw stays in the log: it was not written for strangers.
func describe(err error) (int, wire.Error) {
	var refused *refusal
	if errors.As(err, &refused) {
		return refusals[refused.code], wire.Error{Error: refused.message, Title: refusalTitles[refused.code], Code: refused.code}
	}
	kind := backup.KindOf(err)
	message := backup.Message(err)
	if kind == backup.Internal {
		message = "internal error: Soteria's log tells more"
	}
	return statuses[kind], wire.Error{
		Error: message, Title: title(err), Code: kind.String(), Reason: wire.Reason(backup.ReasonOf(err)), Field: backup.FieldOf(err), Settle: backup.SettleOf(err),
	}
}

// fail answers a request with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, body := describe(err)
	if status == http.StatusInternalServerError {
		s.services.Log.ErrorContext(r.Context(), "internal error", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="soteria"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retryAfter)
	}
	s.render(w, r, status, body)
}

func (s *Server) noSuchRoute(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, backup.Errorf(backup.NotFound, "there is nothing at this path"))
}

// noSuchMethod answers where only other methods are routed; the router has set
// the header Allow.
func (s *Server) noSuchMethod(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, &refusal{wire.CodeMethodNotAllowed, "this path does not answer to that method; it does to " + w.Header().Get("Allow")})
}

// causes gives an error's message and those of its causes that it leaves out. It
// is for the log.
func causes(err error) string {
	text := backup.Message(err)
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if !strings.Contains(text, cause.Error()) {
			text += ": " + cause.Error()
		}
	}
	return text
}
