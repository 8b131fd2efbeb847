package metrics

import "github.com/prometheus/client_golang/prometheus"

// Unattributed is how many backups a driver's last listing found of which nothing
// says which claim they are of: those that hold claims without backups, and
// those that were accepted.
type Unattributed struct {
	Driver         string
	Held, Accepted int
}

// WatchUnattributed registers the metric that counts such backups, read from count
// when Prometheus scrapes.
func WatchUnattributed(registry prometheus.Registerer, count func() []Unattributed) {
	registry.MustRegister(unattributed{count})
}

var unattributedDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "unattributed_backups"),
	"Backups of which nothing says which claim they are of, by driver and state: held keeps claims without backups waiting, accepted does not.",
	[]string{"driver", "state"}, nil)

type unattributed struct{ count func() []Unattributed }

// Describe implements [prometheus.Collector].
func (unattributed) Describe(descs chan<- *prometheus.Desc) { descs <- unattributedDesc }

// Collect implements [prometheus.Collector].
func (u unattributed) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range u.count() {
		metrics <- prometheus.MustNewConstMetric(unattributedDesc, prometheus.GaugeValue, float64(c.Held), c.Driver, "held")
		metrics <- prometheus.MustNewConstMetric(unattributedDesc, prometheus.GaugeValue, float64(c.Accepted), c.Driver, "accepted")
	}
}
