//go:build e2e

package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestTheOperatorMaySettleMatters(t *testing.T) {
	const namespace, others = "e2e-settings", "e2e-settings-others"
	s := begin(t, 8*time.Minute, namespace, others)
	source := harness.App{Namespace: others, Name: "source", Size: "64Mi", Labels: harness.Unprotected}
	s.seed(source, "from elsewhere")

	s.after(func(ctx context.Context) error {
		return cluster.Configure(ctx, map[string]string{"SOTERIA_RESTORE_MODE": "", "SOTERIA_CROSS_NAMESPACE": "", "SOTERIA_ON_UNKNOWN": ""})
	})
	require.NoError(s, cluster.Configure(s.ctx, map[string]string{
		"SOTERIA_RESTORE_MODE": "required", "SOTERIA_CROSS_NAMESPACE": "true", "SOTERIA_ON_UNKNOWN": "deny",
	}))

	s.run("auto is raised to required for the days of a disaster recovery", func(s *scenario) {
		app := harness.App{Namespace: namespace, Name: "raised"}
		s.awaitAccepted(app)
		require.Equal(s, "Hold (RequiredBackupMissing)", s.claim(app).Annotations[v1alpha1.VerdictAnnotation])
	})
	s.run("backups may cross namespaces", func(s *scenario) {
		app := harness.App{Namespace: namespace, Name: "crossing", Size: "64Mi", Annotations: from(others + "/source")}
		s.awaitAccepted(app)
		s.awaitRunning(app)
		require.Equal(s, "from elsewhere", s.story(app))
	})
	s.run("a claim is refused when nothing can be told of its backups", func(s *scenario) {
		start := stopIdleS3(s)
		s.after(start)
		require.NoError(s, cluster.AwaitUnknown(s.ctx, "connection refused"))
		app := harness.App{Namespace: namespace, Name: "denied"}
		err := cluster.Apply(s.ctx, app.Manifest())
		require.ErrorContains(s, err, "could not tell whether backups of e2e-settings/denied exist")
		require.ErrorContains(s, err, "apply it again once that is mended")

		require.NoError(s, start(s.ctx))
		s.awaitAccepted(app)
	})
}
