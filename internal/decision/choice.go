package decision

import (
	"fmt"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// NeedsOwn reports whether the verdict tells of the claim's own backups, because it
// goes by those of another claim.
func NeedsOwn(f Facts) bool {
	return f.Source != f.Claim && f.Claim.Name != "" && NeedsAnswer(f)
}

// candidates are the backups that a wish is chosen from. Those of other clusters
// are among them: the rules choose them only for a wish that asks for them.
func candidates(answer backup.Answer) []backup.Backup {
	if answer.Certainty() == backup.Found {
		return answer.Backups()
	}
	return answer.Others()
}

// choose picks the backup that is wanted. Where the answer is Unknown it fails, unless
// another cluster's backups are known and the wish names one by its id, or that cluster
// and its newest is not in doubt.
func choose(f Facts) (backup.Chosen, error) {
	named := f.Selector.ID != "" || namesAnother(f) && f.Answer.OthersDoubt() == nil
	if f.Answer.Certainty() == backup.Unknown && (!named || len(f.Answer.Others()) == 0) {
		return backup.Chosen{}, f.Answer.Err()
	}
	chosen, err := f.Rules.Choose(f.Selector, candidates(f.Answer))
	if err != nil {
		return backup.Chosen{}, fmt.Errorf("choose a backup of %s: %w", f.Source, err)
	}
	return chosen, nil
}

// own is what is known of the claim's own backups.
func own(f Facts) backup.Answer {
	if f.Source == f.Claim {
		return f.Answer
	}
	return f.Own
}

// asksElsewhere reports whether the claim asks for data that is not its own.
func asksElsewhere(f Facts) bool {
	return f.Claim.Name != "" && (f.Source != f.Claim || f.Selector.Cluster != "")
}

// newerOfItsOwn says that the claim's own newest backup is newer than the one that
// was chosen from elsewhere; empty where it is not.
func newerOfItsOwn(f Facts, chosen backup.Backup) string {
	if !asksElsewhere(f) {
		return ""
	}
	newest, err := f.Rules.Choose(backup.Selector{}, own(f).Backups())
	if err != nil || !newest.Backup.TakenAt.After(chosen.TakenAt) {
		return ""
	}
	return fmt.Sprintf("the claim's own newest backup is newer: %s; remove the annotation soteria.dev/restore-from to have that one", describe(newest.Backup))
}

// ofItsOwn says what the claim itself has, where it asks for data from elsewhere
// that is not there.
func ofItsOwn(f Facts) []string {
	if !asksElsewhere(f) {
		return nil
	}
	answer := own(f)
	switch answer.Certainty() {
	case backup.None:
		return []string{fmt.Sprintf("%s itself has no backup", f.Claim)}
	case backup.Unknown:
		return []string{fmt.Sprintf("could not tell whether %s itself has backups: %s", f.Claim, backup.Message(answer.Err()))}
	case backup.Found:
	}
	return []string{fmt.Sprintf("%s itself has %d, the newest of them %s", f.Claim, len(answer.Backups()), describe(answer.Backups()[0]))}
}

// describe names a backup for messages.
func describe(b backup.Backup) string {
	return fmt.Sprintf("the %s backup %s of %s, taken %s", b.Driver, backup.ShortID(b.ID), b.Claim, b.TakenAt.UTC().Format(time.RFC3339))
}

// noted adds notes to a sentence.
func noted(sentence string, notes []string) string {
	return strings.Join(append([]string{sentence}, notes...), "; ")
}
