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

func (s *Server) routeHealth(router *httprouter.Router) {
	get(router, healthPath, s.healthy)
	get(router, readyPath, s.isReady)
	// What cannot be read at a scrape must not take the other metrics away.
	metrics := promhttp.HandlerFor(s.services.Gatherer, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(s.services.Log.Handler(), slog.LevelWarn),
	})
	get(router, metricsPath, func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { metrics.ServeHTTP(w, r) })
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
