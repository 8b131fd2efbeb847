package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// rule looks at the facts and either decides or leaves it to the next one.
type rule func(Facts) (Verdict, bool)

// withoutAnswer are the rules that need no knowledge of backups. First match
// wins.
var withoutAnswer = []rule{
	notOurs,
	alreadyHasAVolume,
	invalidMode,
	skipNeedsReason,
	skipped,
	crossNamespace,
	restoreMissing,
	generatedName,
	invalidSelection,
}

// withAnswer are the rules that go by the catalog's answer. First match wins.
var withAnswer = []rule{
	newestInDoubt,
	lookedUp,
	unrestorable,
	found,
	selectionNotFound,
	noneChosen,
	sourceHasNone,
	promised,
	requiredWithNone,
	provedNone,
	checking,
	unknown,
}

// NeedsAnswer reports whether the verdict depends on the catalog's answer, so
// that nobody asks for one in vain.
func NeedsAnswer(f Facts) bool {
	_, decided := first(withoutAnswer, f)
	return !decided
}

// Decide gives the verdict for a claim. Same facts, same verdict; it never
// fails, since "could not tell" is one of the facts.
func Decide(f Facts) Verdict {
	if v, decided := first(withoutAnswer, f); decided {
		return v
	}
	if v, decided := first(withAnswer, f); decided {
		return v
	}
	return Verdict{Kind: Hold, Reason: ReasonUnknown, Message: "no rule decided; held to be safe"}
}

func first(rules []rule, f Facts) (Verdict, bool) {
	for _, r := range rules {
		if v, decided := r(f); decided {
			return v, true
		}
	}
	return Verdict{}, false
}

func notOurs(f Facts) (Verdict, bool) {
	switch {
	case f.MadeBySoteria:
		return Verdict{Kind: Ignore, Reason: ReasonMadeBySoteria, Message: "made by Soteria itself"}, true
	case f.Excluded:
		return Verdict{Kind: Ignore, Reason: ReasonExcluded, Message: fmt.Sprintf("Soteria keeps out of namespace %s", f.Claim.Namespace)}, true
	case f.Mode == NotOptedIn && f.ModeProblem == "":
		return Verdict{Kind: Ignore, Reason: ReasonNotOptedIn, Message: "not opted in"}, true
	}
	return Verdict{}, false
}

func alreadyHasAVolume(f Facts) (Verdict, bool) {
	switch {
	case f.VolumeChosen:
		return Verdict{Kind: Ignore, Reason: ReasonVolumeChosen, Message: "the claim names its volume itself"}, true
	case f.ForeignSource:
		return Verdict{Kind: Ignore, Reason: ReasonForeignSource, Message: "the claim's data source is not Soteria's"}, true
	}
	return Verdict{}, false
}

func invalidMode(f Facts) (Verdict, bool) {
	if f.ModeProblem == "" {
		return Verdict{}, false
	}
	return Verdict{Kind: Deny, Reason: ReasonInvalidMode, Message: f.ModeProblem}, true
}

func skipNeedsReason(f Facts) (Verdict, bool) {
	if f.Mode != Skip || f.SkipReason != "" {
		return Verdict{}, false
	}
	return Verdict{Kind: Deny, Reason: ReasonSkipNeedsReason, Message: "label soteria.dev/restore=skip lets the claim start empty and needs a reason: " +
		`add the annotation soteria.dev/skip-reason: "<why>"`}, true
}

func skipped(f Facts) (Verdict, bool) {
	if f.Mode != Skip {
		return Verdict{}, false
	}
	return Verdict{Kind: Fresh, Reason: ReasonSkipped, Message: "starts empty as asked: " + f.SkipReason}, true
}

func crossNamespace(f Facts) (Verdict, bool) {
	if f.SelectionProblem != "" || f.Source.Namespace == f.Claim.Namespace || f.CrossNamespaceAllowed {
		return Verdict{}, false
	}
	return Verdict{Kind: Deny, Reason: ReasonCrossNamespace, Message: fmt.Sprintf(
		"restoring the backup of %s into namespace %s is not allowed: backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true",
		f.Source, f.Claim.Namespace)}, true
}

