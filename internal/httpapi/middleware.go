package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// The values of headers that answers share. They are replaced, never changed: setting
// a header makes a slice, which is a good part of what a short answer costs.
var (
	nosniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
	noContent   = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer  = []string{"no-referrer"}
	contentJSON = []string{"application/json"}
)

// secured sets the headers that every answer has.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		h["Cache-Control"] = noStore
		h["Content-Security-Policy"] = noContent
		h["Referrer-Policy"] = noReferrer
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into an answer or, where an answer has begun, cuts the
// connection, so that nobody takes half an answer for a whole one.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := recorded(w)
		defer s.rescue(answer, r)
		next.ServeHTTP(answer, r)
	})
}

// rescue must be deferred itself: only then does recover see the panic.
func (s *Server) rescue(answer *recorder, r *http.Request) {
	value := recover()
	if value == nil {
		return
	}
	s.services.Observer.Panicked()
	s.services.Log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", value, "stack", string(debug.Stack()))
	if answer.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.fail(answer, r, fmt.Errorf("panic: %v", value))
}

// logged writes a line for each request.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := recorded(w)
		defer s.logRequest(answer, r, time.Now())
		next.ServeHTTP(answer, r)
	})
}

// logRequest leaves out the query and the headers, where people put what should
// not be in a log. Probes and scrapes, which come every few seconds, are logged
// for debugging only.
func (s *Server) logRequest(answer *recorder, r *http.Request, began time.Time) {
	level := slog.LevelInfo
	switch r.URL.Path {
	case healthPath, readyPath, metricsPath:
		level = slog.LevelDebug
	}
	s.services.Log.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", answer.status), slog.Int64("bytes", answer.bytes),
		slog.String("took", time.Since(began).String()), slog.String("remote", r.RemoteAddr))
}

// recorder remembers what was answered. The status is zero before the answer
// begins.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// recorded returns w where that remembers what is answered already, else one that does.
func recorded(w http.ResponseWriter) *recorder {
	if answer, records := w.(*recorder); records {
		return answer
	}
	return &recorder{ResponseWriter: w}
}

// WriteHeader implements [http.ResponseWriter].
func (a *recorder) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *recorder) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }
