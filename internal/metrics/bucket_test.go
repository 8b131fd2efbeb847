package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/metrics"
)

func reporting(err error) metrics.BucketReport {
	return func(context.Context) (bucket.Report, error) {
		return bucket.Report{Figures: bucket.Figures{Objects: 41250, Bytes: 2000, ScannedAt: noon}}, err
	}
}

func TestTheBucketIsReadAtScrape(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics.NewBucket(registry, reporting(nil)).BucketScanFailed()
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP soteria_bucket_bytes Bytes stored in the backup bucket at the last scan, noncurrent versions included.
# TYPE soteria_bucket_bytes gauge
soteria_bucket_bytes 2000
# HELP soteria_bucket_objects Objects in the backup bucket at the last scan, noncurrent versions not included.
# TYPE soteria_bucket_objects gauge
soteria_bucket_objects 41250
# HELP soteria_bucket_scan_failures_total Scans of the backup bucket that failed, on this replica.
# TYPE soteria_bucket_scan_failures_total counter
soteria_bucket_scan_failures_total 1
# HELP soteria_bucket_scan_timestamp_seconds When the last scan of the backup bucket that succeeded ended, in seconds since 1970.
# TYPE soteria_bucket_scan_timestamp_seconds gauge
soteria_bucket_scan_timestamp_seconds 1.7723664e+09
`)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestABucketThatWasNeverScannedIsNotAnEmptyOne(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics.NewBucket(registry, reporting(bucket.ErrNotScanned))
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	assert.Equal(t, "soteria_bucket_scan_failures_total", families[0].GetName())
}

func TestABucketOfWhichNothingCanBeReadIsAnError(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics.NewBucket(registry, reporting(errors.New("the API server is down")))
	_, err := registry.Gather()
	assert.ErrorContains(t, err, "the API server is down")
}
