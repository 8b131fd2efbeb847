package backup

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Certainty is what is known of a claim's backups. The zero value is Unknown.
type Certainty uint8

// The three answers. Only a proof makes None: "could not tell" is Unknown.
const (
	// Unknown: it could not be proved whether backups exist.
	Unknown Certainty = iota
	// None: it is proved that no backup of the claim exists.
	None
	// Found: at least one backup exists.
	Found
)

// String gives the word used in the API and in metrics.
func (c Certainty) String() string {
	switch c {
	case Found:
		return "found"
	case None:
		return "none"
	case Unknown:
		return "unknown"
	default:
		return "unknown"
	}
}

// Evidence is why an answer may be believed: which repository was listed, and
// when.
type Evidence struct {
	// Driver names the backup system that was asked.
	Driver string
	// Repository is the identity of the repository that was listed, such as
	// restic's repository id.
	Repository string
	// BeganAt and EndedAt bound the listing, by the clock of the replica.
	BeganAt time.Time
	EndedAt time.Time
	// AcceptedAt is when a person last accepted that backups of the claim are gone
	// from the repository; the zero time if no one ever did.
	AcceptedAt time.Time
	// Incomplete is true where a part of the repository could not be read: that the
	// listing lacks a backup says nothing.
	Incomplete bool
}

// String gives the evidence in one line, as stamped on a claim.
func (e Evidence) String() string {
	const layout = time.RFC3339
	how := "listed"
	if e.Incomplete {
		how = "listed in part"
	}
	return fmt.Sprintf("%s repository %s %s %s to %s", e.Driver, shortID(e.Repository), how, e.BeganAt.UTC().Format(layout), e.EndedAt.UTC().Format(layout))
}

func shortID(id string) string {
	const short = 12
	if len(id) > short {
		id = id[:short]
	}
	return Printable(id)
}

// Answer is what the catalog says of a claim. Its fields are private so that
// None and Found can only come from [ProvedNone] and [FoundBackups]; the zero
// value is Unknown.
type Answer struct {
	certainty Certainty
	backups   []Backup
	evidence  []Evidence
	err       error
	// unmarked are the backups as they were found, before others' were marked by what
	// is known of all of them, see [Backup.Unreviewed].
	unmarked []Backup
	// spans are the times, known beside what the backups tell, in which the claim's
	// data was unreviewed.
	spans []Span
	// others are backups that exist and are no backups of the claim's, since
	// another cluster took them; othersDoubt is why the newest of them may not be the
	// newest that exists.
	others      []Backup
	othersDoubt error
	// lost is true where restores go on without the driver that could not tell.
	lost bool
	// doubt is why the newest of the backups found may not be the newest in the systems
	// that found them, and untold why a system could not tell that may hold a newer one.
	doubt, untold error
	// told is what each system said.
	told []Told
}

// UnknownBecause makes the answer for a question that could not be settled. The
// error says why, in words for the user.
func UnknownBecause(err error) Answer { return Answer{err: err} }

// ProvedNone makes the answer None. A proof without evidence is no proof: with
// no evidence the answer is Unknown.
func ProvedNone(evidence ...Evidence) Answer {
	if len(evidence) == 0 {
		return UnknownBecause(&Error{Kind: Unavailable, Message: "no backup repository has been listed"})
	}
	return Answer{certainty: None, evidence: evidence}
}

// FoundBackups makes the answer Found, in the order of [NewestFirst]. Without
// any backup nothing was found and nothing was proved: the answer is Unknown.
func FoundBackups(backups []Backup, evidence ...Evidence) Answer {
	if len(backups) == 0 {
		return UnknownBecause(&Error{Kind: Internal, Message: "an answer of Found without any backup"})
	}
	sorted := backups
	if !slices.IsSortedFunc(sorted, NewestFirst) {
		sorted = slices.SortedFunc(slices.Values(backups), NewestFirst)
	}
	return Answer{certainty: Found, backups: markUnreviewed(sorted, nil), unmarked: sorted, evidence: evidence}
}

// Reviewing returns the same answer with the times in which the claim's data was
// unreviewed, as they are remembered: what others took of it then is unreviewed. It
// changes an answer of Found alone.
func (a Answer) Reviewing(spans []Span) Answer {
	if a.certainty == Found && len(spans) > 0 {
		a.spans, a.backups = spans, markUnreviewed(a.unmarked, spans)
	}
	return a
}

// HasOthers reports whether any of the backups found was not taken by Soteria.
func (a Answer) HasOthers() bool {
	return slices.ContainsFunc(a.backups, func(b Backup) bool { return !b.Own })
}

// Doubting returns the same answer with a doubt about which backup is the newest,
// in words for the user. It changes an answer of Found alone: None must not be
// made with a doubt, and an answer of None becomes Unknown.
func (a Answer) Doubting(why error) Answer {
	switch {
	case why == nil || a.certainty == Unknown:
	case a.certainty == None:
		return UnknownBecause(why).WithTold(a.told...)
	default:
		a.doubt = graver(a.doubt, why)
	}
	return a
}

// Doubt returns why the newest backup found may not be the newest that exists;
// nil where it is, and unless the answer is Found. A doubt blocks choosing the
// newest backup; it does not block restoring one that is named by its id.
func (a Answer) Doubt() error { return graver(a.doubt, a.untold) }

// DoubtOfListed is [Answer.Doubt] without what could not be looked at: what speaks
// against the newest backup in the listings that there are.
func (a Answer) DoubtOfListed() error { return a.doubt }

