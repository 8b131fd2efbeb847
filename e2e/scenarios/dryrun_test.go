//go:build e2e

package scenarios_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestADryRunGivesTheVerdictAndChangesNothing(t *testing.T) {
	const namespace = "e2e-dryrun"
	s := begin(t, 5*time.Minute, namespace)
	source := harness.App{Namespace: namespace, Name: "source", Size: "64Mi", Labels: harness.Unprotected}
	s.seed(source, "once upon a time")
	verdictsBefore, err := cluster.Metric(s.ctx, "soteria_verdicts_total")
	require.NoError(s, err)

	app := harness.App{Namespace: namespace, Name: "rehearsed", Size: "64Mi", ClaimOnly: true}
	dryRun := []string{"apply", "--dry-run=server"}
	for sentence, row := range map[string]struct {
		annotations map[string]string
		labels      map[string]string
		warning     string
	}{
		"of a claim with a backup":                {labels: label("auto"), annotations: from(namespace + "/source"), warning: "soteria: Restore: will be restored from the restic backup"},
		"of a claim without one":                  {labels: label("auto"), warning: "soteria: Fresh: no backup of e2e-dryrun/rehearsed exists"},
		"of a claim without one that requires it": {labels: label("required"), warning: "soteria: Hold: no backup found"},
	} {
		app.Labels, app.Annotations = row.labels, row.annotations
		warnings, err := s.submit(app, dryRun...)
		require.NoError(s, err, sentence)
		require.Contains(s, warnings, row.warning, sentence)
	}
	app.Labels, app.Annotations = label("skip"), nil
	_, err = s.submit(app, dryRun...)
	require.ErrorContains(s, err, "needs a reason")

	err = cluster.Get(s.ctx, app.Key(), &corev1.PersistentVolumeClaim{})
	require.True(s, apierrors.IsNotFound(err), "there is no claim")
	var restores v1alpha1.RestoreList
	require.NoError(s, cluster.List(s.ctx, &restores, client.InNamespace(namespace)))
	require.Empty(s, restores.Items, "there is no Restore")
	verdictsAfter, err := cluster.Metric(s.ctx, "soteria_verdicts_total")
	require.NoError(s, err)
	require.Equal(s, verdictsBefore, verdictsAfter, "no verdict was counted")
}
