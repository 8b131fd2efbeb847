package intent

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// NamespaceWish asks for restores of all claims of a namespace.
type NamespaceWish struct {
	Namespace string
	// TargetNamespace is where the targets are made, and TargetPrefix begins
	// their names: <prefix><name of the source>.
	TargetNamespace string
	TargetPrefix    string
	Choice          Choice
	// Orphans wants also the claims that exist only as backups.
	Orphans     bool
	RequestedBy string
	DryRun      bool
}

// Plan is what a [NamespaceWish] comes down to.
type Plan struct {
	// Wishes are the single restores, by name of the source.
	Wishes []Wish
	// Conflicts say which of the wishes cannot be. If there are any, none should
	// be carried out.
	Conflicts []Conflict
	// Warnings say why there may be more claims than were found.
	Warnings []string
}

// Conflict is a wish that cannot be, and why.
type Conflict struct {
	Wish Wish
	Err  error
}

// Plan finds what a wish for a namespace comes down to: a wish for each bound
// claim and, if asked for, each claim that exists only as backups. It changes
// nothing. Errors are of kind Invalid, NotFound (no such namespace, or nothing in
// it to restore), Denied or Unavailable.
func (r *Requests) Plan(ctx context.Context, asked NamespaceWish) (Plan, error) {
	if err := asked.validate(); err != nil {
		return Plan{}, err
	}
	// The verdict on a claim that has a good name whatever the prefix is.
	probe := Wish{Source: backup.Claim{Namespace: asked.Namespace, Name: "any"}, Target: backup.Claim{Namespace: asked.TargetNamespace, Name: "any"}}
	if err := r.allowed(ctx, probe); err != nil {
		return Plan{}, err
	}
	claims, err := r.claims(ctx, asked.Namespace)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	sources := kube.Bound(claims, r.Policy.OwnNamespace)
	if asked.Orphans {
		orphans, doubt, err := r.orphans(asked.Namespace, claims)
		if err != nil {
			return Plan{}, err
		}
		sources, plan.Warnings = append(sources, orphans...), doubt
	}
	if len(sources) == 0 {
		return Plan{}, nothingToRestore(asked)
	}
	taken := claims
	if asked.TargetNamespace != asked.Namespace {
		if taken, err = r.claims(ctx, asked.TargetNamespace); err != nil {
			return Plan{}, err
		}
	}
	plan.Wishes = asked.wishes(sources)
	plan.Conflicts = conflicts(plan.Wishes, taken)
	return plan, nil
}

func (a NamespaceWish) validate() error {
	if err := (backup.Claim{Namespace: a.Namespace, Name: "any"}).Validate(); err != nil {
		return err
	}
	if err := validTarget(backup.Claim{Namespace: a.TargetNamespace, Name: "any"}); err != nil {
		return err
	}
	return a.Choice.validate()
}

func nothingToRestore(asked NamespaceWish) error {
	if asked.Orphans {
		return backup.Errorf(backup.NotFound, "namespace %s has no bound claim, and no backup of a claim in it is known", asked.Namespace)
	}
	return &backup.Error{Kind: backup.NotFound, Field: "namespace", Message: "namespace " + asked.Namespace +
		" has no bound claim; with include_orphans the claims that exist only as backups are restored too"}
}

// claims reads the claims of a namespace; none where there is no such namespace.
func (r *Requests) claims(ctx context.Context, namespace string) ([]corev1.PersistentVolumeClaim, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := r.Reader.List(ctx, &claims, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the claims of namespace %s: %w", namespace, err)
	}
	return claims.Items, nil
}

// orphans gives the claims of a namespace that exist only as backups.
func (r *Requests) orphans(namespace string, living []corev1.PersistentVolumeClaim) (orphans []backup.Claim, doubt []string, err error) {
	known, doubt, err := r.BackedUp(namespace)
	if err != nil {
		return nil, nil, err
	}
	return slices.DeleteFunc(known, func(c backup.Claim) bool {
		return slices.ContainsFunc(living, func(l corev1.PersistentVolumeClaim) bool { return l.Name == c.Name })
	}), doubt, nil
}

func (a NamespaceWish) wishes(sources []backup.Claim) []Wish {
	wishes := make([]Wish, 0, len(sources))
	for _, source := range sources {
		wishes = append(wishes, Wish{
			Source: source, Choice: a.Choice, Target: backup.Claim{Namespace: a.TargetNamespace, Name: a.TargetPrefix + source.Name},
			RequestedBy: a.RequestedBy, DryRun: a.DryRun,
		})
	}
	slices.SortFunc(wishes, func(x, y Wish) int { return cmp.Compare(x.Source.Name, y.Source.Name) })
	return wishes
}

// conflicts finds the targets that Kubernetes would refuse, that exist, or that
// two sources share.
func conflicts(wishes []Wish, taken []corev1.PersistentVolumeClaim) []Conflict {
	existing := make(map[string]bool, len(taken))
	for i := range taken {
		existing[taken[i].Name] = true
	}
	firstFor := make(map[backup.Claim]backup.Claim, len(wishes))
	var found []Conflict
	for _, wish := range wishes {
		other, shared := firstFor[wish.Target]
		if !shared {
			firstFor[wish.Target] = wish.Source
		}
		switch err := validTarget(wish.Target); {
		case err != nil:
			found = append(found, Conflict{wish, err})
		case existing[wish.Target.Name]:
			found = append(found, Conflict{wish, exists(wish.Target)})
		case shared:
			found = append(found, Conflict{wish, &backup.Error{Kind: backup.Conflict, Field: "target_pvc",
				Message: "claim " + wish.Target.String() + " is the target of " + other.String() + " too"}})
		}
	}
	return found
}
