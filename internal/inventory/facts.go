package inventory

import (
	"cmp"
	"iter"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Facts is all that an inventory depends on. Building changes none of it.
type Facts struct {
	// Now is when the facts were gathered.
	Now time.Time
	// Claims and Restores are all that the cluster has.
	Claims   []corev1.PersistentVolumeClaim
	Restores []v1alpha1.Restore
	// Copies are the uids of the claims that were made to look at a backup.
	Copies sets.Set[types.UID]
	// NamespaceLabels holds the labels of each namespace, by name.
	NamespaceLabels map[string]map[string]string
	// Listings is what is known of each driver's repository.
	Listings []Listing
	// Schedules tells which claims are backed up by themselves; nil where nobody
	// can tell.
	Schedules Schedules
	// GateSince is when the gate was first seen closed; zero where it never was, or
	// that cannot be told.
	GateSince time.Time
	// Settings is what the operator has settled.
	Settings Settings
	// Stalls says of claims whose backup does not come further who holds it up.
	Stalls map[backup.Claim]string
}

// Settings is what the operator has settled about inventories.
type Settings struct {
	// Policy is what holds for all claims at admission.
	Policy kube.Policy
	// BackupDriver is the driver that backs a claim up unless told otherwise.
	BackupDriver string
	// MaxAge is how old a claim's newest backup may be and still be fresh.
	MaxAge time.Duration
	// Recent is how long ago a listing may have begun and still tell what a
	// repository holds now.
	Recent time.Duration
}

// Listing is what is known of one driver's repository: what the last listing
// that was believed found, and whether listings work now.
type Listing struct {
	Driver string
	// ListedAt is when the listing began; the zero time while none was believed.
	ListedAt time.Time
	// Failure is why the last listing failed; nil when it was believed, or when
	// none has ended yet.
	Failure error
	// Lost is true where restores of what other repositories hold do not wait for this
	// one.
	Lost bool
	// Unproved is why the listing proves of no claim that it has no backup, though it
	// was believed for those that it found; nil where it does.
	Unproved error
	// Doubts are all that keeps the listing from proving of claims without backups
	// that they have none, the most pressing first. What holds single claims is not
	// among it.
	Doubts []error
	// IfRebuilt is why a cluster that is rebuilt could not prove of any claim
	// that it has no backup, although this cluster can; nil where it could.
	IfRebuilt error
	// Found is what it found.
	Found Found
}

// Found is what a listing found. It does not change, and what it gives must not
// be changed.
type Found interface {
	// Of gives a claim's backups, newest first.
	Of(claim backup.Claim) []backup.Backup
	// Days counts them by the day on which they were taken, as of today. Its cost
	// must not grow with the backups.
	Days(claim backup.Claim, today time.Time) backup.Days
	// Doubt gives why the listing does not prove that the claim has no backup;
	// nil where it does.
	Doubt(claim backup.Claim) error
	// Newest returns why a cluster that is rebuilt could not tell that the newest of the
	// claim's backups is the newest that exists; nil where it could.
	Newest(claim backup.Claim) error
	// All goes through every claim that has backups, in any order.
	All() iter.Seq2[backup.Claim, []backup.Backup]
}

// Schedules tells which claims are backed up by themselves.
type Schedules interface {
	// ScheduleOf tells of one claim; false when nothing schedules it. It is
	// called for every claim of every inventory and must not wait.
	ScheduleOf(claim backup.Claim) (Schedule, bool)
}

// Schedule is when a claim is backed up by itself.
type Schedule struct {
	// Policy is the id of the policy that applies.
	Policy string
	// Source says where the policy is from, such as the claim or the API.
	Source string
	// NextRun is when the next backup is due; zero when none is.
	NextRun time.Time
	// Overdue says why a backup that is due was not started for a while, and what to
	// do; "" where none is.
	Overdue string
}

// rules say which backups count, at the time of the facts.
func (f *Facts) rules() backup.Rules {
	rules := f.Settings.Policy.RulesNow()
	rules.Now = f.Now
	return rules
}

// unlisted gives why the repository cannot be told to hold now what its last
// listing found; nil when it can.
func (l Listing) unlisted(now time.Time, recent time.Duration) error {
	switch {
	case l.Failure != nil:
		return l.Failure
	case l.ListedAt.IsZero():
		return backup.Errorf(backup.Unavailable, "the %s repository has not been listed yet", l.Driver)
	case now.Sub(l.ListedAt) > recent:
		return backup.Errorf(backup.Unavailable, "the %s repository was last listed at %s", l.Driver, l.ListedAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// unlisted gives why not every repository can be told to hold now what is known
// of it; nil when all can.
func (f *Facts) unlisted() error { return f.unlistedOf(f.Listings) }

// unlistedFor is unlisted for the restore of a claim: it waits for no repository that
// restores go on without, where another one holds backups of the claim.
func (f *Facts) unlistedFor(claim backup.Claim) error {
	if !slices.ContainsFunc(f.Listings, func(l Listing) bool { return !l.Lost && len(l.Found.Of(claim)) > 0 }) {
		return f.unlisted()
	}
	return f.unlistedOf(slices.DeleteFunc(slices.Clone(f.Listings), func(l Listing) bool { return l.Lost }))
}

func (f *Facts) unlistedOf(listings []Listing) error {
	if len(listings) == 0 {
		return backup.Errorf(backup.Unavailable, "no driver is configured to look for backups")
	}
	for _, l := range listings {
		if err := l.unlisted(f.Now, f.Settings.Recent); err != nil {
			return err
		}
	}
	return nil
}

// untoldDays gives how many of the last days, today included, the listings do not
// tell in full: since the day on which the repository was listed that has been
// listed least recently, where it cannot be told to hold the same now.
func (f *Facts) untoldDays() int {
	days := 0
	for _, l := range f.Listings {
		if l.unlisted(f.Now, f.Settings.Recent) != nil {
			days = max(days, 1+backup.DaysBetween(l.ListedAt, f.Now))
		}
	}
	return min(days, backup.RecentDays)
}

// doubt gives why the listings do not prove that the claim has no backup; nil
// where all of them do.
func (f *Facts) doubt(claim backup.Claim) error {
	for _, l := range f.Listings {
		if err := cmp.Or(l.Found.Doubt(claim), l.Unproved); err != nil {
			return err
		}
	}
	return nil
}

// newest returns why the newest of the claim's backups that are listed may not be the
// newest that exists; nil where it is.
func (f *Facts) newest(claim backup.Claim) error {
	for _, l := range f.Listings {
		if err := l.Found.Newest(claim); err != nil {
			return err
		}
	}
	return nil
}

// ifRebuilt returns why a cluster that is rebuilt could not prove of any claim that
// it has no backup; nil where it could.
func (f *Facts) ifRebuilt() error {
	for _, l := range f.Listings {
		if l.IfRebuilt != nil {
			return l.IfRebuilt
		}
	}
	return nil
}

// answer is what a cluster that is rebuilt would be told of a claim, by the
// catalog's last listings. Found is believed
// of any of them; None needs all of them to be recent and without doubt.
func (f *Facts) answer(claim backup.Claim) backup.Answer {
	var backups []backup.Backup
	evidence := make([]backup.Evidence, 0, len(f.Listings))
	for _, l := range f.Listings {
		evidence = append(evidence, backup.Evidence{Driver: l.Driver, BeganAt: l.ListedAt, EndedAt: l.ListedAt})
		found := l.Found.Of(claim)
		if backups == nil {
			backups = found[:len(found):len(found)]
			continue
		}
		backups = append(backups, found...)
	}
	clusters := f.rules().Clusters
	others := clusters.Settled && !slices.ContainsFunc(backups, clusters.Counts)
	if len(backups) > 0 && !others {
		return backup.FoundBackups(backups, evidence...).Doubting(f.newest(claim))
	}
	if err := f.unlisted(); err != nil {
		return backup.UnknownBecause(err)
	}
	if err := f.doubt(claim); err != nil {
		return backup.UnknownBecause(err)
	}
	if err := f.ifRebuilt(); err != nil {
		return backup.UnknownBecause(err)
	}
	return backup.ProvedNone(evidence...).WithOthers(backups)
}
