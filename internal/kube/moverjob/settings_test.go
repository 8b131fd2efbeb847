package moverjob_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

func resources(t require.TestingT, text string) corev1.ResourceList {
	list, err := moverjob.ParseResources(text)
	require.NoError(t, err)
	return list
}

func settings(t require.TestingT) moverjob.Settings {
	return moverjob.Settings{
		Resources:    corev1.ResourceRequirements{Requests: resources(t, "cpu=200m"), Limits: resources(t, "cpu=1,memory=1Gi")},
		Deadline:     time.Hour,
		MaxResources: resources(t, "cpu=4,memory=8Gi"), MaxDeadline: 48 * time.Hour,
		CacheSize: ptr.To(resource.MustParse("5Gi")),
		Labels:    map[string]string{"team": "storage", v1alpha1.RoleLabel: "mine"}, Annotations: map[string]string{"linkerd.io/inject": "enabled", "note": "a, b"},
		PullSecrets: []string{"registry"}, PriorityClass: "low", Env: map[string]string{"NO_PROXY": ".svc", "HTTPS_PROXY": "http://proxy:3128"},
	}
}

func built(t *testing.T, s moverjob.Settings) *batchv1.Job {
	t.Helper()
	return moverjob.Build(moverjob.Spec{
		Namespace: "apps", Name: "backup", Role: v1alpha1.RoleBackup, SoteriaImage: "soteria", Image: "restic", Resources: moverjob.DefaultResources(),
		Settings: s, TrustFile: "/credentials/ca", Deadline: time.Hour,
	})
}

func TestAMoverIsAskedWhetherItMovesAnythingWhereThatIsWanted(t *testing.T) {
	for name, image := range map[string]string{"in restic's image": "restic", "in Soteria's own image": ""} {
		t.Run(name, func(t *testing.T) {
			spec := moverjob.Spec{Namespace: "apps", Name: "backup", Role: v1alpha1.RoleBackup, SoteriaImage: "soteria", Image: image, Deadline: time.Hour}
			assert.Nil(t, moverjob.Build(spec).Spec.Template.Spec.Containers[0].ReadinessProbe)

			spec.Pulse = true
			pod := moverjob.Build(spec).Spec.Template.Spec
			require.Len(t, pod.Containers, 1)
			probe := pod.Containers[0].ReadinessProbe
			require.NotNil(t, probe)
			require.NotNil(t, probe.Exec)
			assert.True(t, pulse.IsCommand(probe.Exec.Command))
			assert.Equal(t, pulse.Command(moverjob.ScratchFolder), probe.Exec.Command)
			assert.Nil(t, pod.Containers[0].LivenessProbe, "it may end no backup")
			assert.Nil(t, pod.Containers[0].StartupProbe)
			assert.Less(t, pulse.Start+pulse.Period, pulse.QuietAfter, "the first probe of a mover passes, whatever it waits for")
			period, failures := time.Duration(probe.PeriodSeconds)*time.Second, probe.FailureThreshold
			assert.Equal(t, pulse.Delay, pulse.QuietAfter+time.Duration(failures-1)*period, "what it takes for it not to be ready is what is reckoned with")
		})
	}
}

func TestWhatTheOperatorSettlesHoldsForThePod(t *testing.T) {
	pod := built(t, settings(t)).Spec.Template
	assert.Equal(t, "storage", pod.Labels["team"])
	assert.Equal(t, v1alpha1.RoleBackup, pod.Labels[v1alpha1.RoleLabel], "what identifies the pod cannot be changed")
	assert.Equal(t, "enabled", pod.Annotations["linkerd.io/inject"], "the operator knows")
	assert.Equal(t, "a, b", pod.Annotations["note"])
	assert.Equal(t, "low", pod.Spec.PriorityClassName)
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}}, pod.Spec.ImagePullSecrets)
	assert.Equal(t, []corev1.EnvVar{
		{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}, {Name: "NO_PROXY", Value: ".svc"}, {Name: "SSL_CERT_FILE", Value: "/credentials/ca"},
	}, pod.Spec.Containers[0].Env)
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		assert.Equal(t, "1", container.Resources.Limits.Cpu().String(), "a quota asks it of each container: %s", container.Name)
		assert.Equal(t, "1Gi", container.Resources.Limits.Memory().String())
		assert.Equal(t, "200m", container.Resources.Requests.Cpu().String())
		assert.Equal(t, "128Mi", container.Resources.Requests.Memory().String(), "what is not settled stays")
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.Name == "scratch" {
			assert.Equal(t, "5Gi", volume.EmptyDir.SizeLimit.String())
		}
	}
}

