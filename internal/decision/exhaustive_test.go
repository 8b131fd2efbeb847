//go:build !race

package decision_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// These try every combination of facts, one after another. A single goroutine has no race,
// and watched for one it takes ten times as long: make unit runs them apart.

// known is what is known of a claim's backups, now and when it was admitted.
type known struct {
	answer      backup.Answer
	promised    string
	provisional bool
}

// everything is all that makes a difference of what may be known of a claim's backups.
var everything = []known{
	{answer: partly, provisional: true}, {answer: partlyForeign, provisional: true}, {answer: waiting},
	{answer: found}, {answer: foreign}, {answer: none}, {answer: unknown}, {answer: unchoosable}, {answer: others},
	{answer: unrestorable(found, 0)},
	{answer: doubted}, {answer: doubtedForeign, promised: "Restore"}, {answer: none, promised: "Restore"}, {answer: accepted, promised: "Restore"},
}

// everyCombination yields every combination of facts, each fact in every value
// that makes a difference, with each of what may be known.
func everyCombination(what []known) iter.Seq[decision.Facts] {
	return func(yield func(decision.Facts) bool) {
		combine([]func(decision.Facts) []decision.Facts{
			of(func(f *decision.Facts, v decision.Mode) { f.Mode = v }, decision.NotOptedIn, decision.Auto, decision.Required, decision.Skip),
			of(func(f *decision.Facts, v string) { f.ModeProblem = v }, "", "label not understood"),
			of(func(f *decision.Facts, v bool) { f.Excluded = v }, false, true),
			of(func(f *decision.Facts, v bool) { f.MadeBySoteria = v }, false, true),
			of(func(f *decision.Facts, v bool) { f.VolumeChosen = v }, false, true),
			of(func(f *decision.Facts, v bool) { f.ForeignSource = v }, false, true),
			of(func(f *decision.Facts, v string) { f.SkipReason = v }, "", "scratch"),
			of(func(f *decision.Facts, v backup.Claim) { f.Claim, f.Source = v, v }, photos, unnamed),
			func(f decision.Facts) []decision.Facts {
				other, elsewhere := f, f
				other.Source, elsewhere.Source = music, wiki
				return []decision.Facts{f, other, elsewhere}
			},
			of(func(f *decision.Facts, v bool) { f.CrossNamespaceAllowed = v }, false, true),
			of(func(f *decision.Facts, v backup.Selector) { f.Selector = v }, anything, theOldest, noSuchThing, theAttics),
			func(f decision.Facts) []decision.Facts {
				unclear, missing := f, f
				unclear.SelectionProblem, missing.MissingRestore = "wish not understood", "mine"
				return []decision.Facts{f, unclear, missing}
			},
			of(func(f *decision.Facts, v bool) { f.DenyUnknown = v }, false, true),
			of(func(f *decision.Facts, v []string) { f.LookedUp = v }, nil, []string{"s3"}),
			of(func(f *decision.Facts, v decision.Populator) { f.Populator = v }, decision.Populator{}, volsync),
			of(func(f *decision.Facts, v known) {
				f.Answer, f.Promised, f.PromisedAt, f.Provisional = v.answer, v.promised, admitted, v.provisional
			}, what...),
		}, decision.Facts{Rules: rules}, yield)
	}
}

func of[T any](set func(*decision.Facts, T), values ...T) func(decision.Facts) []decision.Facts {
	return func(f decision.Facts) []decision.Facts {
		all := make([]decision.Facts, 0, len(values))
		for _, v := range values {
			changed := f
			set(&changed, v)
			all = append(all, changed)
		}
		return all
	}
}

func combine(choices []func(decision.Facts) []decision.Facts, f decision.Facts, yield func(decision.Facts) bool) bool {
	if len(choices) == 0 {
		return yield(f)
	}
	for _, changed := range choices[0](f) {
		if !combine(choices[1:], changed, yield) {
			return false
		}
	}
	return true
}

// choice is what the rules choose, if they choose anything.
type choice struct {
	backup.Backup
	selected bool
}

// choose returns what the rules choose for the facts.
func choose(f decision.Facts) choice {
	among := f.Answer.Backups()
	if f.Answer.Certainty() == backup.None {
		among = f.Answer.Others()
	}
	chosen, err := f.Rules.Choose(f.Selector, among)
	return choice{chosen.Backup, err == nil && f.Answer.Certainty() != backup.Unknown}
}

