package metrics

import "github.com/prometheus/client_golang/prometheus"

// WatchOverdue registers the metric of backups that are due and were not started for a
// while, by why, read from count when Prometheus scrapes. Count must not wait.
func WatchOverdue(registry prometheus.Registerer, count func() map[string]int) {
	registry.MustRegister(overdue{count})
}

var overdueDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "backups_not_started"),
	"Claims whose backup is due and was not started for a while, by reason, as of the leader's last evaluation; 0 on other replicas.",
	[]string{"reason"}, nil)

type overdue struct{ count func() map[string]int }

// Describe implements [prometheus.Collector].
func (overdue) Describe(descs chan<- *prometheus.Desc) { descs <- overdueDesc }

// Collect implements [prometheus.Collector].
func (o overdue) Collect(metrics chan<- prometheus.Metric) {
	for reason, n := range o.count() {
		metrics <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, float64(n), reason)
	}
}
