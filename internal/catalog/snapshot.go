package catalog

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// contents are what a lister told of a repository. They never change once made, and
// stand for as long as they are confirmed.
type contents struct {
	repository string
	// readAt is when the lister had told them.
	readAt  time.Time
	byClaim map[backup.Claim]entry
	// doubts says of which claims the listing does not prove that there is no
	// backup, and why; the zero claim stands for every claim.
	doubts map[backup.Claim]error
	// unreadable are those of the doubts about single claims that are about backups which
	// are there and could not be read, of each claim the newest as far as that is known.
	unreadable map[backup.Claim]error
	// incomplete is why a part of the repository could not be read: nothing proves
	// that there is none, nor which backup is the newest, nor that one is missing.
	incomplete error
	// clusters are the names of the clusters that took backups.
	clusters map[string]struct{}
	// strayed are the backups of which nothing says whose they are, and words what
	// they mean.
	strayed []attribution.Stray
	words   attribution.Words
	size    int
	// mark is what they are confirmed by; "" where they cannot be.
	mark string
	// alone are the claims that were looked at by themselves since they were listed.
	alone map[backup.Claim]looked
}

// snapshot is what is known of a repository as of one listing, or as of one moment at
// which what a listing found was confirmed. It never changes once made.
type snapshot struct {
	*contents
	// confirmed is true where they were not listed anew.
	confirmed bool
	began     moment
	evidence  backup.Evidence
	strays    strays
	// unsorted is why it could not be told which strays were accepted.
	unsorted error
	// whose says which clusters' backups count here.
	whose backup.Clusters
	// expected is what is remembered of every claim, and missing says of which
	// claims the newest backup that is remembered is not there, and why that holds
	// them.
	expected expectation.Claims
	missing  map[backup.Claim]error
	// unread and unwritten are why the memory could not be read and kept. Without
	// having read it no backup is known to be the newest, and nothing proves that
	// there is none.
	unread, unwritten error
	// uncopied, unaccepted and dropped are why nothing proves that there is none:
	// the copy beside the backups could not be read, no one accepted the repository,
	// or another backup system that held backups is not looked at. The latter may
	// also hold the newest one, unless the configuration goes on without it.
	uncopied, unaccepted, dropped error
	goesOnWithoutDropped          bool
	// unseenIfRebuilt is why the same listing would prove nothing in a cluster that
	// sees the repository for the first time.
	unseenIfRebuilt error
	// answers are those for claims with many backups, by claim, as they were made; nil
	// keeps none.
	answers *sync.Map
}

// remember notes what is expected of every claim, and which claims lack it.
func (s *snapshot) remember(expected expectation.Claims, missing func(expectation.Record, []backup.Backup) bool) {
	s.expected, s.missing = expected, make(map[backup.Claim]error)
	if s.incomplete != nil {
		return
	}
	for claim, record := range expected {
		if backups := s.byClaim[claim].backups; missing(record, backups) {
			s.missing[claim] = missed(s.evidence, claim, record, len(backups))
		}
	}
}

// few is how many backups make an answer that costs less to make again than to keep.
const few = 16

// found is the answer for a claim that has backups.
func (s *snapshot) found(claim backup.Claim) backup.Answer {
	if s.answers == nil || len(s.byClaim[claim].backups) <= few {
		return s.makeFound(claim)
	}
	if made, known := s.answers.Load(claim); known {
		return made.(backup.Answer) // nothing else is stored
	}
	answer := s.makeFound(claim)
	s.answers.Store(claim, answer)
	return answer
}

func (s *snapshot) makeFound(claim backup.Claim) backup.Answer {
	return backup.FoundBackups(s.byClaim[claim].backups, s.evidenceOf(claim)).Doubting(s.older(claim))
}

// older returns why the newest of a claim's backups may not be the newest that exists;
// nil where it is. The copy beside the backups is all that tells in a cluster that has
// not used the repository before.
func (s *snapshot) older(claim backup.Claim) error {
	why := cmp.Or(s.incomplete, s.missing[claim], s.unread)
	if backups := s.byClaim[claim].backups; len(backups) > 0 {
		why = cmp.Or(why, s.strays.newer(claim, backups[0]))
		if doubt := s.unreadable[claim]; backup.MayBeNewer(doubt, backups[0].TakenAt) {
			why = cmp.Or(why, doubt)
		}
	}
	if s.unaccepted != nil {
		why = cmp.Or(why, s.uncopied)
	}
	if !s.goesOnWithoutDropped {
		why = cmp.Or(why, s.dropped)
	}
	return cmp.Or(why, s.othersNewer(claim))
}

