package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// needing is a world of a late class and a pod that asks for a device, on these nodes.
func needing(t *testing.T, device corev1.ResourceName, nodes ...client.Object) *world {
	t.Helper()
	w := lateWorld(t)
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
