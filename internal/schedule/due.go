package schedule

import (
	"hash/fnv"
	"math"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// The wait after a failure.
const (
	firstRetry = 10 * time.Minute
	lastRetry  = 6 * time.Hour
	// retrySpread divides the wait; the share that it gives is what retries are
	// spread over.
	retrySpread = 5
)

// due gives when the next backup of a claim begins that was made at a time. What
// failed is tried again later than it was due.
func due(timing policy.Timing, h history, made time.Time, fraction float64) time.Time {
	at := timing.First(made, fraction)
	if !h.last.IsZero() {
		at = timing.Due(h.last, fraction)
	}
	if h.failures > 0 {
		at = later(at, h.failedAt.Add(retryAfter(h.failures, timing.Gap(h.failedAt), fraction)))
	}
	return at
}

// retryAfter doubles with each failure. A claim is tried at least as often as its
// policy wants backups of it.
func retryAfter(failures int, gap time.Duration, fraction float64) time.Duration {
	most := min(lastRetry, gap)
	wait := min(firstRetry, most)
	for range failures - 1 {
		if wait *= 2; wait >= most {
			wait = most
			break
		}
	}
	return wait + time.Duration(float64(wait)*fraction/retrySpread)
}

// fractionOf gives a claim's place between 0 and 1 in whatever is spread.
func fractionOf(claim backup.Claim) float64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(claim.String())) // a hash takes everything
	// Names that differ in their last letter alone differ in the low bits.
	mixed := hash.Sum64() * 0x9e3779b97f4a7c15
	return float64(mixed) / math.MaxUint64
}
