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
	// queuedAfter is the same while other backups run: that is how many claims are
	// backed up, one after the other.
	queuedAfter = 30 * time.Minute
	// overdueEvery is how often a claim is told of it: Kubernetes forgets events after
	// an hour.
	overdueEvery = time.Hour
)

// overdue returns why a claim's backup, which is due, was not started for a while. The
// time before this process began is not counted.
func (w world) overdue(c claimed) policy.Overdue {
	s := c.Standing
	reason, patience := policy.Reason(""), overdueAfter
	switch {
	case !s.Policy.Enabled:
	case s.State == policy.Skipped && (s.Reason == policy.NoDriver || s.Reason == policy.BackupsUnknown):
		reason = s.Reason
	case c.waits:
		reason, patience = policy.NoSlot, queuedAfter
	}
	since := later(s.NextRun, w.since)
	if reason == "" || w.now.Sub(since) < min(patience, c.timing.Gap(w.now)) {
		return policy.Overdue{}
	}
	return policy.Overdue{Reason: reason, Says: w.says(s, reason)}
}

func (w world) says(s policy.Standing, reason policy.Reason) string {
	due := "The claim is not backed up"
	if !s.NextRun.IsZero() {
		due = fmt.Sprintf("The backup that was due at %s has not been started", s.NextRun.UTC().Format(time.RFC3339))
	}
	if reason == policy.NoSlot {
		return fmt.Sprintf("%s: %d %s backups run, and no more may at once; it starts by itself once one ends. Look for backups that hang (event BackupStalled), or raise SOTERIA_BACKUP_CONCURRENCY",
			due, w.concurrency, s.Driver)
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