// onlyLocks reports whether a verdict of Restore only locks a claim, for a backup that
// Soteria can restore and of which it is judged again whether it is the newest.
func onlyLocks(f decision.Facts, chosen choice) bool {
	restorable := chosen.selected && chosen.Unrestorable == "" && !slices.Contains(f.LookedUp, chosen.Driver)
	return f.Provisional && restorable && f.Answer.Doubt() != nil && f.Answer.DoubtOfListed() == nil && f.Populator == decision.Populator{}
}

// table is the table of verdicts, written a second time: row by row, the first
// that matches wins.
func table(f decision.Facts, chosen choice) (decision.Kind, decision.Reason) {
	selected := chosen.selected
	certainty := f.Answer.Certainty()
	lookedUp := selected && slices.Contains(f.LookedUp, chosen.Driver)
	referred := f.Populator != decision.Populator{} && f.Selector.IsZero() && f.Source == f.Claim
	rows := []struct {
		when   bool
		kind   decision.Kind
		reason decision.Reason
	}{
		{f.MadeBySoteria, decision.Ignore, decision.ReasonMadeBySoteria},
		{f.Excluded, decision.Ignore, decision.ReasonExcluded},
		{f.Mode == decision.NotOptedIn && f.ModeProblem == "", decision.Ignore, decision.ReasonNotOptedIn},
		{f.VolumeChosen, decision.Ignore, decision.ReasonVolumeChosen},
		{f.ForeignSource, decision.Ignore, decision.ReasonForeignSource},
		{f.ModeProblem != "", decision.Deny, decision.ReasonInvalidMode},
		{f.Mode == decision.Skip && f.SkipReason == "", decision.Deny, decision.ReasonSkipNeedsReason},
		{f.Mode == decision.Skip, decision.Fresh, decision.ReasonSkipped},
		{f.SelectionProblem == "" && f.Source.Namespace != f.Claim.Namespace && !f.CrossNamespaceAllowed, decision.Deny, decision.ReasonCrossNamespace},
		{f.MissingRestore != "", decision.Hold, decision.ReasonRestoreMissing},
		{f.SelectionProblem == "" && f.Claim.Name == "" && f.Source == f.Claim && f.Selector.IsZero(), decision.Fresh, decision.ReasonGeneratedName},
		{f.SelectionProblem != "", decision.Hold, decision.ReasonInvalidSelection},
		{onlyLocks(f, chosen) && f.Selector.ID == "" && selected, decision.Restore, decision.ReasonBackupFound},
		{f.Answer.Doubt() != nil && f.Selector.ID == "" && f.DenyUnknown && f.Populator != decision.Populator{}, decision.Deny, decision.ReasonNewestInDoubt},
		{f.Answer.Doubt() != nil && f.Selector.ID == "", decision.Hold, decision.ReasonNewestInDoubt},
		{lookedUp && referred, decision.Refer, decision.ReasonReferred},
		{lookedUp, decision.Hold, decision.ReasonNobodyRestores},
		{selected && chosen.Unrestorable != "", decision.Hold, decision.ReasonUnrestorable},
		{selected, decision.Restore, decision.ReasonBackupFound},
		{certainty != backup.Unknown && !f.Selector.IsZero(), decision.Hold, decision.ReasonSelectionNotFound},
		{certainty == backup.Found, decision.Hold, decision.ReasonNoneChosen},
		{certainty == backup.None && f.Source != f.Claim, decision.Hold, decision.ReasonSourceHasNone},
		{certainty == backup.None && f.Promised != "" && f.Answer.AcceptedAt().IsZero(), decision.Hold, decision.ReasonBackupMissing},
		{certainty == backup.None && f.Mode == decision.Required, decision.Hold, decision.ReasonRequiredNone},
		{certainty == backup.None, decision.Fresh, decision.ReasonProvedNone},
		{backup.IsNotYet(f.Answer.Err()) && f.DenyUnknown, decision.Deny, decision.ReasonChecking},
		{backup.IsNotYet(f.Answer.Err()), decision.Hold, decision.ReasonChecking},
		{certainty == backup.Unknown && f.DenyUnknown, decision.Deny, decision.ReasonUnknown},
		{certainty == backup.Unknown, decision.Hold, decision.ReasonUnknown},
	}
	for _, row := range rows {
		if row.when {
			return row.kind, row.reason
		}
	}
	return decision.Hold, ""
}

func TestEveryCombinationOfFactsGetsTheTablesVerdict(t *testing.T) {
	combinations := 0
	reasons := make(map[decision.Reason]int)
	for f := range everyCombination(everything) {
		combinations++
		v := decision.Decide(f)
		reasons[v.Reason]++
		chosen := choose(f)
		kind, reason := table(f, chosen)
		if v.Kind != kind || v.Reason != reason {
			t.Fatalf("%+v: got %s (%s), the table says %s (%s)", f, v.Kind, v.Reason, kind, reason)
		}
		if problem := unsafe(f, chosen, v); problem != "" {
			t.Fatalf("%+v: %s (%s): %s", f, v.Kind, v.Reason, problem)
		}
	}
	assert.Equal(t, 4_128_768, combinations)
	assert.Len(t, reasons, 25, "every reason is given for something")
}

