package intent

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Catalog says which backups exist.
type Catalog interface {
	// Known answers with as little waiting as possible, and Unknown when ctx ends
	// first. Asking has no side effects.
	Known(ctx context.Context, claim backup.Claim) backup.Answer
	// Prove answers once every backup system could tell, or ctx ends.
	Prove(ctx context.Context, claim backup.Claim) backup.Answer
}

// Copies keeps account of copies, see package copies. Errors are of kind Conflict (there
// are too many) or Unavailable.
type Copies interface {
	// Begin writes down that a claim is about to be made, and Made its uid.
	Begin(ctx context.Context, r copies.Record) error
	Made(ctx context.Context, r copies.Record) error
	// Drop removes the record of a claim that was not made, by its lock.
	Drop(ctx context.Context, lock string) error
}

// Config is what requests are carried out with. All fields are required.
type Config struct {
	// Client writes; its reads may be from a cache. Reader reads the API server
	// itself.
	Client client.Client
	Reader client.Reader
	// Catalog says which backups exist.
	Catalog Catalog
	// BackedUp lists the claims of a namespace that backups are known of, whether
	// they still exist or not. Doubt says why there may be more, and an error that a
	// backup system was never listed, whose claims are not among them.
	BackedUp func(namespace string) (claims []backup.Claim, doubt []string, err error)
	// Feasible tells whether a claim could be given a backup: nil, or an error of
	// kind Invalid or Unavailable.
	Feasible func(ctx context.Context, claim *corev1.PersistentVolumeClaim, b backup.Backup) error
	// Policy is what holds for all claims.
	Policy kube.Policy
	// Copies keeps account of the copies to look at that are made, and Spared knows which
	// claims are: restores of a whole namespace leave them out.
	Copies Copies
	Spared kube.Copies
	// Lock draws a new lock.
	Lock func() string
}

// Requests carries out requests for restores. It is safe for concurrent use.
type Requests struct {
	Config
}

// New makes it.
func New(c Config) *Requests { return &Requests{c} }

// Wish is a restore that somebody asks for.
type Wish struct {
	// Source is the claim whose backup is wanted; it need not exist any more.
	Source backup.Claim
	Choice Choice
	// Instead is what is asked for all claims of the namespace, where Choice is asked for
	// this one alone; else the zero value.
	Instead Choice
	// Target is the claim to make.
	Target backup.Claim
	Shape  Shape
	// RequestedBy names who asks, for the record.
	RequestedBy string
	// Lock is the lock that the target gets, drawn with [Requests.Draw]; empty to have
	// one drawn. With it a wish may be carried out again: a target that has this lock
	// was made by the first time.
	Lock string
	// Copy makes the target a copy to look at: it is written down and marked, see package
	// copies. Expires is when it is to go by itself.
	Copy    bool
	Expires copies.Expiry
	// DryRun checks all that can be checked, the API server's part included, and
	// makes nothing.
	DryRun bool
	// NamespaceToCome is true on a dry run for a target whose namespace is still to be
	// made: what the API server says of the target is not known then.
	NamespaceToCome bool
}

// Made is the restore that was started, or would be on a dry run.
type Made struct {
	// Restore is the name of the Restore in the target's namespace, and of the
	// volume that the target will have; empty on a dry run.
	Restore string
	// Backup is what the target gets, and Notes what should be known of it: what
	// speaks against it, and which newer ones were passed over.
	Backup backup.Backup
	Notes  []string
	// Size, StorageClass and VolumeMode are the target's; StorageClass is empty
	// where the cluster's default is meant.
	Size         string
	StorageClass string
	VolumeMode   string
	// Copy is true for a copy to look at, and ExpiresAt when that goes by itself; zero for
	// never.
	Copy      bool
	ExpiresAt time.Time
}

// Restore makes the target, locked, with the wish for the chosen backup on it. It
// is idempotent for a wish with a lock of its own; for others a second call finds that
// the target exists. Errors are of
// kind Invalid (with the field at fault), NotFound (no such namespace or backup),
// Conflict (the target exists), Denied (across namespaces, a namespace that is
// kept out of, a quota), or of the kinds that make an answer Unknown; with all of
// them nothing was made. Unavailable from making the target may also mean that its
// answer was lost: asking again then finds a target that exists.
func (r *Requests) Restore(ctx context.Context, wish Wish) (Made, error) {
	if err := wish.Validate(); err != nil {
		return Made{}, err
	}
	before, err := r.madeBefore(ctx, wish)
	if err != nil || before != nil {
		return ptr.Deref(before, Made{}), err
	}
	if err := r.allowed(ctx, wish); err != nil {
		return Made{}, err
	}
	choice, answer, err := r.choose(ctx, wish.Source, wish.Choice, wish.DryRun)
	if err != nil {
		return Made{}, err
	}
	chosen := choice.Backup
	choice.Notes = slices.Concat(choice.Notes, wish.Instead.overridden(wish.Choice.Snapshot, chosen, r.Policy.RulesNow()))
	target, err := r.target(ctx, wish, chosen)
	if err != nil {
		return Made{}, err
	}
	if err := r.classExists(ctx, target); err != nil {
		return Made{}, err
	}
	if err := r.Feasible(ctx, target, chosen); err != nil {
		return Made{}, err
	}
	if err := r.stamp(ctx, wish, target, answer); err != nil {
		return Made{}, err
	}
	if wish.Copy {
		return r.copyOf(ctx, wish, target, choice)
	}
	if err := r.create(ctx, target, wish); err != nil {
		return r.lost(ctx, wish, err)
	}
	return made(target, choice, wish.DryRun), nil
}

