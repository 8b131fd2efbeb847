package moverjob_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// longFill is a fill that began at noon and may take a day.
type longFill struct {
	t     *testing.T
	api   client.WithWatch
	job   *batchv1.Job
	fails error
}

func newLongFill(t *testing.T) *longFill {
	l := &longFill{t: t, job: moverjob.Build(moverjob.Fills{Namespace: namespace}.FillSpec(fillRequest()))}
	l.job.UID, l.job.CreationTimestamp, l.job.Status.StartTime = "job", metav1.NewTime(noon), &metav1.Time{Time: noon}
	l.job.Spec.ActiveDeadlineSeconds = ptr.To[int64](24 * 3600)
	pod := aPod("a", mover(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}}))
	pod.Labels[batchv1.JobNameLabel] = l.job.Name
	l.api = cluster(t, l.job, pod).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if l.fails != nil {
				return l.fails
			}
			return c.Patch(ctx, o, p, opts...)
		},
	}).Build()
	return l
}

// look observes the fill and returns the deadline that its Job has then.
func (l *longFill) look(after time.Duration, done int64) time.Duration {
	l.t.Helper()
	fills := moverjob.Fills{
		Client: l.api, Reader: l.api, Namespace: namespace, Clock: testclock.NewFakePassiveClock(noon.Add(after)),
		Logs: logs{text: fmt.Sprintf(`{"progress":{"bytes_done":%d,"bytes_total":1000}}`+"\n", done)},
	}
	state, err := fills.Ensure(l.t.Context(), fillRequest(), l.job, nil)
	require.NoError(l.t, err)
	assert.Equal(l.t, driver.FillRunning, state.Phase)
	assert.Equal(l.t, done, state.Progress.BytesDone)
	var job batchv1.Job
	require.NoError(l.t, l.api.Get(l.t.Context(), client.ObjectKeyFromObject(l.job), &job))
	return time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second
}

func TestADeadlineDoesNotEndAFillWhoseBytesMove(t *testing.T) {
	l := newLongFill(t)
	const day = 24 * time.Hour
	assert.Equal(t, day, l.look(12*time.Hour, 100), "there is time")
	assert.Equal(t, day, l.look(23*time.Hour, 500), "looked at for the first time")
	moved := l.look(23*time.Hour+time.Minute, 501)
	assert.Equal(t, 23*time.Hour+time.Minute+(23*time.Hour+time.Minute)/2, moved)
	assert.Equal(t, moved, l.look(30*time.Hour, 600))
	assert.Equal(t, moved, l.look(moved-time.Minute, 700), "what moved hours ago proves nothing now")
	assert.Greater(t, l.look(moved-time.Second, 701), moved)
}

func TestADeadlineEndsAFillThatHangs(t *testing.T) {
	l := newLongFill(t)
	for minute := range 60 {
		assert.Equal(t, 24*time.Hour, l.look(23*time.Hour+time.Duration(minute)*time.Minute, 500))
	}
	l = newLongFill(t)
	for minute := range 60 {
		assert.Equal(t, 24*time.Hour, l.look(23*time.Hour+time.Duration(minute)*time.Minute, 0), "it moved nothing at all")
	}
}

func TestADeadlineThatCannotBeMovedHidesNoProgress(t *testing.T) {
	l := newLongFill(t)
	l.fails = errors.New("away")
	assert.Equal(t, 24*time.Hour, l.look(23*time.Hour, 500))
}

func TestAJobThatRanOutOfTimeNamesTheSettings(t *testing.T) {
	overdue := batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "Job was active longer than specified deadline"}
	for role, settings := range map[string][]string{
		v1alpha1.RoleFill:   {"SOTERIA_JOB_DEADLINE", "annotation soteria.dev/job-deadline"},
		v1alpha1.RoleBackup: {"SOTERIA_JOB_DEADLINE", "annotation soteria.dev/job-deadline"},
		v1alpha1.RoleTest:   {"SOTERIA_JOB_DEADLINE"},
		v1alpha1.RoleMemory: nil,
	} {
		job := aJob(overdue)
		job.Labels, job.Spec.ActiveDeadlineSeconds = moverjob.Labels(role, "claim"), ptr.To[int64](3600)
		state, err := moverjob.Observe(t.Context(), cluster(t).Build(), job)
		require.NoError(t, err)
		assert.Contains(t, state.Message, "DeadlineExceeded: Job was active longer than specified deadline")
		for _, setting := range settings {
			assert.Contains(t, state.Message, setting, role)
		}
		if settings == nil {
			assert.NotContains(t, state.Message, "SOTERIA_JOB_DEADLINE", "no setting changes it")
		}
		job.Spec.ActiveDeadlineSeconds = ptr.To[int64](1)
		state, err = moverjob.Observe(t.Context(), cluster(t).Build(), job)
		require.NoError(t, err)
		assert.NotContains(t, state.Message, "SOTERIA_JOB_DEADLINE", "Soteria ended it by that, since it did not begin")
	}
}
