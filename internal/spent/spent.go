package spent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// EventReason is the reason of the event on a claim whose choice would act again.
const EventReason = "ChoiceWouldActAgain"

// Reconciler ends choices that have had their use. It is for the leader.
type Reconciler struct {
	// Client reads from a cache, and patches.
	Client client.Client
	Events events.EventRecorder
	// Policy says which namespaces Soteria keeps out of, and what time it is.
	Policy kube.Policy
}

// SetupWithManager has it look at each claim that has its volume, and again when a
// Restore ends.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	concerns := func(o client.Object) bool {
		claim, ok := o.(*corev1.PersistentVolumeClaim)
		return ok && concerns(claim)
	}
	err := builder.ControllerManagedBy(mgr).Named("spent").
		For(&corev1.PersistentVolumeClaim{}, builder.WithPredicates(predicate.NewPredicateFuncs(concerns))).
		Watches(&v1alpha1.Restore{}, handler.EnqueueRequestsFromMapFunc(claimOf)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up what ends choices: %w", err)
	}
	return nil
}

// claimOf names the claim of a Restore that is complete.
func claimOf(_ context.Context, o client.Object) []reconcile.Request {
	restore, ok := o.(*v1alpha1.Restore)
	if !ok || restore.Status.Phase != v1alpha1.PhaseCompleted || restore.Status.Claim == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: restore.Namespace, Name: restore.Status.Claim.Name}}}
}

// concerns reports whether a claim has its volume and asks for something.
func concerns(claim *corev1.PersistentVolumeClaim) bool {
	if claim.Status.Phase != corev1.ClaimBound || claim.DeletionTimestamp != nil {
		return false
	}
	_, refers := kube.WrittenRef(claim)
	_, chooses := kube.ChoiceOf(claim, nil, backup.Rules{})
	return chooses || refers || made(claim)
}

// made reports whether the API made the claim, and what it wrote was not ended yet.
func made(claim *corev1.PersistentVolumeClaim) bool {
	_, ended := claim.Annotations[v1alpha1.RestoredAnnotation]
	return claim.Annotations[v1alpha1.RequestedByAnnotation] != "" && !ended
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := r.Client.Get(ctx, req.NamespacedName, claim); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !concerns(claim) || slices.Contains(kube.ExcludedNamespaces(r.Policy.OwnNamespace), claim.Namespace) {
		return reconcile.Result{}, nil
	}
	if _, name, locked := kube.LockOf(claim); locked && made(claim) {
		restore := &v1alpha1.Restore{}
		switch err := r.Client.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: name}, restore); {
		case err == nil && ofThis(restore, claim):
			demanded, err := r.demanded(ctx, claim)
			if err != nil {
				return reconcile.Result{}, err
			}
			return reconcile.Result{}, r.patch(ctx, claim, ended(claim, restore.Status, demanded))
		case client.IgnoreNotFound(err) != nil:
			return reconcile.Result{}, fmt.Errorf("read Restore %s/%s: %w", claim.Namespace, name, err)
		case err == nil:
			return reconcile.Result{}, nil // its end is watched
		}
	}
	return reconcile.Result{}, r.tell(ctx, claim)
}

// demanded reports whether the claim's namespace asks for a backup of each of its claims:
// the label auto on one of them would take that back.
func (r *Reconciler) demanded(ctx context.Context, claim *corev1.PersistentVolumeClaim) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Client.Get(ctx, types.NamespacedName{Name: claim.Namespace}, namespace); err != nil {
		return false, fmt.Errorf("read namespace %s: %w", claim.Namespace, err)
	}
	return namespace.Labels[v1alpha1.RestoreLabel] == "required", nil
}

// ofThis reports whether a Restore gave this very claim its data.
func ofThis(restore *v1alpha1.Restore, claim *corev1.PersistentVolumeClaim) bool {
	s := restore.Status
	return s.Phase == v1alpha1.PhaseCompleted && s.Claim != nil && s.Claim.UID == claim.UID
}

