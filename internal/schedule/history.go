package schedule

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Repository is what is known of one driver's backups.
type Repository struct {
	Driver string
	// ListedAt is when the last listing began that was believed; zero while there
	// was none.
	ListedAt time.Time
	// Failure is why the last listing failed; nil if it did not, or none has
	// ended.
	Failure error
	// Of gives a claim's backups, newest first.
	Of func(backup.Claim) []backup.Backup
}

// Run is one taking of a backup.
type Run struct {
	ClaimUID types.UID
	Driver   string
	// Name tells the runs of a claim apart; "" where a driver has but one at a
	// time.
	Name    string
	Started time.Time
	// Ended is zero while it runs.
	Ended time.Time
	// Failure says why it failed, where the run itself tells; "" otherwise.
	Failure string
	// Stuck says why a run that has not ended does no work: it keeps its claim from
	// being backed up, and no other one. "" otherwise.
	Stuck string
}

// runs reports whether it has not ended.
func (r Run) runs() bool { return r.Ended.IsZero() }

// takesSlot reports whether it is one of those of which only so many may run at once.
func (r Run) takesSlot() bool { return r.runs() && r.Stuck == "" }

// maxBehind is by how much the clock of a node that takes a backup may be behind.
const maxBehind = 2 * time.Minute

// history is what the backups and the runs of one claim, by one driver, come to.
type history struct {
	// newest is when the newest listed backup was taken, and last when the last
	// backup was taken as far as anything tells; zero if there is none.
	newest, last time.Time
	running      bool
	// stuck is why the run does no work; "" where it does.
	stuck string
	// failures counts the runs that failed since last; failedAt is when the last
	// of them ended, and failure is why.
	failures int
	failedAt time.Time
	failure  string
}

// recall makes the history of a claim out of its listed backups, newest first,
// and its runs by the same driver.
func recall(repository Repository, backups []backup.Backup, runs []Run, rules backup.Rules) history {
	h := history{newest: newestOf(backups, rules)}
	h.last = h.newest
	var failed []Run
	for _, r := range runs {
		switch {
		case r.runs():
			h.running, h.stuck = true, r.Stuck
		case !h.newest.IsZero() && !h.newest.Before(r.Started.Add(-maxBehind)):
			h.last = later(h.last, r.Started)
		case r.Failure != "":
			failed = append(failed, r)
		case repository.ListedAt.After(r.Ended):
			r.Failure = "it ended, and no backup came of it"
			failed = append(failed, r)
		default:
			h.last = later(h.last, r.Started)
		}
	}
	for _, r := range failed {
		if !r.Started.After(h.last) {
			continue
		}
		h.failures++
		if r.Ended.After(h.failedAt) {
			h.failedAt, h.failure = r.Ended, r.Failure
		}
	}
	return h
}

// newestOf returns when the newest backup was taken by which due times go: a clock
// that was wrong once must not keep a claim from being backed up for ever, nor must
// another cluster that backs up a claim of the same name.
func newestOf(backups []backup.Backup, rules backup.Rules) time.Time {
	for _, b := range backups {
		if rules.Fresh(b) {
			return b.TakenAt
		}
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
