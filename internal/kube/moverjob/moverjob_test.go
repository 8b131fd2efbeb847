package moverjob_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const namespace = "soteria-system"

func cluster(t *testing.T, objects ...client.Object) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, batchv1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&batchv1.Job{}).
		WithIndex(&corev1.Event{}, "involvedObject.uid", func(o client.Object) []string {
			return []string{string(o.(*corev1.Event).InvolvedObject.UID)} //nolint:forcetypeassert // indexed by type
		})
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func aJob(conditions ...batchv1.JobCondition) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "fill-data-1", UID: "job", Labels: moverjob.Labels(v1alpha1.RoleFill, "claim")},
		Status:     batchv1.JobStatus{Conditions: conditions},
	}
}

func condition(kind batchv1.JobConditionType) batchv1.JobCondition {
	return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "Job has reached the specified backoff limit"}
}

func aPod(name string, change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID("pod-" + name), CreationTimestamp: metav1.NewTime(noon),
		Labels:          map[string]string{batchv1.JobNameLabel: "fill-data-1"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "fill-data-1", UID: "job"}},
	}}
	if change != nil {
		change(pod)
	}
	return pod
}

func mover(state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: state}}
	}
}

func ended(code int32, reason, message string) func(*corev1.Pod) {
	return mover(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, StartedAt: metav1.NewTime(noon),
	}})
}

func warning(about types.UID, reason, message string, at time.Time) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, Name: string(about) + reason},
		InvolvedObject: corev1.ObjectReference{UID: about}, Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		LastTimestamp: metav1.NewTime(at),
	}
}

