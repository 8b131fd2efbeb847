package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
)

// TestReports holds the reports to their examples, byte by byte.
func TestReports(t *testing.T) {
	scheduled := inventorytest.Example()
	scheduled.Schedules = everyNight{}
	failing := inventorytest.Assorted()
	failing.Listings[1].Failure = down
	tests := map[string]struct {
		facts  inventory.Facts
		path   string
		golden string
	}{
		"an inventory of one claim":                             {inventorytest.Example(), "/v1/inventory", "inventory.json"},
		"an inventory of a claim that a policy backs up":        {scheduled, "/v1/inventory", "inventory_policy.json"},
		"an inventory of claims of many kinds":                  {inventorytest.Assorted(), "/v1/inventory", "inventory_assorted.json"},
		"an inventory while a repository cannot be listed":      {failing, "/v1/inventory", "inventory_lookup_failed.json"},
		"an inventory of an empty cluster has lists, and empty": {inventorytest.State(), "/v1/inventory", "inventory_empty.json"},
		"a plan for one claim":                                  {inventorytest.Example(), "/v1/plan", "plan.json"},
		"a plan for claims of many kinds":                       {inventorytest.Assorted(), "/v1/plan", "plan_assorted.json"},
		"a plan while a repository cannot be listed":            {failing, "/v1/plan", "plan_lookup_failed.json"},
		"a plan for an empty cluster has lists, and empty":      {inventorytest.State(), "/v1/plan", "plan_empty.json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.reports.Publish(inventory.Build(test.facts))
			resp, body := send(t, http.MethodGet, w.serve(t, nil)+test.path, "", "")
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			golden(t, test.golden, body)
		})
	}
}

// everyNight is a policy of all claims.
type everyNight struct{}

func (everyNight) ScheduleOf(backup.Claim) (inventory.Schedule, bool) {
	return inventory.Schedule{Policy: "everyNight", Source: "claim", NextRun: inventorytest.Now.AddDate(0, 0, 1)}, true
}

func TestReportsThatAreNotMadeYet(t *testing.T) {
	w := newWorld()
	resp, body := send(t, http.MethodGet, w.serve(t, nil)+"/v1/inventory", "", "")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	golden(t, "inventory_unavailable.json", body)
	_, err := w.client(t).Inventory(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	_, err = w.client(t).Plan(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

func TestReportsComeToTheClientAsTheyAre(t *testing.T) {
	w := newWorld()
	w.reports.Publish(inventory.Build(inventorytest.Assorted()))
	c := w.client(t)
	known, err := c.Inventory(t.Context())
	require.NoError(t, err)
	assert.Equal(t, inventorytest.Now, known.GeneratedAt)
	reasons := map[string]string{}
	for _, namespace := range known.Namespaces {
		for _, claim := range namespace.PVCs {
			assert.Equal(t, namespace.Name, claim.Namespace)
			reasons[claim.Namespace+"/"+claim.PVC] = claim.HealthReason
		}
	}
	assert.Equal(t, map[string]string{
		"ai/models": "fresh", "kube-system/registry": "excluded", "media/bad": "no_backups", "media/inbox": "unbound", "media/music": "no_backups",
		"media/photos": "stale", "media/scratch": "no_backups", "media/thumbnails": "skipped", "shop/db": "restoring", "shop/queue": "held", "shop/static": "no_backups",
	}, reasons)
	require.Len(t, known.Orphans, 1)
	assert.Equal(t, "wiki", known.Orphans[0].PVC)

	plan, err := c.Plan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, wire.PlanSummary{Claims: 11, Restore: 3, StartEmpty: 3, Hold: 1, Refuse: 1, LeaveAlone: 2, Unprotected: 1, Orphans: 1}, plan.Summary)
	assert.Equal(t, []string{"media/scratch"}, plan.Unprotected)
}

func TestAClientThatHasAReportAlreadyIsToldSo(t *testing.T) {
	w := newWorld()
	w.reports.Publish(inventory.Build(inventorytest.Example()))
	url := w.serve(t, nil) + "/v1/inventory"
	first, _ := send(t, http.MethodGet, url, "", "")
	tag := first.Header.Get("Etag")
	assert.NotEmpty(t, tag)
	assert.Equal(t, "private, no-cache", first.Header.Get("Cache-Control"))
	again := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		req.Header.Set("If-None-Match", tag)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusNotModified, again())
	w.reports.Publish(inventory.Build(inventorytest.Assorted()))
	assert.Equal(t, http.StatusOK, again())
}