// change is a merge patch of labels and annotations; nil removes one.
type change struct{ labels, annotations map[string]any }

// ended takes off what the API wrote for a restore that is complete. What somebody wrote
// over it since stays, and what the claim's namespace demands of all its claims.
func ended(claim *corev1.PersistentVolumeClaim, status v1alpha1.RestoreStatus, demanded bool) change {
	c := change{labels: map[string]any{}, annotations: map[string]any{v1alpha1.RestoredAnnotation: "empty"}}
	if claim.Labels[v1alpha1.RestoreLabel] == "required" && !demanded {
		c.labels[v1alpha1.RestoreLabel] = "auto"
	}
	got := status.Backup
	if got == nil {
		return c
	}
	source := backup.Claim{Namespace: got.Source.Namespace, Name: got.Source.Name}
	c.annotations[v1alpha1.RestoredAnnotation] = fmt.Sprintf("%s backup %s of %s, taken %s", got.Driver, got.ShortID, source, got.TakenAt.UTC().Format(time.RFC3339))
	if claim.Annotations[v1alpha1.RestoreBackupAnnotation] == got.ID {
		c.annotations[v1alpha1.RestoreBackupAnnotation] = nil
	}
	if claim.Annotations[v1alpha1.RestoreFromAnnotation] == source.String() {
		c.annotations[v1alpha1.RestoreFromAnnotation] = nil
	}
	return c
}

// referred reads the Restore that the claim's author refers to; nil where there is none.
func (r *Reconciler) referred(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*v1alpha1.Restore, error) {
	name, refers := kube.WrittenRef(claim)
	if !refers {
		return nil, nil //nolint:nilnil // most claims refer to none
	}
	restore := &v1alpha1.Restore{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: name}, restore)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // one that is gone asks for nothing
	case err != nil:
		return nil, fmt.Errorf("read Restore %s/%s: %w", claim.Namespace, name, err)
	}
	return restore, nil
}

// tell puts one event on a claim whose choice would act again, and remembers on the
// claim which choice that was. A choice that ends by itself is not told of.
func (r *Reconciler) tell(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	referred, err := r.referred(ctx, claim)
	if err != nil {
		return err
	}
	choice, chooses := kube.ChoiceOf(claim, referred, r.Policy.RulesNow())
	if !chooses || !choice.Expiry.At.IsZero() {
		return nil
	}
	words := []string{choice.AsOf, choice.Backup, choice.From, choice.Skip}
	if choice.Restore != "" { // one that the claim alone says sums up as before
		words = append(words, choice.Restore)
	}
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	const length = 16
	told := hex.EncodeToString(sum[:])[:length]
	if claim.Annotations[v1alpha1.ChoiceToldAnnotation] == told {
		return nil
	}
	if err := r.patch(ctx, claim, change{annotations: map[string]any{v1alpha1.ChoiceToldAnnotation: told}}); err != nil {
		return err
	}
	r.Events.Eventf(claim, nil, corev1.EventTypeNormal, EventReason, "Restore", "%s", backup.Clip(choice.Message+": "+choice.Drop, backup.MaxNote))
	return nil
}

// patch changes this very claim as it was read; that it is gone is no error. One that
// changed since is looked at again.
func (r *Reconciler) patch(ctx context.Context, claim *corev1.PersistentVolumeClaim, c change) error {
	metadata := map[string]any{"uid": claim.UID, "resourceVersion": claim.ResourceVersion}
	// A null in the place of either would remove all of them.
	if len(c.labels) > 0 {
		metadata["labels"] = c.labels
	}
	if len(c.annotations) > 0 {
		metadata["annotations"] = c.annotations
	}
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode the change of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	target := &corev1.PersistentVolumeClaim{}
	target.Namespace, target.Name = claim.Namespace, claim.Name
	if err := r.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, body)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("change claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}
