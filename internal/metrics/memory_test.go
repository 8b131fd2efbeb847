package metrics_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/metrics"
)

func TestCopiesOfTheExpectationsAreCountedAndWatched(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := metrics.New(registry)
	m.Copied("restic", nil)
	m.Copied("restic", nil)
	m.Copied("restic", backup.Errorf(backup.DriverFailed, "read-only"))
	copies := []metrics.MemoryCopy{{Driver: "restic", WrittenAt: noon, Rival: true}, {Driver: "other"}}
	metrics.WatchCopies(registry, func() []metrics.MemoryCopy { return copies })
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP soteria_memory_copies_total Copies of the expectations beside the backups that were written or failed; result is ok or the kind of error.
# TYPE soteria_memory_copies_total counter
soteria_memory_copies_total{driver="restic",result="driver_failed"} 1
soteria_memory_copies_total{driver="restic",result="ok"} 2
# HELP soteria_memory_copy_timestamp_seconds When the newest copy of the expectations that the last listing held was written, in seconds since 1970; absent where there is none.
# TYPE soteria_memory_copy_timestamp_seconds gauge
soteria_memory_copy_timestamp_seconds{driver="restic"} 1.7723664e+09
# HELP soteria_cluster_name_taken 1 while another live cluster uses the repository by the name of this one, else 0.
# TYPE soteria_cluster_name_taken gauge
soteria_cluster_name_taken{driver="other"} 0
soteria_cluster_name_taken{driver="restic"} 1
`), "soteria_memory_copies_total", "soteria_memory_copy_timestamp_seconds", "soteria_cluster_name_taken"))
}
