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
