package kube

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ToldAt returns when an event was recorded last: at the end of its series, else at
// its last or only time. Recorders of either events API fill different fields.
func ToldAt(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	default:
		return e.CreationTimestamp.Time
	}
}
