package restic_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"
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

// pinnedNode returns the node that a backup Job was pinned to, "" for none.
func pinnedNode(job *batchv1.Job) string {
	if job.Spec.Template.Spec.Affinity == nil {
		return ""
	}
	return job.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values[0]
}

// going makes a pod one that is being deleted and is not gone.
func going(p *corev1.Pod) {
	p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: time.Now()}, []string{"example.com/kubelet-does-not-answer"}
}

func backsUp(p *corev1.Pod) { p.Labels = backupLabels() }

func running(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }

func TestABackupRunsBesideThePodThatStays(t *testing.T) {
	user := func(name, node string, changes ...func(*corev1.Pod)) client.Object {
		p := userOn(node)
		p.Name = name
		for _, change := range changes {
			change(p)
		}
		return p
	}
	for name, c := range map[string]struct {
		users []client.Object
		node  string
	}{
		"not beside one that hangs Terminating on a lost node": {[]client.Object{user("app-a", "lost", running, going), user("app-b", "b")}, "b"},
		"not beside a backup of Soteria's own":                 {[]client.Object{user("backup-data-1-x", "lost", running, backsUp), user("db-0", "b")}, "b"},
		"beside one that runs before one that waits":           {[]client.Object{user("app-a", "a"), user("app-b", "b", running)}, "b"},
		"beside one that goes if there is no other":            {[]client.Object{user("app-a", "a", running, going)}, "a"},
		"anywhere if only backups use the claim":               {[]client.Object{user("backup-data-1-x", "lost", backsUp)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, append(c.users, boundClaim(), secretWith(fullSecret()))...).Build()
			d := driverIn(t, cluster, nil)
			started, err := d.Backup(t.Context(), request())
			require.NoError(t, err)
			var job batchv1.Job
			require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
			assert.Equal(t, c.node, pinnedNode(&job))
			is, err := d.Misplaced(t.Context(), &job)
			require.NoError(t, err)
			assert.False(t, is, "it would be made again for ever")
		})
	}
}

func TestABackupThatWasMadeJustNowIsNeverMisplaced(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		objects := []client.Object{boundClaim(), secretWith(fullSecret())}
		for i := range rapid.IntRange(0, 4).Draw(r, "pods") {
			pod := userOn(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(r, "node"))
			pod.Name = fmt.Sprintf("pod-%d", i)
			pod.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed}).Draw(r, "phase")
			if rapid.Bool().Draw(r, "going") {
				going(pod)
			}
			if rapid.Bool().Draw(r, "own") {
				backsUp(pod)
			}
			objects = append(objects, pod)
		}
		cluster := world(t, objects...).Build()
		d := driverIn(t, cluster, nil)
		started, err := d.Backup(t.Context(), request())
		require.NoError(r, err)
		var job batchv1.Job
		require.NoError(r, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
		is, err := d.Misplaced(t.Context(), &job)
		require.NoError(r, err)
		assert.False(r, is)
	})
}

func TestABackupThatIsMadeAgainCountsAndHasANameOfItsOwn(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret()), userOn("a")).Build()
	d := driverIn(t, cluster, nil)
	req := request()
	for i := range 3 {
		started, err := d.Backup(t.Context(), req)
		require.NoError(t, err)
		assert.Regexp(t, named, started.JobName)
		assert.NotEqual(t, req.Replaces, started.JobName)
		assert.Equal(t, fmt.Sprintf("backup-data-25b316f3c7-%d-credentials", i+1), started.Secret, "that of the one before may be there still")
		var job batchv1.Job
		require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
		var secret corev1.Secret
		require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.Secret}, &secret))
		assert.Equal(t, job.UID, secret.OwnerReferences[0].UID, "the garbage collector takes no other's away")
		req = d.Request(&job)
		assert.Equal(t, i+1, req.Again)
		require.NoError(t, cluster.Delete(t.Context(), &job))
	}
}

func TestABackupWaitsForTheSecretOfAnEarlierJobOfItsNameToGo(t *testing.T) {
	left := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "backup-data-25b316f3c7-1-credentials"}}
	cluster := world(t, boundClaim(), secretWith(fullSecret()), left).Build()
	d := driverIn(t, cluster, nil)
	_, err := d.Backup(t.Context(), request())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.ErrorContains(t, err, "Secret apps/backup-data-25b316f3c7-1-credentials of an earlier Job")
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items, "a Job whose Secret is about to go is taken back")
	require.NoError(t, cluster.Delete(t.Context(), left))
	_, err = d.Backup(t.Context(), request())
	require.NoError(t, err)
}

func TestTheSecretOfAJobThatIsBeingMadeIsLeftToItsMaker(t *testing.T) {
	job := unfinishedJob("backup-data-25b316f3c7-1")
	job.CreationTimestamp = metav1.Now()
	cluster := world(t, boundClaim(), secretWith(fullSecret()), job).Build()
	_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	var secrets corev1.SecretList
	require.NoError(t, cluster.List(t.Context(), &secrets, client.InNamespace("apps")))
	assert.Empty(t, secrets.Items, "its maker would take it for that of an earlier Job")
}

func TestABackupThatCannotBeEndedOnALostNodeDoesNotHoldItsClaim(t *testing.T) {
	for name, c := range map[string]struct {
		node    corev1.ConditionStatus
		began   time.Duration
		follows bool
	}{
		"it is past its deadline":                    {corev1.ConditionUnknown, 2 * time.Hour, true},
		"it has time left":                           {corev1.ConditionUnknown, 30 * time.Minute, false},
		"its node works, and it may be about to end": {corev1.ConditionTrue, 2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			began := metav1.NewTime(time.Now().Add(-c.began))
			shared := boundClaim()
			shared.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
			job := unfinishedJob("backup-data-25b316f3c7-7")
			job.CreationTimestamp, job.Spec.ActiveDeadlineSeconds, job.Status.Active = began, ptr.To[int64](3600), 1
			pod := userOn("lost")
			pod.Name, pod.CreationTimestamp = job.Name+"-x", began
			going(pod)
			pod.Labels = map[string]string{batchv1.JobNameLabel: job.Name}
			pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID}}
			pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
				Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}},
			}}}
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lost"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: c.node, LastTransitionTime: began,
			}}}}
			cluster := world(t, shared, secretWith(fullSecret()), job, pod, node).Build()
			started, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
			if !c.follows {
				assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.Regexp(t, named, started.JobName)
			assert.Equal(t, "backup-data-25b316f3c7-8-credentials", started.Secret)
		})
	}
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