// Untold returns why it could not be looked everywhere for more backups than those that
// were found; nil where it could, and unless the answer is Found.
func (a Answer) Untold() error { return a.untold }

// Unsure returns the same answer where it could not be looked whether there are more
// backups by now. It changes an answer of Found alone; one of None becomes Unknown, and
// keeps its others.
func (a Answer) Unsure(why error) Answer {
	switch {
	case why == nil || a.certainty == Unknown:
	case a.certainty == None:
		unsure := UnknownBecause(why).WithTold(a.told...)
		unsure.others, unsure.othersDoubt = a.others, graver(a.othersDoubt, why)
		return unsure
	default:
		a.untold = lasting(a.untold, why)
	}
	return a
}

// WithOthers returns the same answer with backups that exist under the claim's name
// and say nothing about it, since a cluster took them whose backups are not restored
// here (see [Clusters.Settled]). An answer of Found has them among its backups.
func (a Answer) WithOthers(backups []Backup) Answer {
	if a.certainty == Found {
		found := FoundBackups(slices.Concat(a.unmarked, backups), a.evidence...).Reviewing(a.spans).Doubting(a.doubt)
		found.untold = a.untold
		return found.WithTold(a.told...)
	}
	a.others = slices.SortedFunc(slices.Values(backups), NewestFirst)
	return a
}

// DoubtingOthers returns the same answer with a doubt about which of its others is the
// newest, in words for the user.
func (a Answer) DoubtingOthers(why error) Answer {
	a.othersDoubt = graver(a.othersDoubt, why)
	return a
}

// OthersDoubt returns why the newest of [Answer.Others] may not be the newest that
// exists; nil where it is. It blocks choosing the newest of them, and not one that is
// named by its id.
func (a Answer) OthersDoubt() error { return a.othersDoubt }

// Lost returns the same answer as one of a driver that is lost for good, and without
// which restores go on. Where it could not tell, that proves nothing, and says nothing
// against the backups that other drivers found.
func (a Answer) Lost() Answer {
	a.lost = true
	return a
}

// Others returns the backups that other clusters took under the claim's name,
// newest first; empty where the answer is Found, which has them among its backups.
// They can be restored by a wish that names the cluster or the backup.
func (a Answer) Others() []Backup { return a.others }

// Certainty says which of the three answers this is.
func (a Answer) Certainty() Certainty { return a.certainty }

// Backups gives the backups found, newest first; empty unless Found. The slice
// is shared and must not be changed.
func (a Answer) Backups() []Backup { return a.backups }

// Evidence says which listings the answer rests on; empty when Unknown.
func (a Answer) Evidence() []Evidence { return a.evidence }

// Err says why the answer is Unknown; nil for the other two.
func (a Answer) Err() error {
	if a.certainty != Unknown {
		return nil
	}
	if a.err == nil {
		return &Error{Kind: Unavailable, Message: "nobody has looked for backups yet"}
	}
	return a.err
}

// EvidenceString joins the evidence into one line, as stamped on a claim, with what is
// in doubt.
func (a Answer) EvidenceString() string {
	if a.certainty == Unknown {
		return "unknown: " + Message(a.Err())
	}
	parts := make([]string, 0, len(a.evidence))
	for _, e := range a.evidence {
		parts = append(parts, e.String())
	}
	if doubt := a.Doubt(); doubt != nil {
		parts = append(parts, "in doubt: "+Message(doubt))
	}
	return strings.Join(parts, "; ")
}

// AcceptedAt returns when a person last accepted, in any of the repositories that
// were asked, that backups of the claim are gone; the zero time if no one ever did.
func (a Answer) AcceptedAt() time.Time {
	var last time.Time
	for _, e := range a.evidence {
		if e.AcceptedAt.After(last) {
			last = e.AcceptedAt
		}
	}
	return last
}

// Combine joins the answers of several drivers about one claim. It is Found if any
// driver found backups; a driver that could not tell may hold a newer one, so that
// its reason becomes a doubt about which of them is the newest, unless it is lost for
// good. It is None only if all drivers proved it, the lost ones, too. No answers at all
// prove nothing: Unknown.
func Combine(answers ...Answer) Answer {
	if len(answers) == 0 {
		return UnknownBecause(&Error{Kind: Unavailable, Message: "no driver is configured to look for backups"})
	}
	var (
		backups, others []Backup
		evidence        []Evidence
		// unknown is why a driver could not tell, and untold why one that is not lost.
		unknown, untold    error
		doubt, othersDoubt error
		spans              []Span
	)
	for _, a := range answers {
		unknown = lasting(unknown, a.Err())
		if !a.lost {
			untold = lasting(lasting(untold, a.untold), a.Err())
		}
		if !a.lost && len(a.others) == 0 {
			othersDoubt = graver(othersDoubt, a.Err())
		}
		doubt, othersDoubt = graver(doubt, a.doubt), graver(othersDoubt, a.othersDoubt)
		backups = append(backups, a.unmarked...)
		others = append(others, a.others...)
		evidence = append(evidence, a.evidence...)
		spans = append(spans, a.spans...)
	}
	switch {
	case len(backups) > 0:
		found := FoundBackups(append(backups, others...), evidence...).Reviewing(spans).Doubting(doubt)
		found.untold = untold
		return found
	case unknown != nil:
		return UnknownBecause(unknown).WithOthers(others).DoubtingOthers(othersDoubt)
	case len(others) > 0:
		return ProvedNone(evidence...).WithOthers(others)
	default:
		return ProvedNone(evidence...)
	}
}
