package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
)

// needing is a world of a late class and a pod that asks for a device, on these nodes.
func needing(t *testing.T, device corev1.ResourceName, nodes ...client.Object) *world {
	t.Helper()
	w := lateWorld(t)
	w.unprovided = true
	w.fail = func(attempt int32) *driver.FillState {
		if attempt == 1 {
			return hangs(driver.FillPending)(attempt)
		}
		return nil
	}
	for _, node := range nodes {
		if err := w.api.Create(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	pod := aConsumer("db-0", "db")
	pod.Spec.Containers = []corev1.Container{{Name: "db", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{device: resource.MustParse("2")}}}}
	w.create(pod)
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	return w
}

func withDevices(name, devices string) *corev1.Node {
	node := aNode(name, corev1.ConditionTrue)
	node.Status.Allocatable = corev1.ResourceList{"nvidia.com/gpu": resource.MustParse(devices)}
	return node
}

func TestAFillForAPodThatNeedsADeviceGoesWhereThereIsOneAndTakesNone(t *testing.T) {
	w := needing(t, "nvidia.com/gpu", aNode("plain", corev1.ConditionTrue), withDevices("gpu-b", "8"), withDevices("gpu-a", "2"), withDevices("small", "1"))
	place := w.requests[0].Placement
	assert.Empty(t, place.Room)
	var names []string
	for _, term := range place.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		names = append(names, term.MatchFields[0].Values...)
	}
	assert.Equal(t, []string{"gpu-a", "gpu-b"}, names)
}

func TestADeviceThatNoNodeHasYetRulesNothingOut(t *testing.T) {
	assert.Nil(t, needing(t, "nvidia.com/gpu", aNode("plain", corev1.ConditionTrue)).requests[0].Placement.Affinity)
}

func TestWhatEveryNodeHasIsNoDevice(t *testing.T) {
	w := needing(t, corev1.ResourceCPU, aNode("plain", corev1.ConditionTrue), withDevices("gpu", "2"))
	assert.Nil(t, w.requests[0].Placement.Affinity)
}

// endFirst makes the Job and the pod of the first attempt, on that node or none, passes
// until the attempt is given up, and returns the placement of the second one.
func (w *world) endFirst(on, reason string) driver.Placement {
	w.t.Helper()
	job, pod := aFill("1")
	job.Annotations[v1alpha1.PlacementAnnotation] = w.requests[0].Placement.Fingerprint()
	pod.Spec.NodeName, pod.Status.Phase = on, corev1.PodPending
	if reason != "" {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}
	}
	require.NoError(w.t, w.api.Create(w.t.Context(), job))
	w.create(pod)
	w.until(func() bool { return w.restore().Status.RetryAt != nil }, "gave the first attempt up")
	assert.Less(w.t, w.clock.Now().Sub(noon), 15*time.Minute)
	require.NoError(w.t, w.api.Delete(w.t.Context(), job))
	require.NoError(w.t, w.api.Delete(w.t.Context(), pod))
	w.unprovided = false
	w.until(w.completed, "completed")
	last := w.requests[len(w.requests)-1]
	require.EqualValues(w.t, 2, last.Attempt)
	for _, request := range w.requests {
		if request.Attempt == last.Attempt {
			return request.Placement
		}
	}
	return last.Placement
}

func TestAFillThatFindsNoNodeWithTheDeviceMayRunOnOthersNext(t *testing.T) {
	w := needing(t, "nvidia.com/gpu", aNode("node-1", corev1.ConditionTrue), withDevices("gpu-a", "2"))
	next := w.endFirst("", "").Affinity.NodeAffinity
	assert.Nil(t, next.RequiredDuringSchedulingIgnoredDuringExecution)
	require.Len(t, next.PreferredDuringSchedulingIgnoredDuringExecution, 1, "it still prefers where its pod can follow")
	assert.Equal(t, []string{"gpu-a"}, next.PreferredDuringSchedulingIgnoredDuringExecution[0].Preference.MatchFields[0].Values)
	assert.Contains(t, w.events.about("TransferFailed")[0], "it was kept to the nodes that have what pod db-0 asks for (nvidia.com/gpu 2), and the next one may run on others")
}

func TestAFillThatFailsOnANodeWithTheDeviceIsKeptToSuchNodes(t *testing.T) {
	w := needing(t, "nvidia.com/gpu", aNode("node-1", corev1.ConditionTrue), withDevices("gpu-a", "2"))
	next := w.endFirst("gpu-a", "ImagePullBackOff").Affinity.NodeAffinity
	assert.NotNil(t, next.RequiredDuringSchedulingIgnoredDuringExecution)
	assert.Empty(t, next.PreferredDuringSchedulingIgnoredDuringExecution)
}
