package metrics_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/metrics"
)

func TestBackupsThatAreDueAndNotStartedAreCountedByReason(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics.WatchOverdue(registry, func() map[string]int { return map[string]int{"backups_unknown": 3, "no_slot": 0} })
	const want = `# HELP soteria_backups_not_started Claims whose backup is due and was not started for a while, by reason, as of the leader's last evaluation; 0 on other replicas.
# TYPE soteria_backups_not_started gauge
soteria_backups_not_started{reason="backups_unknown"} 3
soteria_backups_not_started{reason="no_slot"} 0
`
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want)))
}
