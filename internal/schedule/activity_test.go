package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

func TestFourLeasesThatHangDoNotStopTheBackupsOfOthers(t *testing.T) {
	for name, stuck := range map[string]string{"they hang": "its replica is gone", "they run": ""} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.cfg.Concurrency = 4
			l.cfg.Activities[1] = schedule.Leases{
				Of: lease, Reader: l.client, Namespace: own,
				Running: func(*coordinationv1.Lease) bool { return true }, Stuck: func(*coordinationv1.Lease) string { return stuck },
			}
			l.restart()
			for i := range 4 {
				require.NoError(t, l.client.Create(t.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
					Namespace: own, Name: fmt.Sprintf("hangs-%d", i), CreationTimestamp: metav1.NewTime(noon),
					Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: fmt.Sprintf("other-%d", i)},
				}}))
			}
			photos := l.claim("media", "photos")
			l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: lease})
			l.leader.Evaluate(t.Context())
			assert.Equal(t, stuck != "", len(l.startsOf(photos)) > 0)
		})
	}
}

func backupJob(change func(*batchv1.Job)) *batchv1.Job {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: "media", Name: "backup-1", UID: "job", CreationTimestamp: metav1.NewTime(noon), Annotations: map[string]string{},
		Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: "photos"},
	}}
	change(job)
	return job
}

func TestAJobThatFailedAfterItsBackupWasSavedIsNoFailure(t *testing.T) {
	for told, failure := range map[string]string{"succeeded": "", "partial": "", "failed": "Job media/backup-1 failed", "": "Job media/backup-1 failed"} {
		job := backupJob(func(j *batchv1.Job) {
			j.Annotations["soteria.dev/told"] = told
			j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(time.Hour))}}
		})
		runs, err := schedule.Jobs{Of: restic, Reader: fake.NewClientBuilder().WithObjects(job).Build()}.Runs(t.Context())
		require.NoError(t, err)
		require.Len(t, runs, 1)
		assert.Equal(t, failure, runs[0].Failure, "told %q", told)
	}
}

// held returns a Job past its deadline of an hour, whose pod is on the node "lost" and
// has not been ended.
func held(state corev1.ContainerState) (*batchv1.Job, *corev1.Pod) {
	job := backupJob(func(j *batchv1.Job) { j.Spec.ActiveDeadlineSeconds, j.Status.Active = ptr.To[int64](3600), 1 })
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "media", Name: "backup-1-x", Labels: map[string]string{batchv1.JobNameLabel: "backup-1"}, CreationTimestamp: metav1.NewTime(noon),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "backup-1", UID: "job"}},
		},
		Spec:   corev1.PodSpec{NodeName: "lost"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "mover", State: state}}},
	}
	return job, pod
}

func TestARunThatIsPastItsTimeOnALostNodeHasFailed(t *testing.T) {
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}}
	ready := func(status corev1.ConditionStatus) client.Object {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lost"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: status, LastTransitionTime: metav1.NewTime(noon),
		}}}}
	}
	for name, c := range map[string]struct {
		state corev1.ContainerState
		node  client.Object
		after time.Duration
		ended bool
	}{
		"its node is gone":                 {runs, ready(corev1.ConditionUnknown), 2 * time.Hour, true},
		"its mover never began":            {corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}, ready(corev1.ConditionTrue), 2 * time.Hour, true},
		"its node is there and it may end": {runs, ready(corev1.ConditionTrue), 2 * time.Hour, false},
		"its deadline has not passed":      {runs, ready(corev1.ConditionUnknown), 30 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			job, pod := held(c.state)
			api := fake.NewClientBuilder().WithObjects(job, pod, c.node).Build()
			now := testclock.NewFakePassiveClock(noon.Add(c.after))
			got, err := schedule.Jobs{Of: restic, Reader: api, API: api, StartTimeout: 10 * time.Minute, Clock: now}.Runs(t.Context())
			require.NoError(t, err)
			require.Len(t, got, 1)
			if !c.ended {
				assert.Zero(t, got[0].Ended)
				return
			}
			assert.True(t, noon.Add(time.Hour).Equal(got[0].Ended), "%s", got[0].Ended)
			assert.Contains(t, got[0].Failure, "Job media/backup-1 has failed and cannot be ended: DeadlineExceeded")
		})
	}
}
