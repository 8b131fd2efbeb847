package decision

import (
	"fmt"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// newestInDoubt holds a claim of which backups are known while a newer one may exist:
// it would come back old. A backup that is named by its id is restored nevertheless.
func newestInDoubt(f Facts) (Verdict, bool) {
	doubt := f.Answer.Doubt()
	if f.Answer.Certainty() != backup.Found || doubt == nil || f.Selector.ID != "" || namesAnother(f) && backup.IsOfClusters(doubt) || settledLater(f) {
		return Verdict{}, false
	}
	newest := f.Answer.Backups()[0]
	kind, remedy := Hold, "the claim waits and is restored by itself once that is settled"
	if f.DenyUnknown && f.Populator != (Populator{}) {
		// A lock cannot be handed on to a populator once more is known.
		kind, remedy = Deny, "apply it again once that is settled"
	}
	return Verdict{Kind: kind, Reason: ReasonNewestInDoubt, Message: fmt.Sprintf(
		"backups of %s exist (%d), but the newest that is known, the %s backup %s taken %s, may not be the newest there is: %s; %s. "+
			"To restore that one nevertheless, annotate the claim soteria.dev/restore-backup: %q",
		f.Source, len(f.Answer.Backups()), newest.Driver, backup.ShortID(newest.ID), newest.TakenAt.UTC().Format(time.RFC3339),
		backup.Message(doubt), remedy, backup.ShortID(newest.ID))}, true
}

// settledLater reports whether what is in doubt does not matter to a verdict that only
// locks the claim: a backup that Soteria can restore is known, nothing in the listings
// speaks against it, and it is judged again once the other systems can tell whether they
// have a newer one. A claim that may be left to a populator is not locked, and not judged
// again.
func settledLater(f Facts) bool {
	if !f.Provisional || f.Answer.Doubt() == nil || f.Answer.DoubtOfListed() != nil || f.Populator != (Populator{}) {
		return false
	}
	chosen, err := choose(f)
	return err == nil && chosen.Backup.Unrestorable == "" && !slices.Contains(f.LookedUp, chosen.Backup.Driver)
}

// namesAnother reports whether the wish names a cluster other than this one.
func namesAnother(f Facts) bool {
	return f.Selector.Cluster != "" && f.Selector.Cluster != f.Rules.Clusters.Own
}

// promised holds a claim that was to be restored and of which no backup is left,
// until a person accepts that since the claim was made.
func promised(f Facts) (Verdict, bool) {
	accepted := f.Answer.AcceptedAt()
	settled := !accepted.IsZero() && !accepted.Before(f.PromisedAt)
	if f.Promised == "" || f.Answer.Certainty() != backup.None || settled {
		return Verdict{}, false
	}
	return Verdict{Kind: Hold, Reason: ReasonBackupMissing, Message: fmt.Sprintf(
		"a backup of %s was found when the claim was made (%s), and none is there now: bring it back, or accept that it is gone with: "+
			"%s; or label the claim soteria.dev/restore=skip with a reason",
		f.Source, f.Promised, backup.Command("soteria", "repository", "accept", "--claim", f.Source.String()))}, true
}
