package backup

import (
	"errors"
	"time"
)

// Told is what one backup system said of a claim, as a part of an [Answer].
type Told struct {
	// Driver names the backup system.
	Driver    string
	Certainty Certainty
	// ListedAt is when the listing began that this rests on, or, where the system
	// could not tell, its last one that was believed; the zero time while there was none.
	ListedAt time.Time
	// Why says why the system could not tell, or why it may hold a newer backup than
	// those that it found; nil where neither is so.
	Why error
}

// WithTold returns the same answer with what each system said that was asked.
func (a Answer) WithTold(told ...Told) Answer {
	a.told = told
	return a
}

// Told returns what each system said that was asked, in the order of the
// configuration; empty where the catalog did not say. It must not be changed.
func (a Answer) Told() []Told { return a.told }

// notYetError is an error that passes by itself within seconds.
type notYetError struct{ error }

func (n *notYetError) Unwrap() error { return n.error }

// NotYet says of an error that nothing went wrong: the answer is on its way, within the
// time that it usually takes. Nil stays nil.
func NotYet(err error) error {
	if err == nil {
		return nil
	}
	return &notYetError{err}
}

// IsNotYet reports whether an answer is missing only because it is on its way.
func IsNotYet(err error) bool {
	var n *notYetError
	return errors.As(err, &n)
}

// lasting returns the reason to say of two: the first, unless it passes by itself and
// the second does not.
func lasting(first, second error) error {
	if first == nil || second != nil && IsNotYet(first) && !IsNotYet(second) {
		return second
	}
	return first
}