// restoreMissing holds a claim whose wish cannot be read: its Restore may be on its
// way, and ask for another backup than the newest.
func restoreMissing(f Facts) (Verdict, bool) {
	if f.MissingRestore == "" {
		return Verdict{}, false
	}
	return Verdict{Kind: Hold, Reason: ReasonRestoreMissing, Message: fmt.Sprintf(
		"the Restore %s/%s that the claim refers to does not exist, so it is not known which backup is wanted; apply that Restore (with an empty spec for the newest backup), "+
			"or delete the claim and create it again without the dataSourceRef", f.Claim.Namespace, f.MissingRestore)}, true
}

// generatedName holds only while the claim would get its own data back: one
// that asks for another claim's backup, or for a certain one, has a backup to wait
// for.
func generatedName(f Facts) (Verdict, bool) {
	if f.Claim.Name != "" || f.SelectionProblem != "" || f.Source != f.Claim || !f.Selector.IsZero() {
		return Verdict{}, false
	}
	return Verdict{Kind: Fresh, Reason: ReasonGeneratedName, Message: "a claim that has never had a name has no backup"}, true
}

func invalidSelection(f Facts) (Verdict, bool) {
	if f.SelectionProblem == "" {
		return Verdict{}, false
	}
	return Verdict{Kind: Hold, Reason: ReasonInvalidSelection, Message: f.SelectionProblem}, true
}

// lookedUp decides where the backup that is wanted is of a driver that restores
// nothing. A populator goes by its own settings, so it is left to restore only
// what it would choose: the newest backup of the claim's own.
func lookedUp(f Facts) (Verdict, bool) {
	chosen, err := choose(f)
	if err != nil || !slices.Contains(f.LookedUp, chosen.Backup.Driver) {
		return Verdict{}, false
	}
	b := chosen.Backup
	what := describe(b)
	switch newestOfItsOwn := f.Selector.IsZero() && f.Source == f.Claim; {
	case f.Populator == Populator{}:
		return Verdict{Kind: Hold, Reason: ReasonNobodyRestores, Message: fmt.Sprintf(
			"nobody can restore %s: Soteria only looks such backups up. Name what restores them in SOTERIA_RESTORE_REF and make the claim anew, "+
				"or choose another backup with the annotation soteria.dev/restore-backup", what)}, true
	case !newestOfItsOwn:
		return Verdict{Kind: Hold, Reason: ReasonNobodyRestores, Message: fmt.Sprintf(
			"nobody can restore %s: %s restores the newest backup of the claim's own and no other", what, f.Populator)}, true
	case !newestOfDriver(b, f.Answer.Backups()):
		return Verdict{Kind: Hold, Reason: ReasonNobodyRestores, Message: fmt.Sprintf(
			"nobody can restore %s: %s would restore a newer one (%s)", what, f.Populator, strings.Join(chosen.Notes, "; "))}, true
	default:
		return Verdict{Kind: Refer, Reason: ReasonReferred, Backup: b, Populator: f.Populator, Message: fmt.Sprintf(
			"will be restored by %s, from %s or a newer one", f.Populator, what)}, true
	}
}

func newestOfDriver(chosen backup.Backup, backups []backup.Backup) bool {
	at := slices.IndexFunc(backups, func(b backup.Backup) bool { return b.Driver == chosen.Driver })
	return at >= 0 && backups[at].ID == chosen.ID
}

// unrestorable holds where the backup that is wanted exists and cannot be restored.
// An older one is not taken in its place: it would bring old data back unasked.
func unrestorable(f Facts) (Verdict, bool) {
	chosen, err := choose(f)
	if err != nil || chosen.Backup.Unrestorable == "" {
		return Verdict{}, false
	}
	other := "no other backup of it can be restored"
	if at := slices.IndexFunc(candidates(f.Answer), func(b backup.Backup) bool { return b.Unrestorable == "" }); at >= 0 {
		next := candidates(f.Answer)[at]
		other = fmt.Sprintf("choose another with the annotation soteria.dev/restore-backup, such as %s, taken %s", backup.ShortID(next.ID), next.TakenAt.UTC().Format(time.RFC3339))
	}
	return Verdict{Kind: Hold, Reason: ReasonUnrestorable, Message: fmt.Sprintf(
		"%s, cannot be restored: %s; %s", describe(chosen.Backup), chosen.Backup.Unrestorable, other)}, true
}

