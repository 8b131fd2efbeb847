package intent

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// confirmPatience is how long a restore of the newest backup waits until every backup
// system has told what it has by now.
const confirmPatience = 3 * time.Second

// choose picks the backup for a wish, and returns the answer that it was picked by.
// Which one is the newest is confirmed, unless nothing is to be made. Errors are those of
// [Requests.Restore].
func (r *Requests) choose(ctx context.Context, source backup.Claim, choice Choice, dryRun bool) (backup.Chosen, backup.Answer, error) {
	answer, rules := r.look(ctx, source, choice), r.Policy.RulesNow()
	var notes []string
	if answer.Certainty() == backup.Found && !choice.names() && answer.Untold() == nil && !dryRun {
		answer, notes = r.confirm(ctx, source, rules.Now)
	}
	chosen, err := choice.from(source, answer, rules)
	chosen.Notes = append(chosen.Notes, notes...)
	return chosen, answer, err
}

// confirm returns what every backup system has by now. Where one does not tell that in a
// short while, what is known holds, with notes that say how old that is. It holds as it is
// known then: a backup may have gone or come in the systems that told. Where it does not
// hold any more, every system is asked as for a choice that is not settled, see
// [Requests.look].
func (r *Requests) confirm(ctx context.Context, source backup.Claim, now time.Time) (answer backup.Answer, notes []string) {
	soon, cancel := context.WithTimeout(ctx, confirmPatience)
	defer cancel()
	proof := r.Catalog.Prove(soon, source)
	why := cmp.Or(proof.Err(), proof.Untold())
	if why == nil || backup.KindOf(why) != backup.Unavailable {
		return proof, nil
	}
	known := r.Catalog.Known(ctx, source)
	switch {
	case known.Certainty() != backup.Found:
		return known, nil
	case known.Untold() != nil:
		return r.Catalog.Prove(ctx, source), nil
	}
	return known, unconfirmed(known.Told(), proof.Told(), why, now)
}

// unconfirmed says of each system how old the list is that was gone by, where it could not
// tell by now whether that still holds.
func unconfirmed(known, proof []backup.Told, why error, now time.Time) []string {
	settled := make(map[string]bool, len(proof))
	for _, told := range proof {
		settled[told.Driver] = told.Certainty != backup.Unknown && told.Why == nil
	}
	var notes []string
	for _, told := range known {
		if settled[told.Driver] || told.ListedAt.IsZero() {
			continue
		}
		age := ""
		if !now.IsZero() {
			age = fmt.Sprintf(", %s ago,", max(now.Sub(told.ListedAt), 0).Round(time.Second))
		}
		notes = append(notes, fmt.Sprintf("the %s backups were listed at %s%s and a newer one may exist, since it could not be looked in time: %s; to be sure, ask again later",
			told.Driver, told.ListedAt.UTC().Format(time.RFC3339), age, backup.Message(cmp.Or(told.Why, why))))
	}
	return notes
}
