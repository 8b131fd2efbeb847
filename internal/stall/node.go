package stall

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// SelectedNodeAnnotation on a claim names the node that the scheduler chose for its
// volume, from kube-scheduler's volume binder.
const SelectedNodeAnnotation = "volume.kubernetes.io/selected-node"

// lostNode finds a node that is gone and holds a pod, a volume or a claim.
func lostNode(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		if pod.Spec.NodeName == "" || ended(pod) {
			continue
		}
		if found, ok := lost(w, pod.Spec.NodeName, fmt.Sprintf("pod %s/%s", pod.Namespace, pod.Name)); ok {
			return found, true
		}
	}
	for i := range w.Attachments {
		what := "an attached volume"
		if name := w.Attachments[i].Spec.Source.PersistentVolumeName; name != nil {
			what = "volume " + *name
		}
		if found, ok := lost(w, w.Attachments[i].Spec.NodeName, what); ok {
			return found, true
		}
	}
	for i := range w.Claims {
		claim := &w.Claims[i]
		if claim.Spec.VolumeName != "" {
			continue
		}
		if found, ok := lost(w, claim.Annotations[SelectedNodeAnnotation], fmt.Sprintf("the volume of claim %s/%s", claim.Namespace, claim.Name)); ok {
			return found, true
		}
	}
	return Stall{}, false
}

func lost(w World, name, what string) (Stall, bool) {
	node, looked := w.Nodes[name]
	switch {
	case name == "" || !looked:
		return Stall{}, false
	case node == nil:
		return Stall{
			Cause:   NodeLost,
			Message: fmt.Sprintf("%s is on node %s, which does not exist any more", what, name),
			Remedy:  fmt.Sprintf("Kubernetes lets go of what was on node %s by itself, within minutes; nothing but patience", name),
		}, true
	}
	since, gone := Lost(node)
	if !gone {
		return Stall{}, false
	}
	return Stall{
		Cause: NodeLost,
		Message: fmt.Sprintf("%s is on node %s, which is gone: its kubelet has not reported since %s",
			what, name, since.UTC().Format(time.RFC3339)),
		Remedy: fmt.Sprintf("bring node %[1]s back; or, if it is off for good, delete it (kubectl delete node %[1]s) or taint it "+
			"(kubectl taint node %[1]s %[2]s=nodeshutdown:NoExecute), and the work goes on elsewhere", name, corev1.TaintNodeOutOfService),
	}, true
}

// Lost reports whether a node has stopped reporting, and since when.
func Lost(node *corev1.Node) (since time.Time, lost bool) {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionUnknown {
			return c.LastTransitionTime.Time, true
		}
	}
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeUnreachable {
			if taint.TimeAdded != nil {
				since = taint.TimeAdded.Time
			}
			return since, true
		}
	}
	return time.Time{}, false
}

// OutOfService reports whether a person said that the node is down, so that
// Kubernetes lets go of its pods and volumes.
func OutOfService(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeOutOfService {
			return true
		}
	}
	return false
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
