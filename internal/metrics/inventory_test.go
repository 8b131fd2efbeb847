package metrics_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/sets"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
	"github.com/soteria-dr/soteria/internal/metrics"
)

var update = flag.Bool("update", false, "write the golden files anew")

// watched gives a registry that reads the inventory of these facts, some time
// after they were gathered.
func watched(f inventory.Facts, later time.Duration) *prometheus.Registry {
	registry := prometheus.NewPedanticRegistry()
	known, _ := inventory.Build(f)
	metrics.WatchInventory(registry, func() (*inventory.Inventory, error) { return known, nil },
		clocktesting.NewFakePassiveClock(f.Now.Add(later)))
	return registry
}

// scraped gives what Prometheus would read.
func scraped(t *testing.T, registry prometheus.Gatherer) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	return answer.Body.String()
}

func TestACopyToLookAtHasNoSeries(t *testing.T) {
	f := inventorytest.Assorted()
	name := f.Claims[0].Name
	require.Contains(t, scraped(t, watched(f, 0)), `pvc="`+name+`"`)
	f.Copies = sets.New(f.Claims[0].UID)
	assert.NotContains(t, scraped(t, watched(f, 0)), `pvc="`+name+`"`)
}

func TestWhatIsScrapedOfAKnownState(t *testing.T) {
	for name, f := range map[string]inventory.Facts{
		"example.txt": inventorytest.Example(), "assorted.txt": inventorytest.Assorted(), "lookup_failed.txt": lookupFailed(),
	} {
		t.Run(name, func(t *testing.T) {
			path, got := "testdata/"+name, scraped(t, watched(f, 0))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// lookupFailed is a state in which one of two drivers cannot be listed.
func lookupFailed() inventory.Facts {
	f := inventorytest.Assorted()
	f.Listings[0].Failure = backup.Errorf(backup.Unavailable, "connection refused")
	return f
}

func TestAnInventoryThatIsNeverMadeAnewAges(t *testing.T) {
	text := scraped(t, watched(inventorytest.Example(), 48*time.Hour))
	labels := `{driver="longhorn",namespace="ai",pvc="llm-cache",volume="pvc-1234abcd"}`
	assert.Contains(t, text, "pvc_backup_health"+labels+" 0\n")
	assert.Contains(t, text, "pvc_backup_age_hours"+labels+" 48.58333")
}

func TestTheSeriesOfAVanishedClaimVanish(t *testing.T) {
	f := inventorytest.Example()
	current, _ := inventory.Build(f)
	registry := prometheus.NewPedanticRegistry()
	metrics.WatchInventory(registry, func() (*inventory.Inventory, error) { return current, nil }, clocktesting.NewFakePassiveClock(f.Now))
	assert.Contains(t, scraped(t, registry), "llm-cache")
	f.Claims = nil
	current, _ = inventory.Build(f)
	text := scraped(t, registry)
	assert.NotContains(t, text, "llm-cache", "not even as an orphan")
	assert.Contains(t, text, "soteria_inventory_refresh_timestamp_seconds 1.7760078e+09")
}

func TestAnInventoryThatIsNotMadeYetIsAnErrorAndNotZero(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics.WatchInventory(registry, func() (*inventory.Inventory, error) { return nil, inventory.NotYet() }, clocktesting.NewFakePassiveClock(noon))
	families, err := registry.Gather()
	assert.ErrorContains(t, err, "being made")
	assert.Empty(t, families)
}

// Two names were promised to scripts that exist, and Prometheus would have others.
func TestTheMetricsOfInventoriesAreNamedAsPrometheusWouldHaveThemButForTwo(t *testing.T) {
	problems, err := testutil.GatherAndLint(watched(inventorytest.Assorted(), 0))
	require.NoError(t, err)
	assert.ElementsMatch(t, []promlint.Problem{
		{Metric: "pvc_backup_age_hours", Text: `use base unit "seconds" instead of "hours"`},
		{Metric: "pvc_backup_count", Text: `non-histogram and non-summary metrics should not have "_count" suffix`},
	}, problems)
}
