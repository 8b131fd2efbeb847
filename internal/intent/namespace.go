package intent

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// NamespaceWish asks for restores of the claims of a namespace.
type NamespaceWish struct {
	Namespace string
	// TargetNamespace is where the targets are made, and TargetPrefix begins
	// their names: <prefix><name of the source>.
	TargetNamespace string
	TargetPrefix    string
	// MakeTarget says that the target namespace is made where it does not exist.
	MakeTarget bool
	Choice     Choice
	// Orphans wants also the claims that exist only as backups.
	Orphans bool
	// Claims are the claims that are wanted, orphans or not; empty for all.
	Claims      []ClaimWish
	RequestedBy string
	DryRun      bool
}

// ClaimWish is one claim of a [NamespaceWish].
type ClaimWish struct {
	Name string
	// Snapshot, when not empty, is the claim's own choice, before that of the whole wish:
	// one that names a backup holds in the place of all of it, and [Latest] in the place
	// of the snapshot that it names.
	Snapshot string
	// Target is the name of the claim to make; empty for that by the prefix.
	Target string
}

// Plan is what a [NamespaceWish] comes down to.
type Plan struct {
	// Wishes are the single restores, by name of the source.
	Wishes []Wish
	// Conflicts say which of the wishes cannot be. If there are any, none should
	// be carried out.
	Conflicts []Conflict
	// Orphans are the names of all claims that exist only as backups, wished for or
	// not, as far as that is known.
	Orphans []string
	// TargetMissing is true where the target namespace does not exist yet.
	TargetMissing bool
	// MakeRefused is why Kubernetes would not let Soteria make the target namespace; nil
	// where it would, where that could not be told, and on anything but a dry run.
	MakeRefused error
	// Untold is why claims that are wished for may be missing among the wishes: which
	// exist only as backups could not be told. Nil where that was not asked.
	Untold error
	// Warnings say why there may be more claims than were found.
	Warnings []string
}

// LeftOut returns the orphans that no wish is of.
func (p Plan) LeftOut() []string {
	return slices.DeleteFunc(slices.Clone(p.Orphans), func(name string) bool {
		return slices.ContainsFunc(p.Wishes, func(w Wish) bool { return w.Source.Name == name })
	})
}

// Conflict is a wish that cannot be, and why.
type Conflict struct {
	Wish Wish
	Err  error
}

// Plan finds what a wish for a namespace comes down to: a wish for each bound
// claim and, if asked for or if the namespace does not exist, each claim that exists
// only as backups; or for each of the claims that are named. It changes nothing.
// Errors are of kind Invalid, NotFound (no such namespace, or nothing in it to
// restore), Denied or Unavailable. For a target namespace that does not exist a plan is
// made where the wish is for a dry run or says that it shall be made.
func (r *Requests) Plan(ctx context.Context, asked NamespaceWish) (Plan, error) {
	if err := asked.validate(); err != nil {
		return Plan{}, err
	}
	plan := Plan{}
	var err error
	if plan.TargetMissing, err = r.probe(ctx, asked); err != nil {
		return Plan{}, err
	}
	if plan.TargetMissing && asked.DryRun {
		r.foresee(ctx, asked, &plan)
	}
	claims, err := r.claims(ctx, asked.Namespace)
	if err != nil {
		return Plan{}, err
	}
	sources, err := r.sources(ctx, asked, claims, &plan)
	if err != nil {
		return Plan{}, err
	}
	taken := claims
	if asked.TargetNamespace != asked.Namespace {
		if taken, err = r.claims(ctx, asked.TargetNamespace); err != nil {
			return Plan{}, err
		}
	}
	plan.Wishes = asked.wishes(sources, plan.TargetMissing)
	plan.Conflicts = append(conflicts(plan.Wishes, taken), plan.Conflicts...)
	return plan, nil
}

// probe asks for the verdict on a claim that has a good name whatever the prefix is,
// and reports whether the target namespace is missing.
func (r *Requests) probe(ctx context.Context, asked NamespaceWish) (missing bool, err error) {
	probe := Wish{Source: backup.Claim{Namespace: asked.Namespace, Name: "any"}, Target: backup.Claim{Namespace: asked.TargetNamespace, Name: "any"}}
	err = r.allowed(ctx, probe)
	if backup.ReasonOf(err) != backup.NamespaceMissing || !asked.DryRun && !asked.MakeTarget {
		return false, err
	}
	probe.DryRun, probe.NamespaceToCome = true, true
	return true, r.allowed(ctx, probe)
}