func TestSidecarsAreDeclined(t *testing.T) {
	pod := built(t, moverjob.Settings{}).Spec.Template
	assert.Equal(t, "false", pod.Labels["sidecar.istio.io/inject"])
	assert.Equal(t, "disabled", pod.Annotations["linkerd.io/inject"])
	assert.Equal(t, "false", pod.Annotations["vault.hashicorp.com/agent-inject"])
}

func TestAPodThatOutgrowsItsCacheIsNotReplacedForEver(t *testing.T) {
	assert.NotNil(t, built(t, moverjob.Settings{}).Spec.PodFailurePolicy)
	assert.Nil(t, built(t, settings(t)).Spec.PodFailurePolicy)
}

func TestAMoverAsksForTheRoomOfAPodBesideItsOwn(t *testing.T) {
	spec := moverjob.Spec{
		SoteriaImage: "soteria", Image: "restic", Room: resources(t, "cpu=100m,memory=4Gi"),
		Resources: corev1.ResourceRequirements{Requests: resources(t, "cpu=200m,memory=128Mi"), Limits: resources(t, "memory=1Gi")},
	}
	built := moverjob.Build(spec).Spec.Template.Spec
	mover := built.Containers[0].Resources
	assert.Equal(t, "200m", mover.Requests.Cpu().String(), "its own are more")
	assert.Equal(t, "4Gi", mover.Requests.Memory().String())
	assert.Equal(t, "4Gi", mover.Limits.Memory().String(), "a limit below a request is refused")
	assert.Equal(t, "128Mi", built.InitContainers[0].Resources.Requests.Memory().String())
	assert.Equal(t, "memory=4Gi", moverjob.Build(spec).Annotations[v1alpha1.RoomAnnotation], "only what it raises")
	spec.Room = nil
	assert.NotContains(t, moverjob.Build(spec).Annotations, v1alpha1.RoomAnnotation)
}

func TestAClaimMayAskForOtherResourcesWithinBounds(t *testing.T) {
	changed, err := settings(t).ForClaim(map[string]string{
		v1alpha1.JobResourcesAnnotation: "limits.memory=4Gi, requests.cpu=2", v1alpha1.JobDeadlineAnnotation: "36h",
	})
	require.NoError(t, err)
	assert.Equal(t, 36*time.Hour, changed.Deadline)
	container := built(t, changed).Spec.Template.Spec.Containers[0].Resources
	assert.Equal(t, "4Gi", container.Limits.Memory().String())
	assert.Equal(t, "2", container.Requests.Cpu().String())
	assert.Equal(t, "2", container.Limits.Cpu().String(), "a request above its limit would be refused by the API server")
}