// Choose gives the backup that a restore would be from. Errors are those of
// [Requests.Restore].
func (r *Requests) Choose(ctx context.Context, source backup.Claim, choice Choice) (backup.Backup, error) {
	chosen, _, err := r.choose(ctx, source, choice, false)
	return chosen.Backup, err
}

// look asks for the backups of a claim. What is known is enough where it settles the
// choice; else every backup system is asked, since one of them may have what is wanted.
func (r *Requests) look(ctx context.Context, source backup.Claim, choice Choice) backup.Answer {
	answer := r.Catalog.Known(ctx, source)
	if answer.Certainty() != backup.Found || choice.settledBy(answer) {
		return answer
	}
	return r.Catalog.Prove(ctx, source)
}

// Validate refuses a wish that can never be met, whatever backups there are. Errors are of
// kind Invalid.
func (w Wish) Validate() error {
	if err := w.Source.Validate(); err != nil {
		return err
	}
	if err := validTarget(w.Target); err != nil {
		return err
	}
	if w.Copy && w.Target == w.Source {
		return invalid("target_pvc", "a copy to look at must not take the place of %s: apps that use a claim by this name would work on data that is not backed up and may be removed; "+
			"choose another target_pvc, or restore the claim itself, without copy", w.Source)
	}
	return w.Choice.validate()
}

// validTarget is Claim.Validate with the names that the target has in requests.
func validTarget(target backup.Claim) error {
	err := target.Validate()
	if err == nil {
		return nil
	}
	field := "target_" + backup.FieldOf(err)
	return &backup.Error{Kind: backup.Invalid, Reason: backup.ReasonOf(err), Field: field, Message: "target_" + backup.Message(err), Err: err}
}

// Draw draws a lock for a [Wish].
func (r *Requests) Draw() string { return r.Lock() }

// madeBefore returns what an earlier call for the same wish made; nil where the target
// does not exist. Another target of that name is refused, in whatever state.
func (r *Requests) madeBefore(ctx context.Context, wish Wish) (*Made, error) {
	found := &corev1.PersistentVolumeClaim{}
	switch err := r.Reader.Get(ctx, keyOf(wish.Target), found); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // that there is no target is what is hoped for
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "looking whether claim %s exists: %w", wish.Target, err)
	}
	lock, _, locked := kube.LockOf(found)
	if wish.Lock == "" || !locked || lock != wish.Lock {
		return nil, exists(wish.Target, found)
	}
	again := made(found, backup.Chosen{Backup: backup.Backup{Claim: wish.Source, ID: found.Annotations[v1alpha1.RestoreBackupAnnotation]}}, false)
	if wish.Copy {
		again.Copy, again.Notes = true, append(again.Notes, "an earlier attempt made the copy; whether and when Soteria removes it is told by GET /v1/copies")
	}
	return &again, nil
}

// lost tells a target that could not be made from one whose making was not heard of.
func (r *Requests) lost(ctx context.Context, wish Wish, err error) (Made, error) {
	if wish.Lock == "" {
		return Made{}, err
	}
	before, lookErr := r.madeBefore(ctx, wish)
	if lookErr != nil || before == nil {
		return Made{}, err
	}
	return *before, nil
}

// exists refuses a target whose name a claim has; found is nil where that was not read.
func exists(target backup.Claim, found *corev1.PersistentVolumeClaim) error {
	if found != nil && found.DeletionTimestamp != nil {
		return &backup.Error{Kind: backup.Conflict, Reason: backup.TargetExists, Field: "target_pvc", Message: fmt.Sprintf(
			"claim %s is being deleted and still there, as long as a pod uses it: wait until it is gone, or choose another target_pvc", target)}
	}
	return &backup.Error{Kind: backup.Conflict, Reason: backup.TargetExists, Field: "target_pvc", Message: fmt.Sprintf(
		"claim %s exists; a restore makes a new claim and leaves others alone: choose another target_pvc, or delete that claim first", target)}
}

