//go:build e2e

package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAStormOfClaimsIsRestoredWithAHandfulOfListings(t *testing.T) {
	const (
		namespace    = "e2e-storm"
		claims       = 40
		fewListings  = 5
		listingsMade = "soteria_listings_total"
	)
	s := begin(t, 15*time.Minute, namespace)
	storm := fleet{namespace: namespace, classes: map[string]string{}}
	for i := range claims {
		storm.classes[fmt.Sprintf("claim-%02d", i)] = []string{"local", "local-wffc"}[i%2]
	}
	s.seedFleet(storm)
	s.destroy(namespace)
	require.NoError(s, cluster.AwaitRestorable(s.ctx, namespace, slices.Collect(maps.Keys(storm.classes))...))

	before, err := cluster.Metric(s.ctx, listingsMade)
	require.NoError(s, err)
	s.apply(storm.manifest())
	s.awaitFleetBound(storm)
	after, err := cluster.Metric(s.ctx, listingsMade)
	require.NoError(s, err)
	s.Logf("%d claims took %.0f listings", claims, after-before)

	s.take(storm)
	s.requireStories(storm)
	assert.LessOrEqual(s, after-before, float64(fewListings), "listings of the repository by both replicas")
}