// othersNewer returns why the newest of a claim's backups that count here may not be
// the newest of this cluster's own: another cluster's is newer, and may be its own
// under a name that was mistyped or changed. It returns nil where none counts: then
// none is chosen.
func (s *snapshot) othersNewer(claim backup.Claim) error {
	backups := s.byClaim[claim].backups
	at := slices.IndexFunc(backups, func(b backup.Backup) bool { return Counts(b, s.evidence.EndedAt) })
	if at < 0 || s.whose.Counts(backups[at]) || !slices.ContainsFunc(backups, s.whose.Counts) {
		return nil
	}
	if why := stranger(s.whose, s.clusters); why != nil {
		return backup.OfClusters(why)
	}
	remembered := func(b backup.Backup) bool { return b.TakenAt.Equal(s.expected[claim].Newest) && !s.whose.Counts(b) }
	as := func(b backup.Backup) bool { return s.whose.Counts(b) && !b.TakenAt.Before(s.expected[claim].Newest) }
	if slices.ContainsFunc(backups, remembered) && !slices.ContainsFunc(backups, as) {
		return backup.OfClusters(s.disowned(claim))
	}
	return nil
}

// none is the answer for a claim that has no backups.
func (s *snapshot) none(claim backup.Claim) backup.Answer {
	evidence := s.evidenceOf(claim)
	evidence.AcceptedAt = s.expected[claim].AcceptedAt
	return backup.ProvedNone(evidence).Doubting(s.doubt(claim)).Doubting(s.unproved())
}

// disowned returns why other clusters' backups of a claim may be this cluster's own: it
// remembers one as its own, so that its name or which
// clusters it restores may have been changed by mistake.
func (s *snapshot) disowned(claim backup.Claim) error {
	record := s.expected[claim]
	if record.Newest.IsZero() {
		return nil
	}
	return backup.WithSettle(backup.Errorf(backup.BackupMissing,
		"the backup %s of %s, taken %s, was this cluster's own and is another's now: correct SOTERIA_CLUSTER or SOTERIA_RESTORE_CLUSTERS, "+
			"or, if it is another's, accept that with: %s",
		backup.ShortID(record.ID), claim, record.Newest.UTC().Format(time.RFC3339), acceptClaim(claim)), acceptClaim(claim))
}

// unproved returns why the listing proves of no claim that it has no backup, beside
// what speaks against the listing itself; nil where nothing does.
func (s *snapshot) unproved() error {
	return cmp.Or(s.incomplete, s.unaccepted, s.uncopied, s.dropped)
}

// passing returns what may pass by itself, so that a listing soon is worth while.
func (s *snapshot) passing() error { return cmp.Or(s.incomplete, s.trouble()) }

// trouble returns why the memory, or its copy beside the backups, could not be read or
// kept.
func (s *snapshot) trouble() error { return cmp.Or(s.unread, s.unwritten, s.uncopied) }

// entry is what a listing found of one claim.
type entry struct {
	// backups are newest first; those of all claims are windows of one array.
	backups []backup.Backup
	// days counts them as of the day on which they were read.
	days backup.Days
}

// days counts a claim's backups as of a later day.
func (s *snapshot) days(claim backup.Claim, today time.Time) backup.Days {
	return s.byClaim[claim].days.Later(backup.DaysBetween(s.readAt, today))
}

// doubt gives why the listing proves nothing of a claim without backups; nil if
// it does.
func (s *snapshot) doubt(claim backup.Claim) error {
	return cmp.Or(s.doubtOfAttributed(claim), s.strays.doubt(claim))
}

// doubtOfAttributed is doubt, without what strays alone put in doubt.
func (s *snapshot) doubtOfAttributed(claim backup.Claim) error {
	return cmp.Or(s.incomplete, s.missing[claim], s.doubts[claim], s.doubts[backup.Claim{}], s.unsorted, s.unread, s.unwritten)
}

// builder gathers what a listing tells. It keeps one copy of each text that
// backups share, since a repository holds many backups of few claims.
type builder struct {
	driver  string
	words   map[string]string
	backups []backup.Backup
	doubts  map[backup.Claim]error
	// unreadable are the doubts about backups that could not be read.
	unreadable map[backup.Claim]error
	strayed    []attribution.Stray
	said       attribution.Words
	// incomplete is why a part of the repository could not be read.
	incomplete error
	mark       string
}

