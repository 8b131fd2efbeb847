package restore

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// adopt sees to it that the claim's Restore exists and that its status belongs
// to this life of the claim.
func (r *Reconciler) adopt(ctx context.Context, o *observed) (next, error) {
	if o.restore == nil {
		return r.makeRestore(ctx, o)
	}
	if n, err := r.shared(ctx, o); err != nil || !n.settled {
		return n, err
	}
	if !ownStatus(o) {
		if n, err := r.begin(ctx, o); err != nil || !n.settled {
			return n, err
		}
	}
	o.adopted = true
	return proceed, nil
}

// begin starts the status anew for this claim. A prime that is there already had
// its record deleted underway: how many attempts there were is not known any
// more, so all of them are ended first.
func (r *Reconciler) begin(ctx context.Context, o *observed) (next, error) {
	if o.prime != nil {
		if gone, err := r.release(ctx, o.claim.UID); err != nil || !gone {
			if err == nil {
				r.watchUnrecorded(ctx, o)
			}
			return waitFor(soon), err
		}
	}
	o.restore.Status = newStatus(o)
	o.adopted = true
	if err := r.record(ctx, o); err != nil {
		return next{}, err
	}
	return proceed, nil
}

func ownStatus(o *observed) bool {
	claim := o.restore.Status.Claim
	return claim != nil && claim.UID == o.claim.UID
}

// makeRestore makes the record of a locked claim. The claim does not own it:
// garbage collection would take the record away while the claim is re-created.
func (r *Reconciler) makeRestore(ctx context.Context, o *observed) (next, error) {
	missing, err := r.missing(ctx, o)
	if err != nil {
		return next{}, err
	}
	if missing != "" {
		r.events.say(o.claim, nil, obstructed(reasonRestoreMissing, missing))
		return waitFor(slow), nil
	}
	restore := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{
		Namespace:   o.claim.Namespace,
		Name:        o.restoreName(),
		Labels:      labelsFor(v1alpha1.RoleLocked, o.claim.UID),
		Annotations: map[string]string{v1alpha1.ClaimAnnotation: client.ObjectKeyFromObject(o.claim).String()},
	}}
	switch err := r.client.Create(ctx, restore); {
	case apierrors.IsAlreadyExists(err):
		return waitFor(soon), nil
	case err != nil:
		return next{}, fmt.Errorf("make Restore %s/%s: %w", restore.Namespace, restore.Name, err)
	}
	r.killPoint(ctx, o.claim, KillRestoreMade)
	o.restore, o.stored = restore, restore.DeepCopy()
	return r.adopt(ctx, o)
}

// missing says that the Restore which the claim's manifest refers to has to be
// applied; "" where Soteria may make the record itself. It may where nothing is
// chosen any more, and for a claim that is to start empty, since the record then
// says nothing of which backup is wanted.
func (r *Reconciler) missing(ctx context.Context, o *observed) (string, error) {
	if _, wished := kube.WrittenRef(o.claim); !wished || o.handingOver() || bound(o.claim) {
		return "", nil
	}
	facts, err := r.facts(ctx, o.claim, nil)
	if err != nil {
		return "", fmt.Errorf("gather the facts about claim %s/%s: %w", o.claim.Namespace, o.claim.Name, err)
	}
	switch verdict := decision.Decide(facts); verdict.Kind {
	case decision.Fresh:
		return "", nil
	case decision.Hold:
		return verdict.Message, nil
	case decision.Ignore, decision.Deny, decision.Restore, decision.Refer: // a lock that is there stays
	}
	return fmt.Sprintf("the Restore %s/%s that the claim refers to does not exist; apply it", o.claim.Namespace, o.restoreName()), nil
}

// shared waits while the Restore serves another claim: an earlier life of this
// one whose record is about to go, or a claim that refers to it too.
func (r *Reconciler) shared(ctx context.Context, o *observed) (next, error) {
	if o.restore.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleLocked && !serves(o.restore, v1alpha1.RoleLocked, o.claim.UID) {
		return r.inUse(o, fmt.Sprintf("Restore %s was made for the claim %s; it goes when that claim does", o.restore.Name, o.restore.Annotations[v1alpha1.ClaimAnnotation])), nil
	}
	user := o.restore.Status.Claim
	if user == nil || user.UID == o.claim.UID || o.restore.Status.Phase == v1alpha1.PhaseCompleted {
		return proceed, nil
	}
	other, err := find(ctx, r.reader, types.NamespacedName{Namespace: o.claim.Namespace, Name: user.Name}, &corev1.PersistentVolumeClaim{})
	if err != nil || other == nil || other.UID != user.UID || !refersTo(other, o.restore) {
		return proceed, err
	}
	return r.inUse(o, fmt.Sprintf("Restore %s is restoring the claim %s; a Restore serves one claim at a time", o.restore.Name, other.Name)), nil
}

// inUse waits without touching the record, which is another claim's.
func (r *Reconciler) inUse(o *observed, message string) next {
	r.events.say(o.claim, nil, obstructed(reasonRestoreInUse, message))
	return waitFor(slow)
}

func refersTo(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore) bool {
	_, name, locked := kube.LockOf(claim)
	return locked && name == restore.Name
}
