package loop

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// isDue tells whether what was asked for at requested, and last done at synced, is to be done now. Custom resources keep
// whole seconds: nothing is done in the second in which it is asked for, so that what was done is always later than what
// it answers, and a request in the second of the last sync counts as one after it.
func isDue(requested, synced metav1.Time, now time.Time) bool {
	if !requested.IsZero() && !now.After(requested.Time) {
		return false
	}
	return synced.IsZero() || !requested.Before(&synced)
}

// isPollDue tells whether a target is to be synced unasked.
func isPollDue(interval time.Duration, synced metav1.Time, now time.Time) bool {
	return interval > 0 && !synced.IsZero() && now.Sub(synced.Time) >= interval
}
