package moverjob_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const restored = `{"action":"restore","restored":{"files":1,"bytes":2},"expected":{"files":1,"bytes":2}}`

// looked is a fill whose Job and pod are in the cache and in the API server, whose calls
// are counted.
type looked struct {
	fills moverjob.Fills
	req   driver.FillRequest
	job   *batchv1.Job
	calls []string
}

func look(t *testing.T, at time.Time, change func(*batchv1.Job), pods ...*corev1.Pod) *looked {
	t.Helper()
	l := &looked{req: driver.FillRequest{ClaimUID: "claim", Attempt: 1, Prime: "prime"}}
	l.job = aJob()
	l.job.CreationTimestamp = metav1.NewTime(noon)
	l.job.Annotations = map[string]string{v1alpha1.AttemptAnnotation: "1"}
	if change != nil {
		change(l.job)
	}
	objects := []client.Object{l.job}
	for _, pod := range pods {
		for key, value := range moverjob.Labels(v1alpha1.RoleFill, "claim") {
			pod.Labels[key] = value
		}
		objects = append(objects, pod)
	}
	cached := cluster(t, objects...).Build()
	api := interceptor.NewClient(cached, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			l.calls = append(l.calls, "get")
			return c.Get(ctx, key, obj, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			l.calls = append(l.calls, "list")
			return c.List(ctx, list, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			l.calls = append(l.calls, "delete")
			return c.Delete(ctx, obj, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			l.calls = append(l.calls, "create")
			return c.Create(ctx, obj, opts...)
		},
	})
	l.fills = moverjob.Fills{Client: api, Reader: api, Cache: cached, Namespace: namespace, Clock: testclock.NewFakePassiveClock(at)}
	return l
}

func (l *looked) fill(t *testing.T) driver.FillState {
	t.Helper()
	want := l.job.DeepCopy()
	want.UID, want.ResourceVersion = "", ""
	state, err := l.fills.Ensure(t.Context(), l.req, want, func() (*corev1.Secret, error) {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: moverjob.CredentialsName(want.Name)}}, nil
	})
	require.NoError(t, err)
	return state
}

func TestWhileAMoverWaitsOrWorksTheAPIServerIsNotAsked(t *testing.T) {
	for name, pods := range map[string][]*corev1.Pod{
		"its pod is not made yet": nil,
		"its pod starts":          {aPod("a", nil)},
		"no node suits its pod": {aPod("a", func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"}}
		})},
		"it runs": {aPod("a", mover(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}}))},
	} {
		t.Run(name, func(t *testing.T) {
			l := look(t, noon.Add(time.Second), nil, pods...)
			state := l.fill(t)
			assert.Contains(t, []driver.FillPhase{driver.FillPending, driver.FillRunning}, state.Phase)
			assert.Empty(t, l.calls)
		})
	}
}

func TestWhatTheCacheDoesNotSettleIsReadFromTheAPIServer(t *testing.T) {
	for name, l := range map[string]*looked{
		"its pod takes long to be made":  look(t, noon.Add(time.Minute), nil),
		"its pod takes long to start":    look(t, noon.Add(time.Minute), nil, aPod("a", nil)),
		"its mover has ended":            look(t, noon, nil, aPod("a", ended(0, "Completed", restored))),
		"it is of another attempt":       look(t, noon, func(j *batchv1.Job) { j.Name = "fill-data-0" }),
		"a pod of another Job is there":  look(t, noon, nil, aPod("a", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "older" })),
		"its settings are others by now": look(t, noon, func(j *batchv1.Job) { j.Annotations[v1alpha1.SettingsAnnotation] = "old" }),
	} {
		t.Run(name, func(t *testing.T) {
			want := l.job.DeepCopy()
			want.UID, want.ResourceVersion, want.Name = "", "", "fill-data-1"
			if want.Annotations[v1alpha1.SettingsAnnotation] != "" {
				want.Annotations[v1alpha1.SettingsAnnotation] = "new"
			}
			_, err := l.fills.Ensure(t.Context(), l.req, want, nil)
			require.NoError(t, err)
			assert.NotEmpty(t, l.calls)
		})
	}
}

