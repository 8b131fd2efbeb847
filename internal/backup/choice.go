package backup

import (
	"fmt"
	"strings"
	"time"
)

// MaxAhead is how far ahead of now a backup may be dated and still be believed.
// Clocks of nodes differ by less.
const MaxAhead = 10 * time.Minute

// DefaultPartialWindow is how much older a complete backup may be and still be
// chosen before a partial one.
const DefaultPartialWindow = 48 * time.Hour

// Rules say which backup of a claim is restored. There is one way to choose:
// [Rules.Choose]. The newest backup by its date is not always the right one: its
// date may be impossible, it may be another cluster's, it may lack files, or be of
// a volume that was empty by mistake. Such backups exist all the same: a claim that
// has no others is held, and gets what a person names by its id.
//
// The zero value knows no time and no clusters: every date is plausible and every
// cluster counts.
type Rules struct {
	Clusters Clusters
	// Now is the time by which backups are plausible; the zero time stands for not
	// known.
	Now time.Time
	// ClockDoubt is true when this process's clock disagrees with those of others:
	// then no backup is called implausible.
	ClockDoubt bool
	// PartialWindow is how much older a complete backup may be than a partial one
	// that gives way to it; zero where partial ones never give way.
	PartialWindow time.Duration
}

// Objection is why a backup is not chosen by itself, in one word of the API. The
// zero value is none.
type Objection string

// The objections, the first that applies.
const (
	// NoObjection: the backup may be chosen by itself.
	NoObjection Objection = ""
	// OtherCluster: another cluster took it, which this one does not restore.
	OtherCluster Objection = "other-cluster"
	// Implausible: it is dated more than [MaxAhead] ahead of now.
	Implausible Objection = "implausible-time"
	// Void: it was saved and does not count.
	Void Objection = "void"
	// Unreviewed: it may be of an empty volume, and no one has said otherwise.
	Unreviewed Objection = "unreviewed"
)

// Plausible reports whether the backup's date can be right: it is at most
// [MaxAhead] ahead of now. Where now is in doubt every date is plausible.
func (r Rules) Plausible(b Backup) bool {
	return r.ClockDoubt || r.Now.IsZero() || !b.TakenAt.After(r.Now.Add(MaxAhead))
}

// Fresh reports whether due times and health may go by the backup's date: this
// cluster took it, its date can be right, and what it holds counts.
func (r Rules) Fresh(b Backup) bool {
	return r.Clusters.Mine(b) && r.Plausible(b) && b.Outcome != OutcomeVoid
}

// Objection returns why the backup is not chosen by itself.
func (r Rules) Objection(b Backup) Objection {
	if !r.Clusters.Counts(b) {
		return OtherCluster
	}
	return r.flaw(b)
}

func (r Rules) flaw(b Backup) Objection {
	switch {
	case !r.Plausible(b):
		return Implausible
	case b.Outcome == OutcomeVoid:
		return Void
	case b.Unreviewed:
		return Unreviewed
	}
	return NoObjection
}

// Chosen is a backup that was chosen, and what a person should know about it.
type Chosen struct {
	Backup Backup
	// Notes are sentences without a full stop, at most a few: what is wrong with
	// the backup, and which newer ones were passed over and why.
	Notes []string
}

// Choose picks the wanted backup out of backups, which must be newest first. It
// never falls back: where the wish selects nothing that may be chosen it returns an
// error of kind [NotFound] that says why, in words that follow "no backup of
// <claim> is chosen:". A backup that is named by its id is chosen whatever speaks
// against it; the notes then say what does.
func (r Rules) Choose(s Selector, backups []Backup) (Chosen, error) {
	candidates := r.wanted(s, backups)
	if s.ID != "" {
		return r.named(s, candidates, backups)
	}
	first := -1
	for i, b := range candidates {
		if r.objectionTo(s, b) == NoObjection {
			first = i
			break
		}
	}
	if first < 0 {
		return Chosen{}, r.nothing(s, candidates, backups)
	}
	chosen, note := r.complete(s, candidates[first:])
	notes := r.passed(s, candidates[:first])
	if note != "" {
		notes = append(notes, note)
	}
	return Chosen{Backup: chosen, Notes: append(notes, r.about(s, chosen, candidates)...)}, nil
}

