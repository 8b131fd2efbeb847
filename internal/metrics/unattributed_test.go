package metrics_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/metrics"
)

func TestUnattributedBackupsAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics.WatchUnattributed(registry, func() []metrics.Unattributed {
		return []metrics.Unattributed{{Driver: "restic", Held: 2, Accepted: 3}, {Driver: "longhorn"}}
	})
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP soteria_unattributed_backups Backups of which nothing says which claim they are of, by driver and state: held keeps claims without backups waiting, accepted does not.
# TYPE soteria_unattributed_backups gauge
soteria_unattributed_backups{driver="longhorn",state="accepted"} 0
soteria_unattributed_backups{driver="longhorn",state="held"} 0
soteria_unattributed_backups{driver="restic",state="accepted"} 3
soteria_unattributed_backups{driver="restic",state="held"} 2
`)))
}
