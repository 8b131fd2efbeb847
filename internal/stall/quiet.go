package stall

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

// quietSince returns since when a mover that runs has said, by the probe of its
// container, that it moves nothing; the zero time where it moves something, and where
// that cannot be told: it has no such probe, as those of an earlier version, or the
// probe never passed, as where the node cannot run it. Whoever may write the pod's
// status decides what this returns, so it may be shown and no more.
func quietSince(pod *corev1.Pod) time.Time {
	began := unreadyMover(pod)
	if began.IsZero() {
		return time.Time{}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.ContainersReady || c.Status != corev1.ConditionFalse || !c.LastTransitionTime.After(began) {
			continue
		}
		if since := c.LastTransitionTime.Add(-pulse.Delay); since.After(began) {
			return since
		}
		return began
	}
	return time.Time{}
}

// unreadyMover returns when the mover of a pod began, if it runs and is not ready; else
// the zero time.
func unreadyMover(pod *corev1.Pod) time.Time {
	name := probed(pod)
	if name == "" || !isRunning(pod) {
		return time.Time{}
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == name && status.State.Running != nil && !status.Ready {
			return status.State.Running.StartedAt.Time
		}
	}
	return time.Time{}
}

// probed names the container of a pod that the kubelet asks whether it moves anything;
// "" where there is none.
func probed(pod *corev1.Pod) string {
	at := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.ReadinessProbe != nil && c.ReadinessProbe.Exec != nil && pulse.IsCommand(c.ReadinessProbe.Exec.Command)
	})
	if at < 0 {
		return ""
	}
	return pod.Spec.Containers[at].Name
}

// probeFailed is how the kubelet begins its word of a probe that failed.
const probeFailed = "Readiness probe failed: "

// quietWords returns what a mover last said that it waits for, in an event of the
// kubelet's; "" where it did not since the wait began.
func quietWords(w World, pod *corev1.Pod) string {
	var newest *corev1.Event
	for i := range w.Events {
		e := &w.Events[i]
		ofMover := e.InvolvedObject.UID == pod.UID && e.InvolvedObject.FieldPath == "spec.containers{"+probed(pod)+"}"
		if !ofMover || e.Reason != "Unhealthy" || !strings.HasPrefix(e.Message, probeFailed) || kube.ToldAt(e).Before(w.Since) {
			continue
		}
		if newest == nil || kube.ToldAt(e).After(kube.ToldAt(newest)) {
			newest = e
		}
	}
	if newest == nil {
		return ""
	}
	return quote(strings.TrimPrefix(newest.Message, probeFailed))
}
