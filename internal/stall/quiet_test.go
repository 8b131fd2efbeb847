package stall_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/mover/pulse"
	"github.com/soteria-dr/soteria/internal/stall"
)

// aMover is a pod whose mover began an hour before noon, is asked by a probe whether it
// moves anything, and is not ready since a quarter to.
func aMover(change ...func(*corev1.Pod)) corev1.Pod {
	pod := aPod(underWay)
	pod.Spec.Containers = []corev1.Container{{Name: "mover", ReadinessProbe: &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: pulse.Command("/tmp")}},
	}}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-time.Hour))}},
	}}
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.ContainersReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(noon.Add(-15 * time.Minute)),
	}}
	for _, c := range change {
		c(&pod)
	}
	return pod
}

// unreadySince sets since when a pod's containers are not ready.
func unreadySince(at time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(at) }
}

func TestSinceWhenAMoverSaysThatItMovesNothing(t *testing.T) {
	none := time.Time{}
	cases := map[string]struct {
		pod  corev1.Pod
		want time.Time
	}{
		"it is not ready":                   {aMover(), noon.Add(-15*time.Minute - 90*time.Second)},
		"not ready soon after it began":     {aMover(unreadySince(noon.Add(-59 * time.Minute))), noon.Add(-time.Hour)},
		"it has only begun":                 {aMover(unreadySince(noon.Add(-2 * time.Hour))), none},
		"no probe of it ever passed":        {aMover(unreadySince(noon.Add(-time.Hour))), none},
		"it is ready":                       {aMover(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = true }), none},
		"it is ready, and another is not":   {aMover(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = true; besideIt(p) }), none},
		"neither it nor another is ready":   {aMover(besideIt), noon.Add(-15*time.Minute - 90*time.Second)},
		"an earlier version made it":        {aMover(func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe = nil }), none},
		"another's probe fails":             {aMover(func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe.Exec.Command = []string{"cat", "/tmp/x"} }), none},
		"a probe of another kind fails":     {aMover(func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe.Exec = nil }), none},
		"it has ended":                      {aMover(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} }), none},
		"its pod has ended":                 {aMover(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), none},
		"its pod does not run":              {aMover(onItsWay), none},
		"nothing says since when":           {aMover(func(p *corev1.Pod) { p.Status.Conditions = nil }), none},
		"its containers are said to be fit": {aMover(func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionTrue }), none},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, stall.SilentSince(stall.World{Now: noon, Pods: pods{tc.pod}}))
		})
	}
}

// besideIt puts a sidecar into a pod that is not ready.
func besideIt(p *corev1.Pod) {
	p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "proxy"})
	p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: p.Status.ContainerStatuses[0].State})
}

// probeSaid is the kubelet's word of a probe that failed.
func probeSaid(container, message string, ago time.Duration) corev1.Event {
	e := warning("pod", "Unhealthy", message)
	e.InvolvedObject.FieldPath = "spec.containers{" + container + "}"
	e.LastTimestamp = metav1.NewTime(noon.Add(-ago))
	return e
}

func TestAMoverThatMovesNothingIsToldInItsOwnWords(t *testing.T) {
	const lock = "Readiness probe failed: nothing has moved since 2026-04-12T11:43:30Z: restic waits for the repository"
	since := noon.Add(-16*time.Minute - 30*time.Second)
	cases := map[string]struct {
		events []corev1.Event
		says   string
	}{
		"as it said last": {told{probeSaid("mover", "Readiness probe failed: another", 9*time.Minute), probeSaid("mover", lock, time.Minute)},
			"pod soteria-system/fill-x runs and moves nothing: nothing has moved since 2026-04-12T11:43:30Z: restic waits for the repository"},
		"not as it said before it moved again": {told{probeSaid("mover", lock, time.Hour)}, "pod soteria-system/fill-x runs and moves nothing"},
		"not as another container's probe":     {told{probeSaid("proxy", lock, time.Minute)}, "pod soteria-system/fill-x runs and moves nothing"},
		"not as another probe":                 {told{probeSaid("mover", "Liveness probe failed: x", time.Minute)}, "pod soteria-system/fill-x runs and moves nothing"},
		"not as events about another pod": {told{func() corev1.Event {
			e := probeSaid("mover", lock, time.Minute)
			e.InvolvedObject.UID = "another"
			return e
		}()}, "pod soteria-system/fill-x runs and moves nothing"},
		"when it did not say": {nil, "pod soteria-system/fill-x runs and moves nothing"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := stall.World{Now: noon, Since: since, Jobs: jobs{aJob()}, Pods: pods{aMover()}, Claims: claims{aPrime(bound)}, Events: tc.events, Shared: true}
			found, stalled := stall.Diagnose(w)
			require.True(t, stalled)
			assert.Equal(t, stall.Mover, found.Cause)
			assert.Equal(t, tc.says, found.Message)
			assert.Contains(t, found.Remedy, "the backup store and the volume answer")
			assert.Contains(t, found.Remedy, "no other restic holds the repository for long")
			assert.Contains(t, found.Remedy, "kubectl -n soteria-system logs fill-x")
			assert.False(t, found.Hopeless, "it may pass by itself")
		})
	}
}

func TestWhatHoldsUpAnotherPodOfASharedVolumeDoesNotHoldUpOneThatRuns(t *testing.T) {
	elsewhere := anAttachment(func(a *storagev1.VolumeAttachment) {
		a.Spec.NodeName, a.Status.AttachError = "node-2", &storagev1.VolumeError{Message: "no slot left"}
	})
	w := stall.World{Now: noon, Since: noon.Add(-time.Hour), Pods: pods{aMover()}, Attachments: []storagev1.VolumeAttachment{elsewhere}, Shared: true}
	found, _ := stall.Diagnose(w)
	assert.Equal(t, stall.Mover, found.Cause)

	w.Pods = pods{aPod(onItsWay)}
	found, _ = stall.Diagnose(w)
	assert.Equal(t, stall.Attacher, found.Cause)
}

func TestAMoverThatMovesNothingOnANodeThatIsGoneIsTheNodes(t *testing.T) {
	w := stall.World{Now: noon, Since: noon.Add(-time.Hour), Pods: pods{aMover()}, Nodes: map[string]*corev1.Node{"node-1": aNode(corev1.ConditionUnknown)}}
	found, _ := stall.Diagnose(w)
	assert.Equal(t, stall.NodeLost, found.Cause)
}

func TestNoMoverIsSaidToMoveNothingForLongerThanItHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := noon.Add(-time.Duration(rapid.Int64Range(0, 7200).Draw(t, "began")) * time.Second)
		moved := began.Add(time.Duration(rapid.Int64Range(0, 3600).Draw(t, "moved")) * time.Second)
		// The first probe that fails comes within a period after a minute, the next a
		// period later.
		first := moved.Add(pulse.QuietAfter + time.Duration(rapid.Int64Range(0, 30).Draw(t, "probe"))*time.Second)
		unready := first.Add(pulse.Period)
		pod := aMover(unreadySince(unready))
		pod.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(began)
		pod.UID = types.UID("pod")
		since := stall.SilentSince(stall.World{Now: unready, Pods: pods{pod}})
		if since.Before(moved) {
			t.Fatalf("moves nothing since %s, and moved at %s", since, moved)
		}
		if late := since.Sub(moved); late > pulse.Period {
			t.Fatalf("noticed %s late", late)
		}
	})
}
