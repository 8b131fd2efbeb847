package stall

import (
	"fmt"
	"slices"
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
		if pod.Spec.NodeName == "" || Ended(pod) {
			continue
		}
		if found, ok := lost(w, pod.Spec.NodeName, fmt.Sprintf("pod %s/%s", pod.Namespace, pod.Name)); ok {
			return found, true
		}
	}
	if !w.Shared {
		if found, ok := lostAttachment(w); ok {
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

// lostElsewhere finds a node that is gone and holds a volume which others may use too,
// for a pod that has no other trouble of its own: several nodes may have such a volume.
func lostElsewhere(w World) (Stall, bool) {
	if !w.Shared || slices.ContainsFunc(w.Pods, works) {
		return Stall{}, false // the volume reached the node of the pod
	}
	return lostAttachment(w)
}

// lostAttachment finds a node that is gone and that a volume is attached to.
func lostAttachment(w World) (Stall, bool) {
	for i := range w.Attachments {
		what := "an attached volume"
		if name := w.Attachments[i].Spec.Source.PersistentVolumeName; name != nil {
			what = "volume " + *name
		}
		if found, ok := lost(w, w.Attachments[i].Spec.NodeName, what); ok {
			return found, true
		}
	}
	return Stall{}, false
}

// lost says that a node which was looked at is gone, and what it holds.
func lost(w World, name, what string) (Stall, bool) {
	node, looked := w.Nodes[name]
	if name == "" || !looked {
		return Stall{}, false
	}
	found, _, gone := LostNode(name, node, what)
	return found, gone
}

// LostNode says that the node of that name is gone or not ready, what it holds, and
// what a person can do; false where the node works. A nil node does not exist, and
// since is then unknown, the zero time.
func LostNode(name string, node *corev1.Node, what string) (found Stall, since time.Time, gone bool) {
	if node == nil {
		return Stall{
			Cause:   NodeLost,
			Message: fmt.Sprintf("%s is on node %s, which does not exist any more", what, name),
			Remedy:  fmt.Sprintf("Kubernetes lets go of what was on node %s by itself, within minutes; nothing but patience", name),
		}, time.Time{}, true
	}
	if why, since := unready(node); why != "" {
		return Stall{
			Cause:   Kubelet,
			Message: fmt.Sprintf("%s is on node %s, which is not ready: %s", what, name, why),
			Remedy:  fmt.Sprintf("correct what the kubelet of node %[1]s reports (kubectl describe node %[1]s); what runs there may still run", name),
		}, since, true
	}
	why, since := silence(node)
	if why == "" {
		return Stall{}, time.Time{}, false
	}
	return Stall{
		Cause:   NodeLost,
		Message: fmt.Sprintf("%s is on node %s, which is gone: %s", what, name, why),
		Remedy: fmt.Sprintf("bring node %[1]s back; or, if it is off for good, delete it (kubectl delete node %[1]s) or taint it "+
			"(kubectl taint node %[1]s %[2]s=nodeshutdown:NoExecute), and the work goes on elsewhere", name, corev1.TaintNodeOutOfService),
	}, since, true
}

// unready says why and since when the kubelet of a node reports that it is not ready;
// "" where it does not.
func unready(node *corev1.Node) (why string, since time.Time) {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionFalse {
			since = c.LastTransitionTime.Time
			return fmt.Sprintf("since %s: %s", since.UTC().Format(time.RFC3339), quote(c.Reason+": "+c.Message)), since
		}
	}
	return "", time.Time{}
}

// silence says why a node counts as gone, and since when; "" where it does not.
func silence(node *corev1.Node) (why string, since time.Time) {
	for _, c := range node.Status.Conditions {
		if c.Type != corev1.NodeReady || c.Status != corev1.ConditionUnknown {
			continue
		}
		since = c.LastTransitionTime.Time
		return "its kubelet has not reported since " + since.UTC().Format(time.RFC3339), since
	}
	for _, taint := range node.Spec.Taints {
		if taint.Key != corev1.TaintNodeUnreachable {
			continue
		}
		if taint.TimeAdded == nil {
			return "it cannot be reached", time.Time{}
		}
		return "its kubelet has not reported since " + taint.TimeAdded.UTC().Format(time.RFC3339), taint.TimeAdded.Time
	}
	return "", time.Time{}
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

func works(pod corev1.Pod) bool { return isRunning(&pod) }

// Ended reports whether all containers of a pod have ended for good.
func Ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
