package catalog

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Overview is what is known of one driver's repository at one moment: what the
// last listing that was believed found, and whether listings work now. It never
// changes, shares its data with the catalog and may be kept; nothing in it may be
// modified. It proves nothing: that a claim is not in it does not mean that there
// is no backup.
type Overview struct {
	// Driver is the driver's name.
	Driver string
	// ListedAt is when the listing began; the zero time while none was believed.
	ListedAt time.Time
	// Failure is why the last listing failed; nil when it was believed, or when
	// none has ended yet.
	Failure error
	// Lost is true where the configuration has restores go on without the driver.
	Lost bool

	listed   *snapshot
	clusters backup.Clusters
	seen     *sightings
}

// Overviews gives what is known of each driver, in the order of the
// configuration. It never waits and costs the same however many backups there
// are.
func (c *Catalog) Overviews() []Overview {
	overviews := make([]Overview, 0, len(c.sources))
	for _, s := range c.sources {
		overviews = append(overviews, s.overview())
	}
	return overviews
}

// Of gives a claim's backups, newest first; none where none is known.
func (o Overview) Of(claim backup.Claim) []backup.Backup {
	if o.listed == nil {
		return nil
	}
	return o.listed.byClaim[claim].backups
}

// Days counts a claim's backups by the day on which they were taken, as of today.
// It says nothing of those taken since the listing. It costs the same however
// many backups there are.
func (o Overview) Days(claim backup.Claim, today time.Time) backup.Days {
	if o.listed == nil {
		return backup.Days{}
	}
	return o.listed.days(claim, today)
}

// Doubt gives why the listing does not prove that the claim has no backup; nil
// where it does, or where there was no listing.
func (o Overview) Doubt(claim backup.Claim) error {
	if o.listed == nil {
		return nil
	}
	if why := o.listed.doubt(claim); why != nil {
		return why
	}
	if ofOthers(o.clusters, o.Of(claim)) {
		if why := cmp.Or(o.listed.disowned(claim), mistyped(o.clusters, o.seen, o.Of(claim))); why != nil {
			return why
		}
	}
	return stranger(o.clusters, o.listed.clusters)
}

// Newest returns why a cluster that is rebuilt could not tell that the newest of the
// claim's backups is the newest that exists: what keeps this cluster from it, such as
// another one that is missing, or a stray that may be newer and was accepted here. It
// returns nil where it could.
func (o Overview) Newest(claim backup.Claim) error {
	if o.listed == nil {
		return nil
	}
	why := o.listed.older(claim)
	if backups := o.Of(claim); len(backups) > 0 {
		why = cmp.Or(why, o.listed.strays.newerIfRebuilt(claim, backups[0]))
	}
	return why
}

// Unproved returns why the listing proves of no claim that it has no backup; nil where
// it does, or where there was no listing.
func (o Overview) Unproved() error {
	if o.listed == nil {
		return nil
	}
	return cmp.Or(o.listed.unproved(), o.listed.unread, o.listed.unwritten)
}

// Doubts returns all that keeps the listing from proving of claims without backups
// that they have none, the most pressing first; what holds single claims is not
// among it. It is empty where the listing proves that, or where there was none.
func (o Overview) Doubts() []error {
	if o.listed == nil {
		return nil
	}
	l := o.listed
	all := []error{l.incomplete, l.unaccepted, l.dropped, stranger(o.clusters, l.clusters), l.strays.held, l.uncopied, l.unread, l.unwritten, l.doubts[backup.Claim{}]}
	return slices.DeleteFunc(all, func(err error) bool { return err == nil })
}

// Trouble returns why the memory of the claims' backups, or its copy beside the
// backups, could not be read or kept; nil where they could.
func (o Overview) Trouble() error {
	if o.listed == nil {
		return nil
	}
	return o.listed.trouble()
}

// Missing goes through every claim whose newest remembered backup is not there any
// more, in no order, with the reason in words for the user.
func (o Overview) Missing() iter.Seq2[backup.Claim, error] {
	return func(yield func(backup.Claim, error) bool) {
		if o.listed == nil {
			return
		}
		for claim, why := range o.listed.missing {
			if !yield(claim, why) {
				return
			}
		}
	}
}

// DoubtOfAttributed returns why the claim's known backups may not be all that the
// listing could attribute to it, or why they may not be this cluster's at all: no one
// accepted the repository, or the cluster's
// name was never seen there. Nothing may be removed then. Strays, and a backup system
// that was dropped, say nothing of the backups that are here.
func (o Overview) DoubtOfAttributed(claim backup.Claim) error {
	if o.listed == nil {
		return nil
	}
	l := o.listed
	return cmp.Or(l.doubtOfAttributed(claim), l.unaccepted, stranger(o.clusters, l.clusters))
}

// Strays counts the backups of which nothing says whose they are.
func (o Overview) Strays() StrayCounts {
	if o.listed == nil {
		return StrayCounts{}
	}
	return o.listed.strays.counts
}

// AcceptedStrays returns what the strays that were accepted here would keep from being
// proved in a cluster that is rebuilt; nil where there are none.
func (o Overview) AcceptedStrays() error {
	if o.listed == nil {
		return nil
	}
	return o.listed.strays.accepted
}

// IfRebuilt returns why a cluster that is rebuilt, and remembers nothing, could not
// prove of any claim that it has no backup: strays that were accepted here are not
// accepted there, or it sees the repository for the first time, and that can hold no
// copy of the memory. It returns nil where it could, as far as that is known: whether
// a copy is current is not looked at.
func (o Overview) IfRebuilt() error {
	if o.listed == nil {
		return nil
	}
	if why := o.listed.strays.accepted; why != nil {
		return backup.Errorf(backup.KindOf(why), "this cluster has accepted these backups, a rebuilt one has not: %w", why)
	}
	return o.listed.unseenIfRebuilt
}

// All goes through every claim that has backups, in no order, with its backups,
// newest first.
func (o Overview) All() iter.Seq2[backup.Claim, []backup.Backup] {
	return func(yield func(backup.Claim, []backup.Backup) bool) {
		if o.listed == nil {
			return
		}
		for claim, found := range o.listed.byClaim {
			if !yield(claim, found.backups) {
				return
			}
		}
	}
}

func (s *source) overview() Overview {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := Overview{Driver: s.lister.Name(), Failure: s.failure, Lost: s.lost(), listed: s.latest, clusters: s.cfg.Clusters, seen: s.seen}
	if s.latest != nil {
		o.ListedAt = s.latest.began.at
	}
	return o
}
