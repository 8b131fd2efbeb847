package stall

import "time"

// SilentSince returns since when work that should be running can be seen to do
// nothing: its Job is past its deadline, its node is gone, its pod should be gone, or
// its mover says itself that it moves nothing. It is the zero time where nothing speaks against it. A node that does not
// exist has been gone since the pod was made, as far as is known; on one that reports
// that it is not ready, work may go on.
func SilentSince(w World) time.Time {
	var since time.Time
	for i := range w.Jobs {
		if Overdue(&w.Jobs[i], w.Now) != "" {
			since = Earliest(since, w.Now.Add(-Patience))
		}
	}
	for i := range w.Pods {
		pod := &w.Pods[i]
		if pod.DeletionTimestamp != nil && w.Now.After(pod.DeletionTimestamp.Time) {
			since = Earliest(since, pod.DeletionTimestamp.Time)
		}
		if Ended(pod) {
			continue
		}
		since = Earliest(since, quietSince(pod))
		node, looked := w.Nodes[pod.Spec.NodeName]
		if !looked {
			continue
		}
		if found, at, gone := LostNode(pod.Spec.NodeName, node, ""); gone && found.Cause == NodeLost {
			if at.IsZero() {
				at = pod.CreationTimestamp.Time
			}
			since = Earliest(since, at)
		}
	}
	return since
}

// Earliest returns the earlier of two times, of which the zero time is none.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
