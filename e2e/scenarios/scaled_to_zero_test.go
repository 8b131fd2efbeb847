//go:build e2e

package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
)

func TestWithoutAnyReplicaOnlyProtectedClaimsAreRefused(t *testing.T) {
	const namespace, byDefault = "e2e-zero", "e2e-zero-default"
	s := begin(t, 5*time.Minute, namespace, byDefault)
	s.apply(namespaceManifest(byDefault, "auto"))
	s.after(func(ctx context.Context) error { return cluster.ScaleSoteria(ctx, 2) })
	require.NoError(s, cluster.ScaleSoteria(s.ctx, 0))

	protected := harness.App{Namespace: namespace, Name: "protected"}
	for sentence, app := range map[string]harness.App{
		"protected by its label":           protected,
		"protected by pvc-plumber's label": {Namespace: namespace, Name: "plumbed", Labels: map[string]string{"backup": "hourly"}},
		"protected by its namespace":       {Namespace: byDefault, Name: "inherited", Labels: harness.Unprotected},
	} {
		err := cluster.Apply(s.ctx, app.Workload())
		require.ErrorContains(s, err, "failed calling webhook", sentence)
		require.ErrorContains(s, err, "soteria.dev", sentence)
	}
	for _, class := range []string{"local", "local-wffc"} {
		s.start(harness.App{Namespace: namespace, Name: "ordinary-" + class, Class: class, Labels: harness.Unprotected})
	}

	require.NoError(s, cluster.ScaleSoteria(s.ctx, 2))
	s.start(protected)
}
