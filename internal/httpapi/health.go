package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/julienschmidt/httprouter"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// The paths that probes and scrapes ask.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

func (s *Server) healthRoutes() []route {
	// What cannot be read at a scrape must not take the other metrics away.
	metrics := promhttp.HandlerFor(s.services.Gatherer, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(s.services.Log.Handler(), slog.LevelWarn),
	})
	serveMetrics := func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { metrics.ServeHTTP(w, r) }
	return []route{
		{method: http.MethodGet, path: healthPath, handle: s.healthy, summary: "Whether the process is up", answers: answers{http.StatusOK: wire.Health{}}},
		{method: http.MethodGet, path: readyPath, handle: s.isReady, summary: "Whether the replica takes requests", answers: answers{http.StatusOK: wire.Health{}}},
		{method: http.MethodGet, path: metricsPath, handle: serveMetrics, summary: "Prometheus metrics", answers: answers{http.StatusOK: plain{}}},
	}
}

// healthy answers as long as the process does.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	s.render(w, r, http.StatusOK, wire.Health{Status: "ok"})
}

func (s *Server) isReady(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	if err := s.services.Ready(r.Context()); err != nil {
		s.fail(w, r, backup.Errorf(backup.Unavailable, "not ready: %w", err))
		return
	}
	s.render(w, r, http.StatusOK, wire.Health{Status: "ok"})
}
