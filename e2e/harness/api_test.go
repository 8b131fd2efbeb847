package harness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/e2e/harness"
)

func TestSamplesAreAddedUpByTheirLabels(t *testing.T) {
	const scrape = `# HELP rest_client_requests_total Number of HTTP requests
rest_client_requests_total{code="200",host="10.0.0.1:6443",method="GET"} 10
rest_client_requests_total{code="409",host="10.0.0.1:6443",method="PUT"} 2
rest_client_requests_total{code="409",host="10.0.0.1:6443",method="PATCH"} 1
rest_client_requests_total_other{code="409"} 100
process_cpu_seconds_total 1.5e+00
process_cpu_seconds_total 2
`
	assert.InDelta(t, 13, harness.Sum(scrape, "rest_client_requests_total"), 0)
	assert.InDelta(t, 3, harness.Sum(scrape, "rest_client_requests_total", `code="409"`), 0)
	assert.InDelta(t, 1, harness.Sum(scrape, "rest_client_requests_total", `code="409"`, `method="PATCH"`), 0)
	assert.InDelta(t, 3.5, harness.Sum(scrape, "process_cpu_seconds_total"), 0)
	assert.Zero(t, harness.Sum(scrape, "soteria_listings_total"))
}
