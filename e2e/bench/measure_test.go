package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	assert.InDelta(t, 13, sum(scrape, "rest_client_requests_total"), 0)
	assert.InDelta(t, 3, sum(scrape, "rest_client_requests_total", `code="409"`), 0)
	assert.InDelta(t, 1, sum(scrape, "rest_client_requests_total", `code="409"`, `method="PATCH"`), 0)
	assert.InDelta(t, 3.5, sum(scrape, "process_cpu_seconds_total"), 0)
	assert.Zero(t, sum(scrape, "soteria_listings_total"))
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	assert.Equal(t, 2*time.Second, median([]time.Duration{3 * time.Second, time.Second, 2 * time.Second}))
	assert.Zero(t, median(nil))
	assert.Equal(t, "15.2 ms", text(15_234*time.Microsecond))
	assert.Equal(t, "1.5 s", text(1500*time.Millisecond))
}

func TestWaitingEndsWithWhatWasWaitedFor(t *testing.T) {
	looks := 0
	err := await(t.Context(), "three looks", func(context.Context) (bool, error) { looks++; return looks == 3, nil })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = await(ctx, "a cluster", func(context.Context) (bool, error) { cancel(); return false, errors.New("no one is there") })
	assert.ErrorContains(t, err, "waiting for a cluster")
	assert.ErrorContains(t, err, "no one is there")
}