// sources are the claims that are to be restored. What is known of orphans is kept in
// the plan, and claims that were named and do not exist become conflicts there. That
// orphans could not be told keeps no claim that is known from being restored. Copies to
// look at are left out unless they are named: what has backups under the name of one is
// still an orphan.
func (r *Requests) sources(ctx context.Context, asked NamespaceWish, living []corev1.PersistentVolumeClaim, plan *Plan) ([]backup.Claim, error) {
	if len(asked.Claims) == 0 {
		living = kube.WithoutCopies(ctx, r.Spared, living)
	}
	bound := kube.Bound(living, r.Policy.OwnNamespace)
	orphans, doubt, untold := r.orphans(asked.Namespace, living)
	for _, orphan := range orphans {
		plan.Orphans = append(plan.Orphans, orphan.Name)
	}
	if len(asked.Claims) > 0 {
		known := slices.Concat(bound, orphans)
		return asked.named(known, living, untold != nil || len(doubt) > 0, plan), nil //nolint:nilerr // their own backups settle it
	}
	wanted := asked.Orphans
	if !wanted && len(living) == 0 {
		gone, err := r.gone(ctx, asked.Namespace)
		if err != nil {
			return nil, err
		}
		wanted = gone
	}
	sources := bound
	if wanted {
		sources = append(sources, orphans...)
		plan.Warnings, plan.Untold = append(plan.Warnings, doubt...), untold
	}
	if untold != nil {
		plan.Warnings = append(plan.Warnings, "which claims exist only as backups could not be told: "+backup.Message(untold))
	}
	switch {
	case len(sources) > 0:
		return sources, nil
	case wanted && untold != nil:
		return nil, untold
	default:
		return nil, nothingToRestore(asked, wanted, len(orphans))
	}
}

// named returns the sources that the wish names. One that is proved not to exist is a
// conflict. Where it cannot be told which claims exist only as backups, or a claim waits
// for its volume, the backups of the claim itself settle it once they are looked for.
func (a NamespaceWish) named(known []backup.Claim, living []corev1.PersistentVolumeClaim, doubted bool, plan *Plan) []backup.Claim {
	named := make([]backup.Claim, 0, len(a.Claims))
	for _, asked := range a.Claims {
		source := backup.Claim{Namespace: a.Namespace, Name: asked.Name}
		named = append(named, source)
		lives := slices.ContainsFunc(living, func(l corev1.PersistentVolumeClaim) bool { return l.Name == source.Name })
		if !doubted && !lives && !slices.Contains(known, source) {
			plan.Conflicts = append(plan.Conflicts, Conflict{Wish{Source: source}, &backup.Error{Kind: backup.NotFound, Reason: backup.NoBackups, Field: "claims",
				Message: fmt.Sprintf("there is no bound claim %s, and no backup of it is known", source)}})
		}
	}
	return named
}

func (a NamespaceWish) validate() error {
	if err := (backup.Claim{Namespace: a.Namespace, Name: "any"}).Validate(); err != nil {
		return err
	}
	if err := validTarget(backup.Claim{Namespace: a.TargetNamespace, Name: "any"}); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, claim := range a.Claims {
		if err := (backup.Claim{Namespace: a.Namespace, Name: claim.Name}).Validate(); err != nil {
			return &backup.Error{Kind: backup.Invalid, Field: "claims", Message: "claims: " + backup.Message(err), Err: err}
		}
		if seen[claim.Name] {
			return invalid("claims", "claims: %s is named twice", claim.Name)
		}
		seen[claim.Name] = true
	}
	return a.Choice.validate()
}

func nothingToRestore(asked NamespaceWish, withOrphans bool, orphans int) error {
	switch {
	case withOrphans:
		return &backup.Error{Kind: backup.NotFound, Reason: backup.NoBackups, Message: fmt.Sprintf(
			"namespace %s has no bound claim, and no backup of a claim in it is known", asked.Namespace)}
	case orphans > 0:
		return &backup.Error{Kind: backup.NotFound, Reason: backup.NoClaims, Field: "namespace", Message: fmt.Sprintf(
			"namespace %s has no bound claim, and %d of its claims exist only as backups: with include_orphans they are restored", asked.Namespace, orphans)}
	default:
		return &backup.Error{Kind: backup.NotFound, Reason: backup.NoClaims, Field: "namespace", Message: fmt.Sprintf(
			"namespace %s has no bound claim; with include_orphans the claims that exist only as backups are restored too", asked.Namespace)}
	}
}

// MakeCommand is the command that makes a namespace by hand.
func MakeCommand(namespace string) string {
	return backup.Command("kubectl", "create", "namespace", namespace)
}

// namespaceMissing says that a target namespace does not exist, and how it is made.
func namespaceMissing(name string, cause error) error {
	command := MakeCommand(name)
	return backup.WithSettle(&backup.Error{Kind: backup.NotFound, Reason: backup.NamespaceMissing, Field: "target_namespace", Err: cause, Message: fmt.Sprintf(
		"namespace %s does not exist; make it first: %s", name, command)}, command)
}

// gone reports whether there is no namespace of a name.
func (r *Requests) gone(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	switch err := r.Reader.Get(ctx, types.NamespacedName{Name: name}, namespace); {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, backup.Errorf(backup.Unavailable, "looking whether namespace %s exists: %w", name, err)
	}
	return false, nil
}

