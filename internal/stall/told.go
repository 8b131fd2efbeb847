package stall

import "time"

// Told is the stall that was told last of a wait, and when. The zero value is none.
type Told struct {
	Stall
	At time.Time
}

// News reports whether a stall is to be told: once, again when something else is to be
// done about it, and again when the last telling is older than repeat, since Kubernetes forgets events
// after an hour. It returns what was told last then.
func (t Told) News(found Stall, now time.Time, repeat time.Duration) (Told, bool) {
	same := !t.At.IsZero() && t.Remedy == found.Remedy
	if same && now.Sub(t.At) < repeat {
		return Told{found, t.At}, false
	}
	return Told{found, now}, true
}
