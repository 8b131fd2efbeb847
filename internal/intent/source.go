package intent

import (
	"context"
	"fmt"
	"slices"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Source finds the claim of a namespace that a request means which names none: the one
// that has the backup that it names or, where it names none, the namespace's only claim.
// A bound claim goes before those that exist only as backups. Errors are of kind Invalid
// (field pvc) where more than one may be meant, NotFound where none is, or of the kinds
// that make an answer Unknown.
func (r *Requests) Source(ctx context.Context, namespace string, choice Choice) (backup.Claim, error) {
	if err := (backup.Claim{Namespace: namespace, Name: "any"}).Validate(); err != nil {
		return backup.Claim{}, err
	}
	living, err := r.claims(ctx, namespace)
	if err != nil {
		return backup.Claim{}, err
	}
	if !choice.names() { // a copy to look at is not what is meant
		living = kube.WithoutCopies(ctx, r.Spared, living)
	}
	bound := kube.Bound(living, r.Policy.OwnNamespace)
	if !choice.names() && len(bound) == 1 {
		return bound[0], nil
	}
	orphans, _, untold := r.orphans(namespace, living)
	candidates := slices.Concat(bound, orphans)
	if choice.names() {
		return r.holder(ctx, namespace, candidates, choice, untold)
	}
	switch {
	case len(candidates) < 2 && untold != nil:
		return backup.Claim{}, untold
	case len(candidates) == 0:
		return backup.Claim{}, &backup.Error{Kind: backup.NotFound, Reason: backup.NoBackups, Field: "namespace", Message: fmt.Sprintf(
			"namespace %s has no bound claim, and no backup of a claim in it is known", namespace)}
	case len(bound) == 0 && len(orphans) == 1:
		return orphans[0], nil
	}
	return backup.Claim{}, &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: "pvc", Message: fmt.Sprintf(
		"pvc is missing, and namespace %s has several claims: %s; name one of them, or a backup by its id", namespace, list(namesOf(candidates)))}
}

// holder finds the claim that has the backup which the choice names. Doubt is why there
// may be more candidates; nil where there are none.
func (r *Requests) holder(ctx context.Context, namespace string, candidates []backup.Claim, choice Choice, doubt error) (backup.Claim, error) {
	var holders []backup.Claim
	for _, claim := range candidates {
		answer := r.Catalog.Known(ctx, claim)
		existing := answer.Backups()
		if answer.Certainty() != backup.Found {
			existing = answer.Others()
		}
		if _, found := choice.named(existing); found {
			holders = append(holders, claim)
		} else if answer.Certainty() == backup.Unknown {
			doubt = unknown(claim, answer.Err())
		}
	}
	named := choice.parts(nil, backup.Rules{})[0]
	switch {
	case len(holders) == 1:
		return holders[0], nil
	case len(holders) > 1:
		return backup.Claim{}, &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: "pvc", Message: fmt.Sprintf(
			"pvc is missing, and several claims of namespace %s have a backup that %s means: %s", namespace, named.words, list(namesOf(holders)))}
	case doubt != nil:
		return backup.Claim{}, doubt
	}
	return backup.Claim{}, &backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet, Field: named.field, Message: fmt.Sprintf(
		"no claim of namespace %s has a backup that %s means", namespace, named.words)}
}

func namesOf(claims []backup.Claim) []string {
	names := make([]string, 0, len(claims))
	for _, claim := range claims {
		names = append(names, claim.Name)
	}
	return names
}
