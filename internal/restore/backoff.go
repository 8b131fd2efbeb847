package restore

import "time"

// How long to wait before looking again.
const (
	selectSoonest = 5 * time.Second
	selectLatest  = 2 * time.Minute

	retrySoonest = 10 * time.Second
	retryLatest  = 5 * time.Minute

	watchSoonest = 2 * time.Second
	watchLatest  = 15 * time.Second

	consumerSoonest = 500 * time.Millisecond
	consumerLatest  = 15 * time.Second

	// soon is for what takes the cluster a moment and mostly announces itself
	// through a watch: a binding, a deletion.
	soon = time.Second
	// atOnce is for what has changed since the pass began.
	atOnce = 10 * time.Millisecond
	// slow is for what waits for a person.
	slow = 30 * time.Second
)

// selectDelay is how long a claim that cannot be settled waits before the
// catalog is asked again: half as long as it has waited already, so that a claim
// waits at most half as long again as the outage lasted. jitter, in [0,1),
// spreads it over the next fifth.
func selectDelay(waited time.Duration, jitter float64) time.Duration {
	return spread(min(max(waited/2, selectSoonest), selectLatest), jitter)
}

// retryDelay is how long to wait after an attempt failed; it doubles with each.
func retryDelay(attempt int32, jitter float64) time.Duration {
	delay := retrySoonest
	for range attempt - 1 {
		if delay *= 2; delay >= retryLatest {
			delay = retryLatest
			break
		}
	}
	return spread(delay, jitter)
}

// watchDelay is how long to wait before looking at a running transfer again, to show how
// far it is: a quarter of the time it has taken. Its end is watched.
func watchDelay(running time.Duration) time.Duration {
	return min(max(running/4, watchSoonest), watchLatest)
}

// patientDelay is how long to wait before looking again at what is watched and does not
// come further: half as long as it has not.
func patientDelay(still time.Duration) time.Duration {
	return min(max(still/2, soon), slow)
}

// patient is patientDelay for a restore.
func (r *Reconciler) patient(o *observed) time.Duration {
	return patientDelay(o.now.Sub(r.watchdog.since(o)))
}

// consumerDelay is how long to wait before looking for a pod that uses a claim of that
// age again. Pods of other namespaces are not watched, and most are made with their
// claims.
func consumerDelay(waited time.Duration) time.Duration {
	return min(max(waited/3, consumerSoonest), consumerLatest)
}

func spread(d time.Duration, jitter float64) time.Duration {
	const share = 5
	return d + time.Duration(float64(d)*jitter/share)
}
