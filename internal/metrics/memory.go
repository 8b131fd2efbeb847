package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newMemoryCopies() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "memory_copies_total",
		Help: "Copies of the expectations beside the backups that were written or failed; result is ok or the kind of error.",
	}, []string{"driver", "result"})
}

// Copied counts a copy of the expectations that was written, or was not.
func (m *Metrics) Copied(driver string, err error) {
	m.memoryCopies.WithLabelValues(driver, result(err)).Inc()
}

// MemoryCopy is what was listed of the copies beside a driver's backups.
type MemoryCopy struct {
	Driver string
	// WrittenAt is when this installation wrote its newest one; the zero time where
	// none was listed.
	WrittenAt time.Time
	// Rival is true where another installation writes by the same cluster name.
	Rival bool
}

var (
	copyWrittenDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "memory_copy_timestamp_seconds"),
		"When the newest copy of the expectations that the last listing held was written, in seconds since 1970; absent where there is none.", []string{"driver"}, nil)
	rivalDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "cluster_name_taken"),
		"1 while another live cluster uses the repository by the name of this one, else 0.", []string{"driver"}, nil)
)

// WatchCopies registers the metrics of the copies, which are read at each scrape.
func WatchCopies(registry prometheus.Registerer, copies func() []MemoryCopy) {
	registry.MustRegister(memoryCopies(copies))
}

type memoryCopies func() []MemoryCopy

func (memoryCopies) Describe(descs chan<- *prometheus.Desc) {
	descs <- copyWrittenDesc
	descs <- rivalDesc
}

func (c memoryCopies) Collect(metrics chan<- prometheus.Metric) {
	for _, each := range c() {
		if !each.WrittenAt.IsZero() {
			metrics <- prometheus.MustNewConstMetric(copyWrittenDesc, prometheus.GaugeValue, seconds(each.WrittenAt), each.Driver)
		}
		taken := 0.0
		if each.Rival {
			taken = 1
		}
		metrics <- prometheus.MustNewConstMetric(rivalDesc, prometheus.GaugeValue, taken, each.Driver)
	}
}
