package metrics

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/soteria-dr/soteria/internal/bucket"
)

var (
	bucketBytesDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "bucket", "bytes"),
		"Bytes stored in the backup bucket at the last scan, noncurrent versions included.", nil, nil)
	bucketObjectsDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "bucket", "objects"),
		"Objects in the backup bucket at the last scan, noncurrent versions not included.", nil, nil)
	bucketScanDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "bucket", "scan_timestamp_seconds"),
		"When the last scan of the backup bucket that succeeded ended, in seconds since 1970.", nil, nil)
)

// Bucket counts failed scans of the backup bucket. What the bucket holds is read
// at scrape.
type Bucket struct {
	failures prometheus.Counter
}

// BucketReport tells what the last scan found; it is [bucket.ErrNotScanned] where
// there was none.
type BucketReport func(context.Context) (bucket.Report, error)

// NewBucket makes the metrics of the backup bucket and registers them. Where no
// bucket is scanned it is not called, and they are absent.
func NewBucket(registry prometheus.Registerer, report BucketReport) *Bucket {
	b := &Bucket{failures: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "bucket", Name: "scan_failures_total",
		Help: "Scans of the backup bucket that failed, on this replica.",
	})}
	registry.MustRegister(b.failures, bucketContents{report})
	return b
}

// BucketScanFailed counts a scan that failed.
func (b *Bucket) BucketScanFailed() { b.failures.Inc() }

type bucketContents struct{ report BucketReport }

func (bucketContents) Describe(descs chan<- *prometheus.Desc) {
	descs <- bucketBytesDesc
	descs <- bucketObjectsDesc
	descs <- bucketScanDesc
}

// Collect tells nothing before the first scan: such a bucket is not empty.
func (b bucketContents) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	report, err := b.report(ctx)
	if errors.Is(err, bucket.ErrNotScanned) {
		return
	}
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(bucketBytesDesc, err)
		return
	}
	for desc, value := range map[*prometheus.Desc]float64{
		bucketBytesDesc:   float64(report.Figures.Bytes),
		bucketObjectsDesc: float64(report.Figures.Objects),
		bucketScanDesc:    float64(report.Figures.ScannedAt.Unix()),
	} {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