// allowed refuses what no backup could change: another namespace, one that does
// not exist, or one that Soteria keeps out of.
func (r *Requests) allowed(ctx context.Context, wish Wish) error {
	facts, err := r.facts(ctx, wish, bare(wish))
	if err != nil || decision.NeedsAnswer(facts) {
		return err
	}
	return refusal(decision.Decide(facts))
}

func (r *Requests) facts(ctx context.Context, wish Wish, target *corev1.PersistentVolumeClaim) (decision.Facts, error) {
	if wish.NamespaceToCome && wish.DryRun {
		return kube.Facts(target, nil, nil, r.Policy), nil
	}
	facts, err := kube.ReadFacts(ctx, r.Reader, target, nil, r.Policy)
	switch {
	case apierrors.IsNotFound(err):
		return decision.Facts{}, namespaceMissing(target.Namespace, err)
	case err != nil:
		return decision.Facts{}, backup.Errorf(backup.Unavailable, "%w", err)
	}
	return facts, nil
}

// stamp gives the target the verdict that admission would give it, and the lock.
func (r *Requests) stamp(ctx context.Context, wish Wish, target *corev1.PersistentVolumeClaim, answer backup.Answer) error {
	facts, err := r.facts(ctx, wish, target)
	if err != nil {
		return err
	}
	facts.Answer = answer
	verdict := decision.Decide(facts)
	if verdict.Kind != decision.Restore {
		return refusal(verdict)
	}
	lock := wish.Lock
	if lock == "" {
		lock = r.Lock()
	}
	kube.Stamp(target, verdict, answer, true, lock)
	return nil
}

// couldNotTell reports whether a verdict is for want of an answer: it refuses nothing
// for good, whether admission would hold or deny the claim.
func couldNotTell(reason decision.Reason) bool {
	return reason == decision.ReasonUnknown || reason == decision.ReasonChecking || reason == decision.ReasonNewestInDoubt
}

// refusal puts a verdict that is no restore in an error.
func refusal(verdict decision.Verdict) error {
	switch {
	case verdict.Reason == decision.ReasonCrossNamespace:
		return &backup.Error{Kind: backup.Denied, Reason: backup.BySetting, Field: "target_namespace", Message: verdict.Message}
	case verdict.Reason == decision.ReasonExcluded:
		return &backup.Error{Kind: backup.Denied, Reason: backup.NamespaceExcluded, Field: "target_namespace", Message: verdict.Message}
	case couldNotTell(verdict.Reason):
		return backup.Errorf(backup.Unavailable, "%s", verdict.Message)
	case verdict.Kind == decision.Deny, verdict.Kind == decision.Ignore:
		return backup.Errorf(backup.Denied, "%s", verdict.Message)
	default:
		return backup.Errorf(backup.Conflict, "%s", verdict.Message)
	}
}

func (r *Requests) create(ctx context.Context, target *corev1.PersistentVolumeClaim, wish Wish) error {
	var options []client.CreateOption
	switch {
	case wish.DryRun && wish.NamespaceToCome:
		return nil
	case wish.DryRun:
		options = append(options, client.DryRunAll)
	}
	err := r.Client.Create(ctx, target, options...)
	name := backup.Claim{Namespace: target.Namespace, Name: target.Name}
	switch {
	case err == nil:
		return nil
	case apierrors.IsAlreadyExists(err):
		return exists(name, nil)
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		command := backup.Command("kubectl", "wait", "--for=delete", "namespace/"+name.Namespace)
		return backup.WithSettle(&backup.Error{Kind: backup.Conflict, Reason: backup.NamespaceTerminating, Field: "target_namespace", Err: err, Message: fmt.Sprintf(
			"namespace %s is being deleted, and takes no new claims: wait until it is gone and make it again, or choose another target_namespace; %s", name.Namespace, command)}, command)
	case apierrors.IsForbidden(err):
		return &backup.Error{Kind: backup.Denied, Reason: backup.ByPermission, Message: fmt.Sprintf("making claim %s: %s", name, err), Err: err}
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return backup.Errorf(backup.Invalid, "making claim %s: %w", name, err)
	case apierrors.IsNotFound(err):
		return namespaceMissing(name.Namespace, err)
	default:
		return backup.Errorf(backup.Unavailable, "making claim %s: %w", name, err)
	}
}

func made(target *corev1.PersistentVolumeClaim, chosen backup.Chosen, dryRun bool) Made {
	m := Made{Backup: chosen.Backup, Notes: chosen.Notes, Size: sizeOf(target).String(), VolumeMode: string(ptr.Deref(target.Spec.VolumeMode, corev1.PersistentVolumeFilesystem))}
	if class := target.Spec.StorageClassName; class != nil {
		m.StorageClass = *class
	}
	if _, restore, locked := kube.LockOf(target); locked && !dryRun {
		m.Restore = restore
	}
	return m
}

func keyOf(claim backup.Claim) types.NamespacedName {
	return types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}
}