var _ driver.Listing = (*builder)(nil)

func newBuilder(driver string) *builder {
	return &builder{driver: driver, words: make(map[string]string), doubts: make(map[backup.Claim]error), unreadable: make(map[backup.Claim]error)}
}

// Doubt implements [driver.Listing]; of several doubts about a claim the first
// is kept, and that of the newest backup.
func (b *builder) Doubt(claim backup.Claim, why error) {
	if _, doubted := b.doubts[claim]; !doubted {
		// Of two claims it may be said in the same words.
		b.doubts[claim] = backup.WithCause(why, "doubt in "+b.driver+" of "+claim.String())
	}
	if claim != (backup.Claim{}) && backup.IsNewerDoubt(why, b.unreadable[claim]) {
		b.unreadable[claim] = why
	}
}

// Incomplete implements [driver.Listing]; of several reasons the first is kept.
func (b *builder) Incomplete(why error) { b.incomplete = cmp.Or(b.incomplete, why) }

// Strays implements [driver.Listing].
func (b *builder) Strays(strayed []attribution.Stray, words attribution.Words) {
	b.strayed, b.said = strayed, words
}

// Mark implements [driver.Listing].
func (b *builder) Mark(mark string) { b.mark = mark }

// Backup implements [driver.Listing]. Names that no claim can have are not told on:
// they would be printed in commands. Drivers leave such backups out or tell them as
// strays.
func (b *builder) Backup(found backup.Backup) {
	if err := found.Claim.Validate(); err != nil {
		b.Doubt(backup.Claim{}, backup.Errorf(backup.Internal,
			"the %s backup %s is of what can be no claim (%w), so that it may be of this one: that is a fault of Soteria's, which is worth a report", b.driver, backup.ShortID(found.ID), err))
		return
	}
	found.Driver = b.driver
	found.Claim = backup.Claim{Namespace: b.word(found.Claim.Namespace), Name: b.word(found.Claim.Name)}
	// A time that was parsed with a zone's offset carries a zone of its own.
	found.TakenAt = found.TakenAt.UTC()
	tags := make([]string, 0, len(found.Tags))
	for _, tag := range found.Tags {
		tags = append(tags, b.word(tag))
	}
	found.Tags = tags
	found.Cluster = b.word(found.Cluster)
	b.backups = append(b.backups, found)
}

func (b *builder) word(s string) string {
	if known, ok := b.words[s]; ok {
		return known
	}
	s = strings.Clone(s)
	b.words[s] = s
	return s
}

// contents makes the listing's result. The builder must not be used afterwards.
func (b *builder) contents(repository string, readAt time.Time) *contents {
	all := slices.Clip(slices.Clone(b.backups))
	slices.SortFunc(all, byClaimNewestFirst)
	byClaim := make(map[backup.Claim]entry)
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && all[end].Claim == all[start].Claim {
			if slices.Equal(all[end].Tags, all[end-1].Tags) {
				all[end].Tags = all[end-1].Tags
			}
			end++
		}
		byClaim[all[start].Claim] = entry{backups: all[start:end:end], days: backup.DaysOf(all[start:end], readAt)}
		start = end
	}
	if b.incomplete != nil {
		b.mark = "" // what could not be read may be readable by now
	}
	return &contents{
		repository: repository, readAt: readAt, byClaim: byClaim, doubts: b.doubts, unreadable: b.unreadable, incomplete: b.incomplete, clusters: clustersIn(all),
		strayed: b.strayed, words: b.said, size: len(all), mark: b.mark,
	}
}

// isBlind reports whether a part of the repository could not be read, and no backup
// is in the others.
func (c *contents) isBlind() bool {
	return c.incomplete != nil && c.size+len(c.strayed) == 0
}

// isWhole reports whether all of what was to be read could be.
func (c *contents) isWhole() bool { return c.incomplete == nil }

// all goes through every backup, in no order.
func (c *contents) all() iter.Seq[backup.Backup] {
	return func(yield func(backup.Backup) bool) {
		for _, e := range c.byClaim {
			for _, b := range e.backups {
				if !yield(b) {
					return
				}
			}
		}
	}
}

func byClaimNewestFirst(a, b backup.Backup) int {
	return cmp.Or(
		strings.Compare(a.Claim.Namespace, b.Claim.Namespace),
		strings.Compare(a.Claim.Name, b.Claim.Name),
		backup.NewestFirst(a, b),
	)
}
