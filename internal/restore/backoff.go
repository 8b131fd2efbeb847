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

	// soon is for what takes the cluster a moment and mostly announces itself
	// through a watch: a binding, a deletion.
	soon = time.Second
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

// watchDelay is how long to wait before looking at a running transfer again: a
// twentieth of the time it has taken.
func watchDelay(running time.Duration) time.Duration {
	return min(max(running/20, watchSoonest), watchLatest)
}

func spread(d time.Duration, jitter float64) time.Duration {
	const share = 5
	return d + time.Duration(float64(d)*jitter/share)
}