// Passed says in one sentence which of the backups health does not go by, and why;
// empty where there are none.
func (r Rules) Passed(backups []Backup) string {
	if len(backups) == 0 {
		return ""
	}
	b := backups[0]
	why := r.flaw(b)
	if !r.Clusters.Mine(b) {
		why = OtherCluster
	}
	words := map[Objection]string{OtherCluster: whose(b), Implausible: r.words(Implausible, b), Void: r.words(Void, b), Unreviewed: r.words(Unreviewed, b)}[why]
	if more := len(backups) - 1; more > 0 {
		return fmt.Sprintf("%d backups do not count here, the newest of them %s, dated %s: %s", more+1, ShortID(b.ID), stamp(b.TakenAt), words)
	}
	return fmt.Sprintf("backup %s, dated %s, does not count here: %s", ShortID(b.ID), stamp(b.TakenAt), words)
}

// wanted are the backups that the wish speaks of, whatever speaks against them.
func (r Rules) wanted(s Selector, backups []Backup) []Backup {
	if s.AsOf.IsZero() && s.Cluster == "" {
		return backups
	}
	var wanted []Backup
	for _, b := range backups {
		if (s.AsOf.IsZero() || !b.TakenAt.After(s.AsOf)) && (s.Cluster == "" || r.Clusters.Of(s.Cluster, b)) {
			wanted = append(wanted, b)
		}
	}
	return wanted
}

// objectionTo is [Rules.Objection] for a wish: one that names a cluster has
// nothing against its backups for being another cluster's.
func (r Rules) objectionTo(s Selector, b Backup) Objection {
	if s.Cluster != "" {
		return r.flaw(b)
	}
	return r.Objection(b)
}

// named picks the backup with the wanted id, or the only one whose id begins with
// it.
func (r Rules) named(s Selector, candidates, all []Backup) (Chosen, error) {
	var hits []Backup
	for _, b := range candidates {
		if b.ID == s.ID {
			hits = []Backup{b}
			break
		}
		if len(s.ID) >= MinIDPrefix && strings.HasPrefix(b.ID, s.ID) {
			hits = append(hits, b)
		}
	}
	switch {
	case len(hits) == 1:
		return Chosen{Backup: hits[0], Notes: r.about(s, hits[0], candidates)}, nil
	case len(hits) > 1:
		return Chosen{}, Errorf(NotFound, "%d of its backups are %s; give more of the id", len(hits), s)
	}
	return Chosen{}, Errorf(NotFound, "none is %s (%s)", s, WhatExists(all))
}

// complete returns the first of backups or, where that is proved partial, a
// complete one that is little older, and a note that names both. The first must be
// one that may be chosen.
func (r Rules) complete(s Selector, backups []Backup) (chosen Backup, note string) {
	newest := backups[0]
	if newest.Outcome != OutcomePartial {
		return newest, ""
	}
	for _, b := range backups[1:] {
		if newest.TakenAt.Sub(b.TakenAt) > r.PartialWindow {
			break
		}
		if b.Outcome == OutcomeComplete && r.objectionTo(s, b) == NoObjection {
			return b, fmt.Sprintf("the newer backup %s, taken %s, is partial and is passed over for this complete one", ShortID(newest.ID), stamp(newest.TakenAt))
		}
	}
	return newest, ""
}

// nothing says why no backup is chosen.
func (r Rules) nothing(s Selector, candidates, all []Backup) error {
	switch {
	case len(all) == 0:
		return Errorf(NotFound, "none exists")
	case len(candidates) == 0:
		return Errorf(NotFound, "none is %s (%s)", s, WhatExists(all))
	}
	return Errorf(NotFound, "%s; name one by its id with the annotation soteria.dev/restore-backup", strings.Join(r.passed(s, candidates), "; "))
}

// WhatExists says in a few words which backups there are, newest first: how many, and
// from when to when they were taken.
func WhatExists(backups []Backup) string {
	switch len(backups) {
	case 0:
		return "0 exist"
	case 1:
		return "1 exists, taken " + stamp(backups[0].TakenAt)
	}
	return fmt.Sprintf("%d exist, the oldest taken %s, the newest %s", len(backups), stamp(backups[len(backups)-1].TakenAt), stamp(backups[0].TakenAt))
}