func TestWhatAClaimMayNotAskForIsRefusedByName(t *testing.T) {
	cases := map[string]struct{ annotation, value, says string }{
		"more than is allowed":       {v1alpha1.JobResourcesAnnotation, "limits.memory=9Gi", "SOTERIA_JOB_MAX_RESOURCES"},
		"a resource without a bound": {v1alpha1.JobResourcesAnnotation, "limits.nvidia.com/gpu=1", "none of cpu, memory"},
		"no kind":                    {v1alpha1.JobResourcesAnnotation, "memory=1Gi", "must begin with requests. or limits."},
		"no amount":                  {v1alpha1.JobResourcesAnnotation, "limits.memory=lots", "not an amount"},
		"a negative amount":          {v1alpha1.JobResourcesAnnotation, "limits.memory=-1Gi", "not an amount"},
		"too little to live":         {v1alpha1.JobResourcesAnnotation, "limits.memory=1Mi", "less than any mover"},
		"nothing":                    {v1alpha1.JobResourcesAnnotation, "", "must begin"},
		"no duration":                {v1alpha1.JobDeadlineAnnotation, "tomorrow", "must be a duration"},
		"too long":                   {v1alpha1.JobDeadlineAnnotation, "49h", "SOTERIA_JOB_MAX_DEADLINE"},
		"too short":                  {v1alpha1.JobDeadlineAnnotation, "1s", "must be from"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			kept, err := settings(t).ForClaim(map[string]string{tc.annotation: tc.value})
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.ErrorContains(t, err, tc.says)
			assert.ErrorContains(t, err, tc.annotation)
			assert.Equal(t, settings(t), kept)
		})
	}
}

// Whatever a claim asks for, no container gets more than the bounds, nor a request
// above its limit.
func TestNoAnnotationBreaksTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`((requests|limits)\.(cpu|memory)=[0-9]{1,4}(m|Mi|Gi|)?,?){1,3}`).Draw(t, "text")
		s := settings(t)
		changed, err := s.ForClaim(map[string]string{v1alpha1.JobResourcesAnnotation: text})
		if err != nil {
			return
		}
		pod := moverjob.Build(moverjob.Spec{Resources: moverjob.DefaultResources(), Settings: changed}).Spec.Template.Spec.Containers[0].Resources
		for name, most := range s.MaxResources {
			limit, request := pod.Limits[name], pod.Requests[name]
			if limit.Cmp(most) > 0 || request.Cmp(most) > 0 || request.Cmp(limit) > 0 {
				t.Fatalf("%s: request %s, limit %s, bound %s", name, request.String(), limit.String(), most.String())
			}
		}
	})
}

func TestAMoverThatEndedBesideASidecarHasEnded(t *testing.T) {
	sidecar := func(end func(*corev1.Pod)) *corev1.Pod {
		return aPod("a", func(p *corev1.Pod) {
			end(p)
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})
		})
	}
	good, err := moverjob.Observe(t.Context(), cluster(t, sidecar(ended(0, "Completed", `{"action":"restore"}`))).Build(), aJob())
	require.NoError(t, err)
	assert.Equal(t, moverjob.Succeeded, good.Phase)
	assert.NotNil(t, good.Result)
	bad, err := moverjob.Observe(t.Context(), cluster(t, sidecar(ended(1, "Error", `{"action":"restore","error":"wrong password"}`))).Build(), aJob())
	require.NoError(t, err)
	assert.Equal(t, moverjob.Failed, bad.Phase)
	assert.Equal(t, "wrong password", bad.Message)
}

func TestASidecarThatEndsBadlyDoesNotMakeAMoverFail(t *testing.T) {
	beside := func(end func(*corev1.Pod)) *corev1.Pod {
		return aPod("a", func(p *corev1.Pod) {
			end(p)
			p.Status.Phase = corev1.PodFailed
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"},
			}})
		})
	}
	good := `{"action":"backup","snapshot":"0123456789abcdef"}`
	for name, tc := range map[string]struct {
		end   func(*corev1.Pod)
		job   *batchv1.Job
		phase moverjob.Phase
	}{
		"the Job failed":                          {ended(0, "Completed", good), aJob(condition(batchv1.JobFailed)), moverjob.Succeeded},
		"the Job would make another pod":          {ended(0, "Completed", good), aJob(), moverjob.Succeeded},
		"the mover failed, too":                   {ended(1, "Error", `{"action":"backup","error":"wrong password"}`), aJob(condition(batchv1.JobFailed)), moverjob.Failed},
		"the mover left no word of what it did":   {ended(0, "Completed", ""), aJob(condition(batchv1.JobFailed)), moverjob.Failed},
		"the mover ended well and says it failed": {ended(0, "Completed", `{"action":"backup","error":"no space"}`), aJob(condition(batchv1.JobFailed)), moverjob.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := moverjob.Observe(t.Context(), cluster(t, beside(tc.end)).Build(), tc.job)
			require.NoError(t, err)
			assert.Equal(t, tc.phase, state.Phase, state.Message)
			if tc.phase == moverjob.Succeeded {
				assert.Equal(t, "0123456789abcdef", state.Result.Snapshot)
				assert.Empty(t, state.Message)
			}
		})
	}
}

