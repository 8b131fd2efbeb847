//go:build e2e

package scenarios_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestAClaimThatHasNoBackupStartsAsAnyOther(t *testing.T) {
	const namespace = "e2e-none"
	t.Parallel()
	s := begin(t, 15*time.Minute, namespace)
	s.together(map[string]func(*scenario){
		"in a class that binds at once": func(s *scenario) {
			untouched(s, harness.App{Namespace: namespace, Name: "immediate", Class: "local"})
		},
		"in a class that waits for the first consumer": func(s *scenario) {
			untouched(s, harness.App{Namespace: namespace, Name: "late", Class: "local-wffc"})
		},
		"and through Soteria if it refers to a Restore": func(s *scenario) {
			written(s, harness.App{Namespace: namespace, Name: "written", Class: "local-wffc"})
		},
	})
}

// untouched shows that the ordinary provisioner makes the claim's volume, and
// that Soteria leaves no more than its stamp.
func untouched(s *scenario, app harness.App) {
	_, err := s.submit(app, "apply")
	require.NoError(s, err)
	s.awaitRunning(app)
	claim := s.claim(app)
	require.Nil(s, claim.Spec.DataSource)
	require.Nil(s, claim.Spec.DataSourceRef)
	require.Equal(s, "Fresh (NoBackupExists)", claim.Annotations[v1alpha1.VerdictAnnotation])
	require.Contains(s, claim.Annotations[v1alpha1.EvidenceAnnotation], "restic repository")

	var volume corev1.PersistentVolume
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &volume))
	require.Equal(s, "local.csi.soteria.dev", volume.Annotations["pv.kubernetes.io/provisioned-by"])
	require.Empty(s, volume.Labels, "the volume does not know Soteria")
	_, err = cluster.RestoreOf(s.ctx, app)
	require.ErrorContains(s, err, "is not locked")
	s.write(app, "the first line")
}

// written shows that a claim whose manifest asks for a restore, as one in Git
// does from its first day on, gets an empty volume when there is nothing yet.
func written(s *scenario, app harness.App) {
	const restore = "apiVersion: soteria.dev/v1alpha1\nkind: Restore\nmetadata:\n  name: from-git\n  namespace: e2e-none\nspec: {}\n"
	app.Spec = []string{"dataSourceRef: {apiGroup: soteria.dev, kind: Restore, name: from-git}"}
	s.apply(app.Manifest() + "---\n" + restore)
	s.awaitRunning(app)
	s.awaitCompleted(app)
	require.Equal(s, "lost+found\n", s.shell(app, "ls -A /data"), "the volume is empty")
	s.write(app, "the first line")

	done, err := cluster.RestoreOf(s.ctx, app)
	require.NoError(s, err)
	require.Equal(s, "from-git", done.Name)
	require.True(s, done.Status.Empty)
}