// passed says which backups are passed over and why, one sentence for each
// objection, in the order in which they are met. None of them may be choosable.
func (r Rules) passed(s Selector, backups []Backup) []string {
	var (
		order []Objection
		first = make(map[Objection]Backup)
		count = make(map[Objection]int)
	)
	for _, b := range backups {
		why := r.objectionTo(s, b)
		if count[why] == 0 {
			order, first[why] = append(order, why), b
		}
		count[why]++
	}
	notes := make([]string, 0, len(order))
	for _, why := range order {
		b := first[why]
		what := fmt.Sprintf("backup %s, dated %s,", ShortID(b.ID), stamp(b.TakenAt))
		if more := count[why] - 1; more > 0 {
			what += fmt.Sprintf(" and %d more", more)
		}
		notes = append(notes, fmt.Sprintf("%s not chosen by itself: %s", what, r.words(why, b)))
	}
	return notes
}

// words says what an objection means.
func (r Rules) words(why Objection, b Backup) string {
	switch why {
	case OtherCluster:
		return whose(b) + ", while this cluster is " + r.Clusters.Own + " (SOTERIA_CLUSTER); it is restored here only where SOTERIA_RESTORE_CLUSTERS lists its cluster " +
			"or the annotation soteria.dev/restore-from asks for it"
	case Implausible:
		return fmt.Sprintf("dated more than %d minutes ahead of now (%s)", int(MaxAhead.Minutes()), stamp(r.Now))
	case Void:
		return "it was saved and does not count"
	case Unreviewed:
		return "it was taken of a claim that had been bound without a verdict and may be of an empty volume"
	case NoObjection:
		return ""
	default:
		return ""
	}
}

// about says what is to be known of a backup that was chosen among candidates.
func (r Rules) about(s Selector, b Backup, candidates []Backup) []string {
	var notes []string
	if why := r.objectionTo(s, b); why != NoObjection {
		notes = append(notes, "the chosen backup is "+r.asChosen(why, b))
	}
	if !b.DatedAt.IsZero() {
		notes = append(notes, fmt.Sprintf("the chosen backup is dated %s, by a clock that was ahead; it was begun %s, before the backup after it was", stamp(b.DatedAt), stamp(b.TakenAt)))
	}
	switch b.Outcome {
	case OutcomePartial:
		notes = append(notes, "the chosen backup is partial: some files could not be read when it was taken")
	case OutcomeUnknown:
		notes = append(notes, "nothing records whether the chosen backup is complete")
	case OutcomeComplete, OutcomeVoid:
	}
	if fuller, found := r.fuller(s, b, candidates); found {
		notes = append(notes, fmt.Sprintf("the chosen backup holds far less than backup %s, taken %s, did (%s, where that holds %s): if data was lost in between, choose that one by its id",
			ShortID(fuller.ID), stamp(fuller.TakenAt), holding(b), holding(fuller)))
	}
	if s.Cluster == "" && b.Cluster != "" && !r.Clusters.Mine(b) && r.Objection(b) != OtherCluster {
		notes = append(notes, "the chosen backup is "+whose(b))
	}
	return notes
}

// fuller returns the newest backup before b, of the same system, that holds several
// times what b holds and that nothing else speaks against.
func (r Rules) fuller(s Selector, b Backup, candidates []Backup) (fuller Backup, found bool) {
	for _, c := range candidates {
		if c.Driver == b.Driver && c.TakenAt.Before(b.TakenAt) && r.objectionTo(s, c) == NoObjection && Collapsed(b, c) {
			return c, true
		}
	}
	return Backup{}, false
}

// holding says how much a backup holds, as far as that is known.
func holding(b Backup) string {
	var parts []string
	if b.Files >= 0 {
		parts = append(parts, fmt.Sprintf("%d files", b.Files))
	}
	if b.DataBytes >= 0 {
		parts = append(parts, fmt.Sprintf("%d bytes", b.DataBytes))
	}
	return strings.Join(parts, " and ")
}

func (r Rules) asChosen(why Objection, b Backup) string {
	switch why {
	case OtherCluster:
		return whose(b)
	case Void:
		return "void: it was saved and does not count"
	case Unreviewed:
		return "unreviewed: " + r.words(why, b)
	case Implausible, NoObjection:
		return r.words(why, b)
	default:
		return r.words(why, b)
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
