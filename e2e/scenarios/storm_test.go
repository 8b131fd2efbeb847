//go:build e2e

package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/e2e/harness"
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
	s.createAtOnce(storm)
	s.awaitFleetBound(storm)
	after, err := cluster.Metric(s.ctx, listingsMade)
	require.NoError(s, err)
	s.Logf("%d claims took %.0f listings", claims, after-before)

	s.take(storm)
	s.requireStories(storm)
	assert.LessOrEqual(s, after-before, float64(fewListings), "listings of the repository by both replicas")
}

// createAtOnce makes the claims of a namespace that is gone all at the same time: those
// that come one after the other, as a busy machine makes them, ask one after the
// other, too.
func (s *scenario) createAtOnce(f fleet) {
	s.Helper()
	s.apply(namespaceManifest(f.namespace, ""))
	var creations errgroup.Group
	for _, app := range f.apps() {
		creations.Go(func() error {
			var claim corev1.PersistentVolumeClaim
			if err := yaml.Unmarshal([]byte(app.Workload()), &claim); err != nil {
				return err
			}
			var made error
			return errors.Join(harness.WaitFor(s.ctx, "admission to answer in time", func(ctx context.Context) (bool, string, error) {
				made = cluster.Create(ctx, &claim)
				return !isOutOfTime(made), fmt.Sprint(made), nil
			}), made)
		})
	}
	require.NoError(s, creations.Wait())
}
