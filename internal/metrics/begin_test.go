package metrics_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/metrics"
)

// series returns the series of each metric in the registry, by what it counts.
func series(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetName() + "=" + label.GetValue()
			}
			all[name] = m.GetCounter().GetValue()
			if family.GetType() == dto.MetricType_HISTOGRAM {
				all[name] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return all
}

func TestEverySeriesThatCanBeForeseenIsThereBeforeItsFirstEvent(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	m.Begin(metrics.Foreseen{
		Listed: []string{"longhorn", "restic"}, Taking: []string{"longhorn", "restic"}, Restoring: []string{"longhorn", "restic"},
		Backups: []string{"succeeded", "partial", "failed"}, Attempts: []string{"filled", "failed"}, Refusals: []string{"restore_open"}, Denials: []string{"wrong_token"}, Removers: []string{"person", "expiry"},
	})
	before := series(t, registry)
	for name, value := range before {
		assert.Zero(t, value, name)
	}
	assert.Less(t, len(before), 1000, "they are few")
	everything(m)
	for name := range series(t, registry) {
		assert.Contains(t, before, name, "it came with its first event")
	}
}

func TestADriverThatIsNotUsedHasNoSeries(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics.New(registry).Begin(metrics.Foreseen{Listed: []string{"restic"}, Taking: []string{"restic"}, Backups: []string{"succeeded"}})
	for name := range series(t, registry) {
		assert.NotContains(t, name, "longhorn")
	}
}