func TestAMoverThatEndedWellIsBelievedBeforeItsJobIs(t *testing.T) {
	failed := `{"action":"restore","error":"restic: wrong password","kind":"credentials"}`
	for name, test := range map[string]struct {
		change func(*batchv1.Job)
		pods   []*corev1.Pod
		phase  driver.FillPhase
	}{
		"it ended well":                          {pods: []*corev1.Pod{aPod("a", ended(0, "Completed", restored))}, phase: driver.FillDone},
		"it ended well, and left no counts":      {pods: []*corev1.Pod{aPod("a", ended(0, "Completed", `{"action":"restore"}`))}, phase: driver.FillFailed},
		"it left no result":                      {pods: []*corev1.Pod{aPod("a", ended(0, "Completed", ""))}, phase: driver.FillRunning},
		"it said that it ended well, and failed": {pods: []*corev1.Pod{aPod("a", ended(1, "Error", restored))}, phase: driver.FillRunning},
		"it failed, and may be made again":       {pods: []*corev1.Pod{aPod("a", ended(1, "Error", failed))}, phase: driver.FillRunning},
		"it is of another Job":                   {pods: []*corev1.Pod{aPod("a", func(p *corev1.Pod) { ended(0, "Completed", restored)(p); p.OwnerReferences[0].UID = "older" })}, phase: driver.FillPending},
		"its pod is gone, and its Job complete":  {change: func(j *batchv1.Job) { j.Status = aJob(condition(batchv1.JobComplete)).Status }, phase: driver.FillFailed},
		"its pod is gone, and its Job failed":    {change: func(j *batchv1.Job) { j.Status = aJob(condition(batchv1.JobFailed)).Status }, phase: driver.FillFailed},
	} {
		t.Run(name, func(t *testing.T) {
			state := look(t, noon, test.change, test.pods...).fill(t)
			assert.Equal(t, test.phase, state.Phase, state.Message)
		})
	}
}

func TestASecretIsMadeUpForOnceAndNotAskedForAgain(t *testing.T) {
	l := look(t, noon.Add(time.Minute), nil, aPod("a", nil))
	l.fill(t)
	assert.Contains(t, l.calls, "create", "a crash left it out")
	l.calls = nil
	l.fill(t)
	assert.NotContains(t, l.calls, "create", "nothing is posted that is there")
}

func TestAPodThatIsAboutToEndIsLeftToDoSo(t *testing.T) {
	deleted := func(change func(*corev1.Pod), later time.Duration) bool {
		l := look(t, noon.Add(later), nil, aPod("a", func(p *corev1.Pod) {
			ended(0, "Completed", restored)(p)
			p.Status.ContainerStatuses[0].State.Terminated.FinishedAt = metav1.NewTime(noon)
			p.Status.Phase = corev1.PodRunning
			change(p)
		}))
		gone, err := l.fills.Release(t.Context(), "claim")
		require.NoError(t, err)
		assert.False(t, gone)
		return slices.Contains(l.calls, "delete")
	}
	as := func(*corev1.Pod) {}
	assert.False(t, deleted(as, time.Second))
	assert.True(t, deleted(as, 3*time.Second), "something holds it up")
	assert.True(t, deleted(as, -time.Second), "the node's clock is ahead")
	assert.True(t, deleted(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, time.Second), "it has ended")
	assert.True(t, deleted(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} }, time.Second), "its mover runs")
}

func TestThatNothingIsLeftIsBelievedOfTheAPIServerAlone(t *testing.T) {
	l := look(t, noon, nil, aPod("a", nil))
	gone, err := l.fills.Release(t.Context(), "claim")
	require.NoError(t, err)
	assert.False(t, gone)
	assert.Equal(t, []string{"delete"}, l.calls, "that something is left, the cache says")

	l.fills.Cache = cluster(t).Build() // it lags
	gone, err = l.fills.Release(t.Context(), "claim")
	require.NoError(t, err)
	assert.False(t, gone, "its pod is there still")

	broken := interceptor.NewClient(cluster(t).Build(), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("timed out")
		},
	})
	l.fills.Reader = broken
	_, err = l.fills.Release(t.Context(), "claim")
	require.Error(t, err)
}
