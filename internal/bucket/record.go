package bucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	strictjson "sigs.k8s.io/json"
)

// recordFormat is the version of the format below. A record of another one is
// no record: all that is lost is the cost of a listing.
const recordFormat = 1

// Store names what is scanned.
type Store struct {
	// Endpoint is the host of the S3 store, with its port where it has one.
	Endpoint string `json:"endpoint"`
	Bucket   string `json:"bucket"`
	// Prefix is what the keys that are counted begin with.
	Prefix string `json:"prefix"`
}

// record is what is kept of all scans of a store.
type record struct {
	Format int   `json:"format"`
	Store  Store `json:"store"`
	// AttemptedAt is when the last scan began, Attempts how many began since the
	// last one that succeeded. Both are kept before a scan begins, so that a
	// process that dies of it does not begin the next one at once.
	AttemptedAt time.Time `json:"attemptedAt,omitzero"`
	Attempts    int       `json:"attempts"`
	// Failure is why the last scan failed, nil where it did not.
	Failure *failure `json:"failure,omitempty"`
	// Figures are those of the last scan that succeeded, nil before the first.
	Figures *Figures `json:"figures,omitempty"`
	// growth is kept beside the record, under a key of its own.
	growth growth
}

type failure struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// parse reads a record.
func parse(text string) (record, error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return record{}, err
	}
	if version.Format != recordFormat {
		return record{}, fmt.Errorf("it is of format %d, not %d", version.Format, recordFormat)
	}
	var r record
	strict, err := strictjson.UnmarshalStrict([]byte(text), &r)
	if err := errors.Join(append(strict, err)...); err != nil {
		return record{}, err
	}
	if r.Attempts < 0 {
		return record{}, fmt.Errorf("it has %d attempts", r.Attempts)
	}
	return r, nil
}

func (r record) String() string {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		// No type of a record can fail to be written.
		panic(err)
	}
	return string(text) + "\n"
}

// due tells how long to wait for the next scan: an interval after the last one
// began, less after one that did not succeed. A time further in the future, as a
// wrong clock leaves it, counts for nothing.
func (r record) due(now time.Time, interval time.Duration) time.Duration {
	if r.AttemptedAt.IsZero() {
		return 0
	}
	wait := interval
	if r.Attempts > 0 {
		wait = min(interval, backoff(r.Attempts))
	}
	if r.AttemptedAt.Sub(now) > wait {
		return 0
	}
	return min(max(0, r.AttemptedAt.Add(wait).Sub(now)), wait)
}

// backoff is how long after the begin of the n-th scan in a row that did not
// succeed the next one begins.
func backoff(n int) time.Duration {
	const first, doublings = 5 * time.Minute, 10
	return first << min(n-1, doublings)
}
