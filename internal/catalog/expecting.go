package catalog

import (
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// ordinary is how long a listing may take, from the process's start on, before it is
// said that something is wrong, if the one before was shorter.
const ordinary = 30 * time.Second

// expecting says of why an answer is missing that it is on its way, where that is so.
// The caller holds the lock.
func (s *source) expecting(why error) error {
	if s.expected() {
		return backup.NotYet(why)
	}
	return why
}

// expected reports whether a listing that ends well is likely within seconds: none
// failed since the last one that was believed, and the one under way has not taken much
// longer than that did. The caller holds the lock.
func (s *source) expected() bool {
	const much = 2
	since := s.made
	switch {
	case s.failure != nil:
		return false
	case s.running != nil:
		since = s.running.began.at
	case s.latest != nil:
		return true
	}
	return s.clock.Since(since) <= max(ordinary, much*s.took)
}
