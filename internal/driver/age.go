package driver

import "time"

// WholeEvery is how long what was read of a repository may stand by its names alone,
// for a [Confirmer] and for those who ask one: a password that was changed, or a file
// that was damaged, is noticed by reading the whole.
const WholeEvery = 30 * time.Minute

// Within reports whether a time is at most so long before another one, by the monotonic
// clock and by the wall clock: the first stands still while a machine is suspended, the
// second can be set. Where they disagree the time counts as longer ago, which costs a
// listing and never a wrong answer.
func Within(bound time.Duration, before, after time.Time) bool {
	age, wallAge := after.Sub(before), after.Round(0).Sub(before.Round(0))
	return age <= bound && wallAge >= 0 && wallAge <= bound
}