// unsafe says what is wrong with a verdict, whatever the table says: what must
// never happen to a claim, stated without regard to the order of rules.
func unsafe(f decision.Facts, chosen choice, v decision.Verdict) string {
	foreign := slices.Contains(f.LookedUp, chosen.Driver)
	ours := !f.MadeBySoteria && !f.Excluded && !f.VolumeChosen && !f.ForeignSource && (f.Mode != decision.NotOptedIn || f.ModeProblem != "")
	onPurpose := f.Mode == decision.Skip && f.SkipReason != ""
	neverNamed := f.Claim.Name == "" && f.Source == f.Claim && f.Selector.IsZero() && f.MissingRestore == ""
	provedEmpty := f.Answer.Certainty() == backup.None && f.Mode == decision.Auto && f.Selector.IsZero() && f.SelectionProblem == "" && f.Source == f.Claim && f.MissingRestore == ""
	crosses := f.Source.Namespace != f.Claim.Namespace && !f.CrossNamespaceAllowed
	switch {
	case v.Message == "":
		return "the user is not told why"
	case v.Kind == decision.Ignore && ours:
		return "a protected claim is left alone"
	case v.Kind != decision.Ignore && !ours:
		return "a claim that is none of our business is not left alone"
	case v.Kind == decision.Fresh && !onPurpose && !neverNamed && !provedEmpty:
		return "a claim starts empty while a backup of it may exist"
	case v.Kind == decision.Restore && (f.Answer.Certainty() == backup.Unknown || !chosen.selected):
		return "a claim is restored from a backup that nobody found"
	case v.Kind == decision.Fresh && !onPurpose && !neverNamed && f.Promised != "" && f.Answer.AcceptedAt().IsZero():
		return "a claim starts empty that was to be restored, and no one accepted that"
	case (v.Kind == decision.Restore && !onlyLocks(f, chosen) || v.Kind == decision.Refer) && f.Answer.Doubt() != nil && f.Selector.ID == "":
		return "a claim is given a backup that may not be the newest"
	case v.Kind == decision.Restore && chosen.Unrestorable != "":
		return "a claim is given a backup that cannot be restored"
	case v.Kind == decision.Restore && crosses:
		return "a backup crosses namespaces though that is not allowed"
	case v.Kind == decision.Restore && f.SelectionProblem != "":
		return "a wish that was not understood is taken for the newest"
	case v.Kind == decision.Restore && foreign:
		return "a claim is restored by nobody"
	case v.Kind == decision.Refer && (!foreign || f.Answer.Certainty() != backup.Found || f.Source != f.Claim || !f.Selector.IsZero() || f.SelectionProblem != ""):
		return "a claim is left to a populator that would not restore what is wanted"
	case (v.Kind == decision.Refer) != (v.Populator != decision.Populator{}):
		return "a populator is named exactly for the verdict Refer"
	case (v.Kind == decision.Restore || v.Kind == decision.Refer) != (v.Backup.ID != ""):
		return "a backup is named exactly for the verdicts Restore and Refer"
	case v.Kind == decision.Restore && f.Selector == theOldest && v.Backup.ID != oldest.ID, v.Kind == decision.Restore && f.Selector == theAttics && v.Backup.ID != ofAttic.ID:
		return "another backup than the one asked for"
	case v.Kind == decision.Restore && f.Selector.ID == "" && (v.Backup.ID == dreamt.ID || v.Backup.ID == voided.ID):
		return "a backup is chosen by itself that must not be"
	}
	return ""
}

func TestNobodyIsAskedInVainAndNobodyIsNotAsked(t *testing.T) {
	// Whatever the answer is, these are the ways in which the rest of what is known differs.
	for f := range everyCombination([]known{{}, {promised: "Restore"}, {provisional: true}}) {
		var verdicts [3]decision.Verdict
		for i, answer := range []backup.Answer{found, none, unknown} {
			f.Answer = answer
			verdicts[i] = decision.Decide(f)
		}
		depends := verdicts[0].Reason != verdicts[1].Reason || verdicts[1].Reason != verdicts[2].Reason
		if depends != decision.NeedsAnswer(f) {
			t.Fatalf("%+v: needs an answer: %v, but the verdicts are %v", f, decision.NeedsAnswer(f), verdicts)
		}
	}
}