func TestAFillBesideASidecarThatEndsBadlyIsDone(t *testing.T) {
	fills := moverjob.Fills{Namespace: namespace}
	want := moverjob.Build(fills.FillSpec(fillRequest()))
	want.UID, want.Status.Conditions = "job", []batchv1.JobCondition{condition(batchv1.JobFailed)}
	pod := aPod("a", ended(0, "Completed", `{"action":"restore","restored":{"files":1},"expected":{"files":1}}`))
	pod.Labels[batchv1.JobNameLabel], pod.Status.Phase = want.Name, corev1.PodFailed
	c := cluster(t, want, pod).Build()
	fills.Client, fills.Reader = c, c
	state, err := fills.Ensure(t.Context(), fillRequest(), want, nil)
	require.NoError(t, err)
	assert.Equal(t, driver.FillDone, state.Phase, state.Message)
}

// changedAfter makes a Job one whose status the Job controller changed last so long
// after noon, and that has no pod.
func changedAfter(after time.Duration) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.Active = 0
		j.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: "soteria", Time: &metav1.Time{Time: noon.Add(24 * time.Hour)}},
			{Manager: "kube-controller-manager", Subresource: "status", Time: &metav1.Time{Time: noon.Add(after)}},
		}
	}
}

func endedPod(after time.Duration) *corev1.Pod {
	return aPod("ended", func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodFailed
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: metav1.NewTime(noon.Add(after))},
		}}}
	})
}

func TestSinceWhenAJobWaitsForAMover(t *testing.T) {
	evicted := aPod("evicted", func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(time.Hour))}}
	})
	later := aPod("later", func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(noon.Add(2 * time.Hour)) })
	for name, tc := range map[string]struct {
		change  func(*batchv1.Job)
		objects []client.Object
		since   time.Time
		phase   moverjob.Phase
	}{
		"from the beginning if it had none":             {nil, nil, noon, moverjob.Pending},
		"since its last pod went":                       {changedAfter(3 * time.Hour), nil, noon.Add(3 * time.Hour), moverjob.Pending},
		"unknown where nothing says when that was":      {func(j *batchv1.Job) { j.Status.Failed = 1 }, nil, time.Time{}, moverjob.Pending},
		"since its last pod was evicted":                {nil, []client.Object{evicted}, noon.Add(time.Hour), moverjob.Pending},
		"since its next pod was made":                   {nil, []client.Object{evicted, later}, noon.Add(2 * time.Hour), moverjob.Pending},
		"since its mover ended, and may be settled yet": {nil, []client.Object{endedPod(time.Minute)}, noon, moverjob.Running},
	} {
		t.Run(name, func(t *testing.T) {
			job := aJob()
			job.CreationTimestamp = metav1.NewTime(noon)
			if tc.change != nil {
				tc.change(job)
			}
			state, err := moverjob.Observe(t.Context(), cluster(t, tc.objects...).Build(), job)
			require.NoError(t, err)
			assert.Equal(t, tc.phase, state.Phase)
			assert.True(t, tc.since.Equal(state.CreatedAt), "%s", state.CreatedAt)
			if tc.phase == moverjob.Running {
				assert.True(t, noon.Add(time.Minute).Equal(state.EndedAt), "%s", state.EndedAt)
			}
		})
	}
}

