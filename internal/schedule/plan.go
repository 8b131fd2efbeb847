package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Claim is a claim as it was observed.
type Claim struct {
	backup.Claim
	UID                 types.UID
	Made                time.Time
	Labels, Annotations map[string]string
	// Obstacle is why it cannot be backed up now, "" if it can; Message says more.
	Obstacle policy.Reason
	Message  string
}

// world is all that a plan depends on.
type world struct {
	now time.Time
	// rules say by which backups due times go.
	rules backup.Rules
	// since is when this process began.
	since time.Time
	// late is the last plan's.
	late         map[types.UID]time.Time
	claims       []Claim
	book         *policy.Book
	repositories map[string]Repository
	// runs holds the runs of all drivers.
	runs map[types.UID][]Run
	// blind says of which drivers it could not be told what runs, and why.
	blind map[string]error
	// drivers are those that take backups; fallback is the one that a policy gets
	// which names none.
	drivers     []string
	fallback    string
	concurrency int
	// keeps hold where a policy has none, by driver.
	keeps map[string]retention.Keep
}

// plan is how all claims stand, and what is to be started.
type plan struct {
	// standings are in the order of [policy.ByClaim].
	standings []policy.Standing
	warnings  []policy.Warning
	// starts are the backups to start now, and waiting counts those that are due
	// and have to wait for others to end, or for the first listing.
	starts  []start
	waiting int
	// late is since when each backup that is due was seen not to be started.
	late map[types.UID]time.Time
}

type start struct {
	uid      types.UID
	standing policy.Standing
}

// claimed is a claim's standing while a plan is made.
type claimed struct {
	policy.Standing
	uid      types.UID
	fraction float64
	timing   policy.Timing
	// waits is true while it is due and as many backups run as may.
	waits bool
}

// plan judges every claim and chooses what to start. Same world, same plan.
func (w world) plan() plan {
	var p plan
	judged := make([]claimed, 0, len(w.claims))
	for _, c := range w.claims {
		assignment, held := w.book.For(c.Claim, c.Labels, c.Annotations)
		p.warnings = append(p.warnings, assignment.Warnings...)
		switch {
		case held:
			standing, soon := w.standing(c, assignment)
			if soon {
				p.waiting++
			}
			judged = append(judged, claimed{Standing: standing, uid: c.UID, fraction: fractionOf(c.Claim), timing: assignment.Timing})
		case len(assignment.Warnings) > 0:
			judged = append(judged, claimed{uid: c.UID, Standing: policy.Standing{
				Claim: c.Claim, State: policy.Skipped, Reason: policy.Misdeclared, Message: assignment.Warnings[0].Message,
			}})
		}
	}
	p.choose(judged, w.free())
	p.overdue(w, judged)
	slices.SortFunc(judged, func(a, b claimed) int { return policy.ByClaim(a.Claim, b.Claim) })
	p.standings = make([]policy.Standing, 0, len(judged))
	for _, j := range judged {
		p.standings = append(p.standings, j.Standing)
	}
	slices.SortStableFunc(p.warnings, func(a, b policy.Warning) int { return policy.ByClaim(a.Claim, b.Claim) })
	return p
}

// free gives how many backups each driver may start.
func (w world) free() map[string]int {
	free := make(map[string]int, len(w.drivers))
	for _, name := range w.drivers {
		free[name] = w.concurrency
	}
	for _, runs := range w.runs {
		for _, r := range runs {
			if r.takesSlot() {
				free[r.Driver]--
			}
		}
	}
	return free
}

// choose picks what to start, what has been due longest first.
func (p *plan) choose(judged []claimed, free map[string]int) {
	var ready []*claimed
	for i := range judged {
		if judged[i].State == policy.Due {
			ready = append(ready, &judged[i])
		}
	}
	slices.SortFunc(ready, func(a, b *claimed) int {
		return cmp.Or(a.NextRun.Compare(b.NextRun), cmp.Compare(a.fraction, b.fraction), policy.ByClaim(a.Claim, b.Claim))
	})
	for _, c := range ready {
		if free[c.Driver] <= 0 {
			c.Message, c.waits = "waits for other backups to end", true
			p.waiting++
			continue
		}
		free[c.Driver]--
		p.starts = append(p.starts, start{uid: c.uid, standing: c.Standing})
	}
}

// standing judges one claim. Soon tells that it waits for what takes a moment.
func (w world) standing(c Claim, a policy.Assignment) (s policy.Standing, soon bool) {
	s = policy.Standing{Claim: c.Claim, Policy: a.Policy, Driver: cmp.Or(a.Policy.Driver, w.fallback)}
	if s.Policy.Enabled && s.Policy.Keep.IsZero() {
		s.Policy.Keep = w.keeps[s.Driver]
	}
	skip := func(reason policy.Reason, message string) {
		s.State, s.Reason, s.Message = policy.Skipped, reason, message
	}
	if !slices.Contains(w.drivers, s.Driver) {
		skip(policy.NoDriver, fmt.Sprintf("no driver called %q takes backups here", s.Driver))
		return s, false
	}
	repository := w.repositories[s.Driver]
	var backups []backup.Backup
	if repository.Of != nil {
		backups = repository.Of(c.Claim)
	}
	h := recall(repository, backups, w.runsOf(c.UID, s.Driver), w.rules)
	s.LastBackup = h.last
	if !a.Policy.Enabled {
		s.State = policy.Off
		return s, false
	}
	s.NextRun = due(a.Timing, h, c.Made, fractionOf(c.Claim))
	doubt, passes := w.doubt(s.Driver)
	switch {
	case c.Obstacle != "":
		skip(c.Obstacle, c.Message)
	case h.running:
		s.State, s.Message = policy.Running, h.stuck
	case s.NextRun.After(w.now) && h.failures > 0:
		s.State, s.Message = policy.Failing, h.failure
	case doubt != "" && (h.last.IsZero() || !s.NextRun.After(w.now)):
		skip(policy.BackupsUnknown, doubt)
		return s, passes
	case s.NextRun.After(w.now):
		s.State = policy.Scheduled
	default:
		s.State, s.Message = policy.Due, h.failure
	}
	return s, false
}

// patience is how long a driver's first listing is waited for.
const patience = 30 * time.Minute

// doubt says why nothing is to be started with a driver, "" if nothing speaks
// against it; passes reports that it takes but a moment.
func (w world) doubt(driver string) (why string, passes bool) {
	if err := w.blind[driver]; err != nil {
		return "it cannot be told which backups run: " + backup.Message(err), false
	}
	r, listed := w.repositories[driver]
	if !r.ListedAt.IsZero() {
		return "", false
	}
	waited := w.now.Sub(w.since)
	if !listed {
		return impatient("nothing lists this driver's backups, so that only backups of this Soteria's own are known of", waited), false
	}
	if r.Failure == nil {
		return "the repository has not been listed yet", true
	}
	kind := backup.KindOf(r.Failure)
	if kind == backup.RepositoryAbsent {
		return "", false
	}
	if kind == backup.RepositoryChanged || kind == backup.RepositoryUnaccepted || kind == backup.Credentials {
		return backup.Message(r.Failure), false
	}
	return impatient("the repository could not be listed: "+backup.Message(r.Failure), waited), false
}

// impatient is a doubt that is not waited for any longer after a while.
func impatient(why string, waited time.Duration) string {
	if waited >= patience {
		return ""
	}
	return why
}

func (w world) runsOf(claim types.UID, driver string) []Run {
	all := w.runs[claim]
	if !slices.ContainsFunc(all, func(r Run) bool { return r.Driver != driver }) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(r Run) bool { return r.Driver != driver })
}
