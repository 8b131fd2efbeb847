package schedule

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

const (
	// overdueAfter is how long a backup may be due without being started, unless its
	// policy wants the next one sooner.
	overdueAfter = 2 * time.Minute
	// queuedAfter is how long the same backups may run, with others waiting for
	// them, before the queue counts as one that does not move.
	queuedAfter = 30 * time.Minute
	// overdueEvery is how often a claim is told of it: Kubernetes forgets events after
	// an hour.
	overdueEvery = time.Hour
)

// overdue sets what is overdue of the claims that were judged, and keeps since when
// each backup that is due was seen not to be started. Time in which it was due and
// was not seen to be, as before this process led, is not counted.
func (p *plan) overdue(w world, judged []claimed) {
	held := w.held()
	p.late = make(map[types.UID]time.Time)
	for i := range judged {
		c := &judged[i]
		reason := c.unstarted()
		if reason == "" {
			continue
		}
		since, again := w.late[c.uid]
		if !again {
			since = w.now
		}
		p.late[c.uid] = since
		c.Overdue = w.overdue(*c, reason, w.now.Sub(later(c.NextRun, since)), held[c.Driver] >= w.concurrency)
	}
}

// unstarted returns why the claim's backup is not started although it is due; "" if
// it is not due, or is started now.
func (c claimed) unstarted() policy.Reason {
	switch {
	case !c.Policy.Enabled:
	case c.State == policy.Skipped && (c.Reason == policy.NoDriver || c.Reason == policy.BackupsUnknown):
		return c.Reason
	case c.waits:
		return policy.NoSlot
	}
	return ""
}

// overdue judges a claim whose backup was not started for a reason, for as long as it
// is late. Stands reports that the queue which it may wait in does not move. A queue
// that moves is as it should be, until a claim has missed a whole interval in it.
func (w world) overdue(c claimed, reason policy.Reason, late time.Duration, stands bool) policy.Overdue {
	patience, gap := overdueAfter, c.timing.Gap(w.now)
	if reason == policy.NoSlot {
		patience = gap
		if stands {
			patience = queuedAfter
		}
	}
	if late < min(patience, gap) {
		return policy.Overdue{}
	}
	return policy.Overdue{Reason: reason, Says: w.says(c.Standing, reason, stands)}
}

// held counts the backups of each driver that take a slot and have done so for
// [queuedAfter]. While there are as many as may run at once, the queue of policies'
// backups does not move, whatever else was asked for, began and ended meanwhile.
func (w world) held() map[string]int {
	held := make(map[string]int, len(w.drivers))
	for _, runs := range w.runs {
		for _, r := range runs {
			if r.takesSlot() && w.now.Sub(r.Started) >= queuedAfter {
				held[r.Driver]++
			}
		}
	}
	return held
}

func (w world) says(s policy.Standing, reason policy.Reason, stands bool) string {
	due := "The claim is not backed up"
	if !s.NextRun.IsZero() {
		due = fmt.Sprintf("The backup that was due at %s has not been started", s.NextRun.UTC().Format(time.RFC3339))
	}
	if reason == policy.NoSlot && stands {
		return fmt.Sprintf("%s: %d %s backups run, and no more may at once; all of them began more than %d minutes ago. It starts by itself once one ends. Look for backups that hang (event BackupStalled), or raise SOTERIA_BACKUP_CONCURRENCY",
			due, w.concurrency, s.Driver, int(queuedAfter.Minutes()))
	}
	if reason == policy.NoSlot {
		return fmt.Sprintf("%s, and the next one is due: other %s backups end, but more wait for them than can be taken in time with %d at once. It starts by itself when its turn comes. Raise SOTERIA_BACKUP_CONCURRENCY, or spread the policies over more time",
			due, s.Driver, w.concurrency)
	}
	if reason == policy.NoDriver {
		return fmt.Sprintf("%s: %s; correct the driver of its policy (GET /v1/policies shows it), or configure that driver", due, s.Message)
	}
	return fmt.Sprintf("%s: %s; correct that, and it starts by itself (GET /v1/status shows the %s repository)", due, s.Message, s.Driver)
}

// tellOverdue reports on each claim whose backup is overdue that it is, at most once an
// hour, and counts them.
func (s *Scheduler) tellOverdue(standings []policy.Standing, claims []Claim, now time.Time) {
	counts := map[policy.Reason]int{}
	told := map[types.UID]time.Time{}
	uids := uidsOf(claims)
	s.mu.Lock()
	before := s.overdueTold
	s.mu.Unlock()
	for _, standing := range standings {
		uid := uids[standing.Claim]
		last, again := before[uid]
		recent := again && now.Sub(last) < overdueEvery
		if recent {
			told[uid] = last
		}
		if standing.Overdue.Reason == "" {
			continue
		}
		counts[standing.Overdue.Reason]++
		if !recent {
			told[uid] = now
			s.event(uid, standing.Claim, notStarted, standing.Overdue.Says)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overdue, s.overdueTold = counts, told
}

// Overdue counts the claims whose backup is due and was not started for a while, by
// why, as of the last evaluation; none on replicas that do not lead.
func (s *Scheduler) Overdue() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.overdue))
	for _, reason := range []policy.Reason{policy.BackupsUnknown, policy.NoDriver, policy.NoSlot} {
		counts[string(reason)] = s.overdue[reason]
	}
	return counts
}
