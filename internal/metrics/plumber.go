package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Plumber counts answers to /exists under the names that pvc-plumber gives them,
// beside Soteria's own.
type Plumber struct {
	*Metrics
	backend  string
	requests prometheus.Counter
	errors   prometheus.Counter
	checks   *prometheus.CounterVec
}

// NewPlumber makes the metrics and registers them, for a backend of that name.
func NewPlumber(registry prometheus.Registerer, own *Metrics, backend string) *Plumber {
	p := &Plumber{
		Metrics: own, backend: backend,
		requests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pvc_plumber_requests_total", Help: "Answers to /exists.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pvc_plumber_requests_errors_total", Help: "Answers to /exists that are unknown.",
		}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pvc_plumber_backup_check_total", Help: "Answers to /exists, by backend and decision.",
		}, []string{"backend", "decision"}),
	}
	registry.MustRegister(p.requests, p.errors, p.checks)
	for _, decision := range []wire.Decision{wire.DecisionRestore, wire.DecisionFresh, wire.DecisionUnknown} {
		p.checks.WithLabelValues(backend, string(decision))
	}
	return p
}

// ExistsAnswered counts an answer to /exists.
func (p *Plumber) ExistsAnswered(decision string) {
	p.Metrics.ExistsAnswered(decision)
	p.requests.Inc()
	p.checks.WithLabelValues(p.backend, decision).Inc()
	if decision == string(wire.DecisionUnknown) {
		p.errors.Inc()
	}
}