// MakeNamespace makes a namespace for restores. One that exists by now is no error.
// Where Kubernetes does not let Soteria make namespaces, as by default, the error is of
// kind Denied and carries the command that makes it.
func (r *Requests) MakeNamespace(ctx context.Context, name, requestedBy string) error {
	return r.makeNamespace(ctx, name, requestedBy)
}

// foresee asks the API server whether it would let Soteria make the target namespace.
func (r *Requests) foresee(ctx context.Context, asked NamespaceWish, plan *Plan) {
	err := r.makeNamespace(ctx, asked.TargetNamespace, asked.RequestedBy, client.DryRunAll)
	switch kind := backup.KindOf(err); {
	case err == nil:
	case kind == backup.Denied || kind == backup.Invalid:
		plan.MakeRefused = err
	case asked.MakeTarget:
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("whether Soteria may make namespace %s could not be told: %s", asked.TargetNamespace, backup.Message(err)))
	}
}

func (r *Requests) makeNamespace(ctx context.Context, name, requestedBy string, options ...client.CreateOption) error {
	err := r.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Annotations: map[string]string{v1alpha1.RequestedByAnnotation: backup.Clip(requestedBy, backup.MaxCaller)},
	}}, options...)
	command := MakeCommand(name)
	switch {
	case err == nil, apierrors.IsAlreadyExists(err):
		return nil
	case apierrors.IsForbidden(err):
		return backup.WithSettle(&backup.Error{Kind: backup.Denied, Reason: backup.ByPermission, Field: "create_namespace", Err: err, Message: fmt.Sprintf(
			"Kubernetes does not let Soteria make namespace %s; make it first: %s (deploy/components/make-namespaces lets Soteria make it)", name, command)}, command)
	case apierrors.IsInvalid(err):
		return &backup.Error{Kind: backup.Invalid, Field: "target_namespace", Err: err, Message: fmt.Sprintf("Kubernetes takes no namespace %s: %s", name, err)}
	default:
		return backup.Errorf(backup.Unavailable, "making namespace %s: %w", name, err)
	}
}

// claims reads the claims of a namespace; none where there is no such namespace.
func (r *Requests) claims(ctx context.Context, namespace string) ([]corev1.PersistentVolumeClaim, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := r.Reader.List(ctx, &claims, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the claims of namespace %s: %w", namespace, err)
	}
	return claims.Items, nil
}

// orphans returns the claims of a namespace that exist only as backups. With an error,
// they are those that are known all the same.
func (r *Requests) orphans(namespace string, living []corev1.PersistentVolumeClaim) (orphans []backup.Claim, doubt []string, err error) {
	known, doubt, err := r.BackedUp(namespace)
	return slices.DeleteFunc(slices.Clone(known), func(c backup.Claim) bool {
		return slices.ContainsFunc(living, func(l corev1.PersistentVolumeClaim) bool { return l.Name == c.Name })
	}), doubt, err
}

func (a NamespaceWish) wishes(sources []backup.Claim, targetMissing bool) []Wish {
	wishes := make([]Wish, 0, len(sources))
	for _, source := range sources {
		wish := Wish{
			Source: source, Choice: a.Choice, Target: backup.Claim{Namespace: a.TargetNamespace, Name: a.TargetPrefix + source.Name},
			RequestedBy: a.RequestedBy, DryRun: a.DryRun, NamespaceToCome: targetMissing && a.DryRun,
		}
		if at := slices.IndexFunc(a.Claims, func(c ClaimWish) bool { return c.Name == source.Name }); at >= 0 {
			if own := a.Claims[at].Snapshot; own != "" {
				wish.Choice, wish.Instead = a.Choice.with(own), a.Choice
			}
			wish.Target.Name = cmp.Or(a.Claims[at].Target, wish.Target.Name)
		}
		wishes = append(wishes, wish)
	}
	slices.SortFunc(wishes, func(x, y Wish) int { return cmp.Compare(x.Source.Name, y.Source.Name) })
	return wishes
}

// conflicts finds the targets that Kubernetes would refuse, that exist, or that
// two sources share.
func conflicts(wishes []Wish, taken []corev1.PersistentVolumeClaim) []Conflict {
	existing := make(map[string]*corev1.PersistentVolumeClaim, len(taken))
	for i := range taken {
		existing[taken[i].Name] = &taken[i]
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
		case existing[wish.Target.Name] != nil:
			found = append(found, Conflict{wish, exists(wish.Target, existing[wish.Target.Name])})
		case shared:
			found = append(found, Conflict{wish, &backup.Error{Kind: backup.Conflict, Reason: backup.TargetExists, Field: "target_pvc",
				Message: "claim " + wish.Target.String() + " is the target of " + other.String() + " too"}})
		}
	}
	return found
}