func TestAJobThatDoesNoWorkIsStuck(t *testing.T) {
	limited := func(change func(*batchv1.Job)) *batchv1.Job {
		job := aJob()
		job.CreationTimestamp, job.Spec.ActiveDeadlineSeconds, job.Status.Active = metav1.NewTime(noon), ptr.To[int64](3600), 1
		if change != nil {
			change(job)
		}
		return job
	}
	node := func(ready corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(noon.Add(time.Minute)),
		}}}}
	}
	onA := aPod("p", func(p *corev1.Pod) { p.Spec.NodeName = "a" })
	cases := map[string]struct {
		job     *batchv1.Job
		objects []client.Object
		after   time.Duration
		says    string
	}{
		"it runs":                                {limited(nil), []client.Object{onA, node(corev1.ConditionTrue)}, 30 * time.Minute, ""},
		"it is new and has no pod":               {limited(func(j *batchv1.Job) { j.Status.Active = 0 }), nil, time.Minute, ""},
		"it never got a pod":                     {limited(func(j *batchv1.Job) { j.Status.Active = 0 }), nil, 11 * time.Minute, "never got a pod"},
		"it is suspended":                        {limited(func(j *batchv1.Job) { j.Spec.Suspend = ptr.To(true) }), nil, 11 * time.Minute, "suspended"},
		"it is past its deadline":                {limited(nil), []client.Object{onA, node(corev1.ConditionTrue)}, 66 * time.Minute, "ran longer than 1h0m0s"},
		"it was made by no one that sets one":    {limited(func(j *batchv1.Job) { j.Spec.ActiveDeadlineSeconds = nil }), nil, time.Minute, "has no deadline"},
		"its node is gone":                       {limited(nil), []client.Object{onA}, 6 * time.Minute, "does not exist any more"},
		"its node is not ready":                  {limited(nil), []client.Object{onA, node(corev1.ConditionUnknown)}, 7 * time.Minute, "out-of-service=nodeshutdown:NoExecute"},
		"its node says that it is not ready":     {limited(nil), []client.Object{onA, node(corev1.ConditionFalse)}, 7 * time.Minute, "is not ready: since 2026-01-01T12:01:00Z"},
		"its node is not ready since a moment":   {limited(nil), []client.Object{onA, node(corev1.ConditionFalse)}, 5*time.Minute + time.Second, ""},
		"a pod of it failed, and no other began": {limited(func(j *batchv1.Job) { j.Status.Active, j.Status.Failed = 0, 1 }), nil, 20 * time.Minute, ""},
		"its pod went a moment ago":              {limited(changedAfter(15 * time.Minute)), nil, 20 * time.Minute, ""},
		"its pod went long ago":                  {limited(changedAfter(15 * time.Minute)), nil, 26 * time.Minute, "has had no pod since 2026-01-01T12:15:00Z"},
		"its pod ended a moment ago":             {limited(nil), []client.Object{endedPod(15 * time.Minute)}, 20 * time.Minute, ""},
		"its pod ended long ago":                 {limited(nil), []client.Object{endedPod(15 * time.Minute)}, 26 * time.Minute, "has had no pod since 2026-01-01T12:15:00Z"},
		"one of its pods ended long ago":         {limited(nil), []client.Object{endedPod(15 * time.Minute), onA, node(corev1.ConditionTrue)}, 26 * time.Minute, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			why, err := moverjob.Stuck(t.Context(), cluster(t, tc.objects...).Build(), tc.job, noon.Add(tc.after), 10*time.Minute)
			require.NoError(t, err)
			if tc.says == "" {
				assert.Empty(t, why)
			}
			assert.Contains(t, why, tc.says)
		})
	}
}

type away struct{ client.Reader }

func (away) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("the API server is away")
}

func TestAJobThatCannotBeLookedIntoIsNotCalledStuck(t *testing.T) {
	job := aJob()
	job.CreationTimestamp, job.Spec.ActiveDeadlineSeconds, job.Status.Active = metav1.NewTime(noon), ptr.To[int64](3600), 1
	why, err := moverjob.Stuck(t.Context(), away{}, job, noon.Add(20*time.Minute), 10*time.Minute)
	require.Error(t, err)
	assert.Empty(t, why)
}
