package restic_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func userOn(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "app"},
		Spec: corev1.PodSpec{NodeName: node, Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
		}}}},
	}
}

func TestABackupIsMisplacedOnceItsAppHasMoved(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret()), userOn("a")).Build()
	d := driverIn(t, cluster, nil)
	started, err := d.Backup(t.Context(), request())
	require.NoError(t, err)
	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
	misplaced := func() bool {
		is, err := d.Misplaced(t.Context(), &job)
		require.NoError(t, err)
		return is
	}
	assert.False(t, misplaced())
	require.NoError(t, cluster.Delete(t.Context(), userOn("a")))
	assert.False(t, misplaced(), "nothing tells where the app will be")
	require.NoError(t, cluster.Create(t.Context(), userOn("b")))
	assert.True(t, misplaced())

	again := d.Request(&job)
	assert.Equal(t, claim, again.Claim)
	assert.Equal(t, []string{"before-upgrade"}, again.Tags, "what the driver adds is added again")
	assert.Equal(t, "alice", again.RequestedBy)
}

func TestABackupThatMayRunAnywhereIsNotMisplaced(t *testing.T) {
	cluster := world(t, boundClaim(), userOn("b")).Build()
	is, err := driverIn(t, cluster, nil).Misplaced(t.Context(), unfinishedJob("backup-data-25b316f3c7-1"))
	require.NoError(t, err)
	assert.False(t, is)
}

func TestMoversTrustWhatTheReplicaTrusts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.crt")
	trusting := func(c *restic.Config) { c.CAFile = file }
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	for _, content := range []string{"", "no certificate"} {
		if content != "" {
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		}
		_, err := driverIn(t, cluster, trusting).Backup(t.Context(), request())
		assert.ErrorContains(t, err, "SOTERIA_JOB_CA_FILE")
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	}
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items, "no Job is made that could trust nobody")
}

func TestABackupIsRefusedForAnAnnotationThatCannotBeUnderstood(t *testing.T) {
	pvc := boundClaim()
	pvc.Annotations = map[string]string{v1alpha1.JobResourcesAnnotation: "limits.memory=1000Gi"}
	cluster := world(t, []client.Object{pvc, secretWith(fullSecret())}...).Build()
	_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	assert.ErrorContains(t, err, "soteria.dev/job-resources")
}