func found(f Facts) (Verdict, bool) {
	chosen, err := choose(f)
	if err != nil {
		return Verdict{}, false
	}
	notes := chosen.Notes
	if newer := newerOfItsOwn(f, chosen.Backup); newer != "" {
		notes = append(notes, newer)
	}
	if settledLater(f) && f.Selector.ID == "" {
		notes = append(notes, "whether there is a newer one is settled before it is restored: "+backup.Message(f.Answer.Doubt()))
	}
	return Verdict{Kind: Restore, Reason: ReasonBackupFound, Backup: chosen.Backup, Notes: notes, Message: noted(
		"will be restored from "+describe(chosen.Backup), notes)}, true
}

// selectionNotFound holds what asks for something that does not exist: an id, a
// time or a cluster.
func selectionNotFound(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() == backup.Unknown || f.Selector.IsZero() {
		return Verdict{}, false
	}
	_, err := f.Rules.Choose(f.Selector, candidates(f.Answer))
	return Verdict{Kind: Hold, Reason: ReasonSelectionNotFound, Message: noted(fmt.Sprintf(
		"no backup of %s is chosen: %s; correct or remove the annotation soteria.dev/restore-as-of, soteria.dev/restore-backup or soteria.dev/restore-from",
		f.Source, backup.Message(err)), ofItsOwn(f))}, true
}

// noneChosen holds a claim whose backups exist and are all of a sort that is not
// chosen by itself.
func noneChosen(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.Found {
		return Verdict{}, false
	}
	_, err := f.Rules.Choose(f.Selector, f.Answer.Backups())
	return Verdict{Kind: Hold, Reason: ReasonNoneChosen, Message: noted(fmt.Sprintf(
		"no backup of %s is chosen: %s", f.Source, backup.Message(err)), ofItsOwn(f))}, true
}

// sourceHasNone holds a claim that asks for another's backup where there is none:
// the name may be mistyped, or the wish be older than the loss of the backups.
func sourceHasNone(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.None || f.Source == f.Claim {
		return Verdict{}, false
	}
	return Verdict{Kind: Hold, Reason: ReasonSourceHasNone, Message: noted(fmt.Sprintf(
		"no backup of %s exists, which the claim asks for; correct or remove the annotation soteria.dev/restore-from or the Restore's spec.source",
		f.Source), ofItsOwn(f))}, true
}

func requiredWithNone(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.None || f.Mode != Required {
		return Verdict{}, false
	}
	return Verdict{Kind: Hold, Reason: ReasonRequiredNone, Message: fmt.Sprintf(
		"no backup found of %s and a restore is required; label the claim soteria.dev/restore=skip and annotate soteria.dev/skip-reason to start empty", f.Source)}, true
}

func provedNone(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.None {
		return Verdict{}, false
	}
	var notes []string
	if others := f.Answer.Others(); len(others) > 0 {
		notes = append(notes, fmt.Sprintf("%d of other clusters do, the newest of %s; SOTERIA_RESTORE_CLUSTERS lists none of these clusters",
			len(others), describe(others[0])))
	}
	return Verdict{Kind: Fresh, Reason: ReasonProvedNone, Notes: notes, Message: noted(fmt.Sprintf("no backup of %s exists", f.Source), notes)}, true
}

// checking holds a claim while the look for its backups takes its usual time: nothing
// went wrong, and nothing has to be done.
func checking(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.Unknown || !backup.IsNotYet(f.Answer.Err()) {
		return Verdict{}, false
	}
	kind, then := Hold, "starts in seconds"
	if f.DenyUnknown {
		kind, then = Deny, "apply it again in some seconds"
	}
	return Verdict{Kind: kind, Reason: ReasonChecking, Message: fmt.Sprintf(
		"checking for backups of %s, %s (%s)", f.Source, then, backup.Message(f.Answer.Err()))}, true
}

func unknown(f Facts) (Verdict, bool) {
	if f.Answer.Certainty() != backup.Unknown {
		return Verdict{}, false
	}
	kind, remedy := Hold, "the claim waits and is restored by itself once that is mended"
	if f.DenyUnknown {
		kind, remedy = Deny, "apply it again once that is mended"
	}
	return Verdict{Kind: kind, Reason: ReasonUnknown, Message: fmt.Sprintf(
		"could not tell whether backups of %s exist: %s; %s", f.Source, backup.Message(f.Answer.Err()), remedy)}, true
}