func TestWhatIsObservedOfAJob(t *testing.T) {
	normal := warning("pod-a", "Scheduled", "assigned", noon.Add(time.Hour))
	normal.Type = corev1.EventTypeNormal
	series := warning("pod-a", "FailedMount", "MountVolume.SetUp failed for volume \"credentials\": secret not found", noon)
	series.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(noon.Add(time.Minute))}
	cases := map[string]struct {
		job     *batchv1.Job
		objects []client.Object
		phase   moverjob.Phase
		says    string
		result  bool
	}{
		"its pod is not made yet": {job: aJob(), phase: moverjob.Pending, says: "waiting for the Job's pod to be made"},
		"its pod may not be made": {job: aJob(), objects: []client.Object{warning("job", "FailedCreate", "violates PodSecurity \"restricted:latest\"", noon)}, phase: moverjob.Pending, says: "FailedCreate: violates PodSecurity"},
		"a pod of an older Job":   {job: aJob(), objects: []client.Object{aPod("a", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "older" })}, phase: moverjob.Pending, says: "to be made"},
		"no node suits its pod": {job: aJob(), objects: []client.Object{aPod("a", func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"}}
		})}, phase: moverjob.Pending, says: "Unschedulable: 0/3 nodes are available"},
		"an image cannot be pulled": {job: aJob(), objects: []client.Object{aPod("a", func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image"}}}}
		})}, phase: moverjob.Pending, says: "ImagePullBackOff: Back-off pulling image"},
		"a container cannot be made": {job: aJob(), objects: []client.Object{aPod("a", mover(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError"}}))}, phase: moverjob.Pending, says: "CreateContainerConfigError"},
		"a volume cannot be mounted": {job: aJob(), objects: []client.Object{aPod("a", mover(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}})), warning("pod-a", "FailedScheduling", "older", noon.Add(-time.Hour)), series, normal, warning("pod-b", "Other", "another pod", noon.Add(time.Hour))}, phase: moverjob.Pending, says: "FailedMount: MountVolume.SetUp failed"},
		"the install container failed": {job: aJob(), objects: []client.Object{aPod("a", func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "no space"}}}}
		})}, phase: moverjob.Pending, says: "container install ended with status 1: Error no space"},
		"it starts":                    {job: aJob(), objects: []client.Object{aPod("a", nil)}, phase: moverjob.Pending, says: "waiting for the pod to start"},
		"it runs":                      {job: aJob(), objects: []client.Object{aPod("a", mover(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}}))}, phase: moverjob.Running},
		"it ended, the Job not yet":    {job: aJob(), objects: []client.Object{aPod("a", ended(0, "Completed", `{"action":"restore"}`))}, phase: moverjob.Running, says: "waiting for the Job to be settled", result: true},
		"the newest pod counts":        {job: aJob(), objects: []client.Object{aPod("a", ended(1, "Error", "")), aPod("b", func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(noon.Add(time.Minute)) })}, phase: moverjob.Pending, says: "waiting for the pod to start"},
		"it is complete":               {job: aJob(condition(batchv1.JobComplete)), objects: []client.Object{aPod("a", ended(0, "Completed", `{"action":"restore"}`))}, phase: moverjob.Succeeded, result: true},
		"it is complete after a retry": {job: aJob(condition(batchv1.JobComplete)), objects: []client.Object{aPod("a", ended(0, "Completed", `{"action":"restore"}`)), aPod("b", ended(1, "Error", `{"action":"other"}`))}, phase: moverjob.Succeeded, result: true},
		"complete, its pod is gone":    {job: aJob(condition(batchv1.JobComplete)), phase: moverjob.Succeeded, says: "its pod is gone"},
		"it failed and says why":       {job: aJob(condition(batchv1.JobFailed)), objects: []client.Object{aPod("a", ended(1, "Error", `{"action":"restore","error":"restic: wrong password","kind":"credentials"}`))}, phase: moverjob.Failed, says: "restic: wrong password", result: true},
		"it was killed for its memory": {job: aJob(condition(batchv1.JobFailed)), objects: []client.Object{aPod("a", ended(137, "OOMKilled", ""))}, phase: moverjob.Failed, says: "OOMKilled"},
		"it failed without a word":     {job: aJob(condition(batchv1.JobFailed)), objects: []client.Object{aPod("a", ended(139, "Error", "oops"))}, phase: moverjob.Failed, says: "ended with status 139"},
		"it failed before it ran":      {job: aJob(condition(batchv1.JobFailed)), objects: []client.Object{aPod("a", nil)}, phase: moverjob.Failed, says: "BackoffLimitExceeded: Job has reached"},
		"it failed, its pod is gone":   {job: aJob(condition(batchv1.JobFailed)), phase: moverjob.Failed, says: "BackoffLimitExceeded: Job has reached"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			state, err := moverjob.Observe(t.Context(), cluster(t, c.objects...).Build(), c.job)
			require.NoError(t, err)
			assert.Equal(t, c.phase, state.Phase)
			assert.Contains(t, state.Message, c.says)
			assert.Equal(t, c.result, state.Result != nil)
			if state.Phase == moverjob.Running {
				assert.True(t, noon.Equal(state.StartedAt))
			}
		})
	}
}

func TestAnObservationThatFailsIsAnError(t *testing.T) {
	failing := func(fails func(client.ObjectList) bool) client.Client {
		return cluster(t, aPod("a", nil)).WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
				if fails(l) {
					return errors.New("away")
				}
				return c.List(ctx, l, opts...)
			},
		}).Build()
	}
	_, err := moverjob.Observe(t.Context(), failing(func(l client.ObjectList) bool { _, is := l.(*corev1.PodList); return is }), aJob())
	require.ErrorContains(t, err, "listing the pods")
	_, err = moverjob.Observe(t.Context(), failing(func(l client.ObjectList) bool { _, is := l.(*corev1.EventList); return is }), aJob())
	require.ErrorContains(t, err, "listing the events")
}

