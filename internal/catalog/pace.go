package catalog

import (
	"context"
	"log/slog"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

const (
	// warmFor is how long after a question a listing is kept fresh for the next one,
	// for a driver that has a bound of its own.
	warmFor = 2 * time.Minute
	// margin is how much earlier than need be a listing begins that keeps another one
	// fresh.
	margin = 2 * time.Second
	// ofBound is the part of a bound that a listing which no one waits for has patience,
	// see [driver.Sharer]: it ends in time all the same.
	ofBound = 4
)

// bound is how long before a question a listing that began then may have begun. The
// caller holds the lock.
func (s *source) bound(began moment) time.Duration {
	if s.watched && began.seq > s.changed {
		return max(s.cfg.Bounds[s.lister.Name()], s.cfg.Freshness)
	}
	return s.cfg.Freshness
}

// keepWatch has changes noticed until ctx ends. While they are not, the driver's own
// bound does not hold.
func (s *source) keepWatch(ctx context.Context) {
	watcher, can := s.lister.(driver.Watcher)
	if !can || s.cfg.Bounds[s.lister.Name()] <= s.cfg.Freshness {
		return
	}
	saidDenied := false
	for pause := s.cfg.RetryMin; ctx.Err() == nil; pause = min(2*pause, s.cfg.RetryMax) {
		began := func() {
			pause = s.cfg.RetryMin
			s.notice(true)
		}
		err := watcher.Watch(ctx, began, func() { s.notice(true) })
		s.notice(false)
		level := slog.LevelDebug
		if backup.KindOf(err) == backup.Denied && !saidDenied {
			saidDenied, level = true, slog.LevelWarn
		}
		s.cfg.Log.Log(ctx, level, "changes are not noticed for now, so that each question takes a listing", "driver", s.lister.Name(), "error", err)
		timer := s.clock.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

// notice takes in that something changed, or may have.
func (s *source) notice(watched bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched, s.changed, s.patience = watched, s.now().seq, 0
}

// notInTime returns why a listing that somebody waits for is not going to end before
// ctx does, by how long one takes: the driver can be read only every so often,
// and waiting would be in vain. It returns nil where that cannot be told.
func (s *source) notInTime(ctx context.Context, pending *listing) error {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Bounds[s.lister.Name()] == 0 || s.took == 0 {
		return nil
	}
	left := s.takes
	if running := s.running; running != nil && (!running.patient || !running.hurried) { // one that is both begins again
		if running.patient {
			left = s.took
		}
		left = max(left-max(s.clock.Now().Sub(running.began.at), 0), 0)
		if pending != running {
			left += s.takes
		}
	}
	switch {
	case left < time.Until(deadline): // a context's deadline is no time of the injected clock
		return nil
	case s.failure != nil: // its words say more
		return s.failure
	}
	return s.caused(s.expecting(backup.Errorf(backup.Unavailable, "the list of %s backups is being read, which is not done before %d s from now", s.lister.Name(), int(left.Seconds()+1))))
}

// warm returns after how long the next listing is to begin so that the last one is
// followed before its bound ends, or soon if a change has ended it; false where no one
// asked lately, or the driver has no bound of its own. It says how patient that listing
// may be. The caller holds the lock.
func (s *source) warm() (time.Duration, bool) {
	const rest = 3 // of a bound, the part that lies between listings while all changes
	bound, now := s.cfg.Bounds[s.lister.Name()], s.clock.Now()
	if bound <= s.cfg.Freshness || s.latest == nil || s.wantedAt.IsZero() || now.Sub(s.wantedAt) > warmFor {
		return 0, false
	}
	after := bound - s.took - margin
	switch _, shares := s.lister.(driver.Sharer); {
	case s.bound(s.latest.began) < bound:
		after = bound / rest
	case shares:
		after, s.patience = min(after, bound/2), bound/ofBound
	}
	return max(after-now.Sub(s.latest.began.at), 0), true
}
