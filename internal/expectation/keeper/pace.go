package keeper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/soteria-dr/soteria/internal/expectation"
)

// Phase is how far an attempt to write a copy has come. The zero value is None.
type Phase uint8

// The phases of an attempt.
const (
	// None: nothing is known of an attempt.
	None Phase = iota
	// UnderWay: it waits for something, or runs.
	UnderWay
	// Done and Failed are final.
	Done
	Failed
)

// Attempt is what was observed of the writing of a copy.
type Attempt struct {
	Phase Phase
	// Sum is the digest of what it was to write, see [Sum].
	Sum string
	// StartedAt is when it was begun.
	StartedAt time.Time
	// Waiting is true of one that is under way and does no work; Message says what it
	// waits for.
	Waiting bool
	// Message says what it waits for or why it failed, in the words of what said so
	// last.
	Message string
}

// Sum returns the digest of a memory. The same memory always has the same.
func Sum(claims expectation.Claims) (string, error) {
	var encoded bytes.Buffer
	if err := expectation.Encode(&encoded, claims); err != nil {
		return "", err
	}
	sum := sha256.Sum256(encoded.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

const (
	// shortest is the least time between the beginnings of two copies.
	shortest = 10 * time.Minute
	// longest is the most, where copies fail or old ones cannot be removed.
	longest = 6 * time.Hour
	// crowded is how many copies there may be in the repository before new ones are
	// written less often: they are removed, unless the store forbids it.
	crowded = 48
	// patience is how long an attempt may wait before it is told.
	patience = 2 * time.Minute
)

// Limit is how long an attempt may be under way until it counts as failed and another
// one begins, whether it ended or not. A [Store] ends its attempts before that.
const Limit = 35 * time.Minute

// hangs reports whether an attempt that should have ended long ago has not.
func hangs(last Attempt, now time.Time) bool {
	return last.Phase == UnderWay && !now.Before(last.StartedAt.Add(Limit))
}

// pace returns how long after the last copy was begun the next one may be, where that
// many failed in a row and that many are in the repository.
func pace(failures, copies int) time.Duration {
	pause := shortest
	for range min(failures+copies/crowded, 8) {
		pause = min(2*pause, longest)
	}
	return pause
}

// due reports whether a copy of the memory with this digest is to be begun now.
func due(last Attempt, sum string, failures, copies int, now time.Time) bool {
	switch {
	case last.Phase == None:
		return true
	case last.Phase == UnderWay && !hangs(last, now), last.Phase == Done && last.Sum == sum:
		return false
	default:
		return !now.Before(last.StartedAt.Add(pace(failures, copies)))
	}
}