func TestADatedNameIsReadableAndFitsWhateverTheClaimIsCalled(t *testing.T) {
	at := time.Date(2026, 3, 1, 13, 0, 5, 999, time.FixedZone("", 3600))
	name := func(claim, uid string) string {
		return moverjob.DatedName(backup.Claim{Namespace: "apps", Name: claim}, types.UID(uid), at)
	}
	assert.Equal(t, "soteria-backup-data-20260301-120005", name("data", "uid-1"))
	assert.Equal(t, name("data", "uid-1"), name("data", "uid-2"), "nothing but the claim and the time is in it")
	assert.NotEqual(t, name("a.b", "uid-1"), name("a-b", "uid-2"))
	long := strings.Repeat("a", 32)
	assert.Equal(t, "soteria-backup-"+long+"-20260301-120005", name(long, "uid-1"))
	assert.NotEqual(t, name(long+"b", "uid-1"), name(long+"c", "uid-2"))
	rapid.Check(t, func(t *rapid.T) {
		claim := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?){0,3}`).Draw(t, "claim")
		named := name(claim, "uid")
		assert.Empty(t, validation.IsDNS1123Label(named), named)
		assert.Regexp(t, `^soteria-backup-.*-20260301-120005$`, named)
		assert.Equal(t, named, name(claim, "uid"))
	})
}

func TestNamesAreNamesAndTellClaimsApart(t *testing.T) {
	long := backup.Claim{Namespace: "a", Name: strings.Repeat("long.name-", 25) + "end"}
	name := moverjob.Name("backup", long, "uid", 1<<31-1)
	assert.Empty(t, validation.IsDNS1123Label(name), name)
	assert.Equal(t, 1<<31-1, moverjob.Number(name))
	assert.Empty(t, validation.IsDNS1123Label(moverjob.Name("backup", backup.Claim{Name: strings.Repeat("a", 27) + "-b"}, "uid", 1)))

	claim := backup.Claim{Namespace: "a", Name: "data"}
	assert.NotEqual(t, moverjob.Name("fill", claim, "uid-1", 1), moverjob.Name("fill", claim, "uid-2", 1), "another life of the claim")
	assert.NotEqual(t, moverjob.Name("fill", claim, "uid-1", 1), moverjob.Name("fill", claim, "uid-1", 2))
	assert.Equal(t, moverjob.Name("fill", claim, "uid-1", 1), moverjob.Name("fill", claim, "uid-1", 1))
	for _, none := range []string{"", "word", "a-b", "a-"} {
		assert.Zero(t, moverjob.Number(none), none)
	}
}

func fillRequest() driver.FillRequest {
	return driver.FillRequest{Claim: backup.Claim{Namespace: "apps", Name: "data"}, ClaimUID: "claim", Attempt: 1, Prime: "prime"}
}

type logs struct {
	text string
	err  error
}

func (l logs) Tail(context.Context, string, string, string) ([]byte, error) {
	return []byte(l.text), l.err
}

func TestARunningFillTellsItsProgress(t *testing.T) {
	for name, c := range map[string]struct {
		logs moverjob.LogReader
		want driver.Progress
	}{
		"as its log says":             {logs{text: `{"progress":{"bytes_done":5,"bytes_total":10,"files_done":1,"files_total":2}}` + "\n"}, driver.Progress{BytesDone: 5, BytesTotal: 10, FilesDone: 1, FilesTotal: 2}},
		"not if the log says nothing": {logs{text: "word\n"}, driver.Progress{}},
		"not if it cannot be read":    {logs{err: errors.New("away")}, driver.Progress{}},
		"not without a reader":        {nil, driver.Progress{}},
	} {
		t.Run(name, func(t *testing.T) {
			wanted, fills := c.want, moverjob.Fills{Namespace: namespace, Logs: c.logs}
			want := moverjob.Build(fills.FillSpec(fillRequest()))
			want.UID = "job"
			pod := aPod("a", mover(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}}))
			pod.Labels[batchv1.JobNameLabel] = want.Name
			c := cluster(t, want, pod).Build()
			fills.Client, fills.Reader = c, c

			state, err := fills.Ensure(t.Context(), fillRequest(), want, nil)
			require.NoError(t, err)
			assert.Equal(t, driver.FillRunning, state.Phase)
			assert.Equal(t, wanted, state.Progress)
			assert.True(t, noon.Equal(state.StartedAt))
		})
	}
}

func TestWhatAFillFoundOnItsVolumeIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		exit    int32
		message string
		log     string
		want    driver.Finding
	}{
		"it failed on data of somebody else's":     {exit: 1, message: `{"action":"restore","error":"x","finding":"foreign"}`, want: driver.FindingForeign},
		"it failed on what it had written":         {exit: 1, message: `{"action":"restore","error":"x","finding":"own"}`, want: driver.FindingOwn},
		"it failed before it looked":               {exit: 1, message: `{"action":"restore","error":"x"}`, want: driver.FindingNone},
		"it died and left no word":                 {exit: 137, want: driver.FindingNone},
		"it is done":                               {message: `{"action":"restore","restored":{},"expected":{}}`, want: driver.FindingOwn},
		"it runs and has begun to write":           {exit: -1, log: `{"progress":{}}` + "\n", want: driver.FindingOwn},
		"it runs and has not looked at the volume": {exit: -1, log: "opening the repository\n", want: driver.FindingNone},
	} {
		t.Run(name, func(t *testing.T) {
			fills := moverjob.Fills{Namespace: namespace, Logs: logs{text: c.log}}
			job := moverjob.Build(fills.FillSpec(fillRequest()))
			job.UID = "job"
			status := ended(c.exit, "Ended", c.message)
			switch {
			case c.exit < 0:
				status = mover(corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}})
			case c.exit == 0:
				job.Status.Conditions = []batchv1.JobCondition{condition(batchv1.JobComplete)}
			default:
				job.Status.Conditions = []batchv1.JobCondition{condition(batchv1.JobFailed)}
			}
			pod := aPod("a", status)
			pod.Labels[batchv1.JobNameLabel] = job.Name
			api := cluster(t, job, pod).Build()
			fills.Client, fills.Reader = api, api
			found, err := fills.Finding(t.Context(), "claim")
			require.NoError(t, err)
			assert.Equal(t, c.want, found)
			state, err := fills.Ensure(t.Context(), fillRequest(), job, nil)
			require.NoError(t, err)
			assert.Equal(t, c.want, state.Finding)
		})
	}
}

func TestAFillWithoutCountsIsNotDone(t *testing.T) {
	for name, message := range map[string]string{"no result": "", "no counts": `{"action":"restore"}`, "an error": `{"action":"restore","error":"x","restored":{},"expected":{}}`} {
		t.Run(name, func(t *testing.T) {
			fills := moverjob.Fills{Namespace: namespace}
			want := moverjob.Build(fills.FillSpec(fillRequest()))
			want.UID, want.Status.Conditions = "job", []batchv1.JobCondition{condition(batchv1.JobComplete)}
			pod := aPod("a", ended(0, "Completed", message))
			pod.Labels[batchv1.JobNameLabel] = want.Name
			c := cluster(t, want, pod).Build()
			fills.Client, fills.Reader = c, c
			state, err := fills.Ensure(t.Context(), fillRequest(), want, nil)
			require.NoError(t, err)
			assert.Equal(t, driver.FillFailed, state.Phase)
			assert.NotEmpty(t, state.Message)
		})
	}
}

func TestTwoAttemptsNeverWriteAtOnce(t *testing.T) {
	fills := moverjob.Fills{Namespace: namespace}
	old := moverjob.Build(fills.FillSpec(fillRequest()))
	old.UID = "job"
	pod := aPod("a", nil)
	pod.Labels = moverjob.Labels(v1alpha1.RoleFill, "claim")
	pod.Labels[batchv1.JobNameLabel] = old.Name
	c := cluster(t, old, pod).Build()
	fills.Client, fills.Reader = c, c
	second := fillRequest()
	second.Attempt = 2
	want := moverjob.Build(fills.FillSpec(second))
	for range 2 {
		state, err := fills.Ensure(t.Context(), second, want, nil)
		require.NoError(t, err)
		assert.Equal(t, driver.FillPending, state.Phase)
		assert.Contains(t, state.Message, "earlier attempt")
		assert.Error(t, c.Get(t.Context(), client.ObjectKeyFromObject(want), &batchv1.Job{}), "its pod is still there")
	}
	gone, err := fills.Release(t.Context(), "claim")
	require.NoError(t, err)
	assert.False(t, gone)
	require.NoError(t, c.Delete(t.Context(), pod))
	_, err = fills.Ensure(t.Context(), second, want, nil)
	require.NoError(t, err)
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(want), &batchv1.Job{}))
}

func TestNothingIsDeletedThatSoteriaDidNotMake(t *testing.T) {
	fills := moverjob.Fills{Namespace: namespace}
	bystanders := []client.Object{
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-nobody", Labels: map[string]string{v1alpha1.ClaimUIDLabel: "claim"}}},
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a-backup", Labels: moverjob.Labels(v1alpha1.RoleBackup, "claim")}},
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "of-another", Labels: moverjob.Labels(v1alpha1.RoleFill, "another")}},
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "elsewhere", Labels: moverjob.Labels(v1alpha1.RoleFill, "claim")}},
	}
	c := cluster(t, bystanders...).Build()
	fills.Client, fills.Reader = c, c
	gone, err := fills.Release(t.Context(), "claim")
	require.NoError(t, err)
	assert.True(t, gone)
	for _, o := range bystanders {
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(o), &batchv1.Job{}))
	}
	_, err = fills.Release(t.Context(), "")
	require.Error(t, err, "no uid would mean every claim")

	// A Job of that name that is somebody else's is not taken over.
	want := moverjob.Build(fills.FillSpec(fillRequest()))
	require.NoError(t, c.Create(t.Context(), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: want.Name}}))
	_, err = fills.Ensure(t.Context(), fillRequest(), want, nil)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
}

func TestADeleteMeansExactlyThisJob(t *testing.T) {
	job := aJob()
	c := cluster(t, job.DeepCopy()).WithInterceptorFuncs(interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			var options client.DeleteOptions
			options.ApplyOptions(opts)
			require.NotNil(t, options.Preconditions)
			assert.Equal(t, job.UID, *options.Preconditions.UID)
			assert.Equal(t, metav1.DeletePropagationBackground, *options.PropagationPolicy)
			return c.Delete(ctx, o, opts...)
		},
	}).Build()
	require.NoError(t, moverjob.Delete(t.Context(), c, job))
	require.NoError(t, moverjob.Delete(t.Context(), c, job), "one that is gone is no error")
}

func TestWhereAPodMustRunGoesBeforeAllElse(t *testing.T) {
	operator := map[string]string{"disk": "slow", "arch": "amd64"}
	joined := moverjob.NodeSelector(operator, driver.Placement{NodeSelector: map[string]string{"disk": "fast", "zone": "a"}})
	assert.Equal(t, map[string]string{"disk": "fast", "arch": "amd64", "zone": "a"}, joined)
	assert.Equal(t, "slow", operator["disk"], "the operator's own is not changed")
}

func TestOnlyTheEndOfALogIsRead(t *testing.T) {
	asked := ""
	clientset, err := kubernetes.NewForConfigAndClient(&rest.Config{Host: "http://api"}, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("a line\n"))}, nil
	})})
	require.NoError(t, err)
	tail, err := moverjob.NewLogReader(clientset).Tail(t.Context(), "ns", "pod", "mover")
	require.NoError(t, err)
	assert.Equal(t, "a line\n", string(tail))
	assert.Contains(t, asked, "/api/v1/namespaces/ns/pods/pod/log?")
	assert.Contains(t, asked, "container=mover")
	assert.Contains(t, asked, "tailLines=5")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
