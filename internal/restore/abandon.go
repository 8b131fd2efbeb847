package restore

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// awaitReach leaves a filled volume whose nodes are gone for another attempt: the
// claim's pod would wait for it for ever. One that no node can reach just now, as in a
// zone without nodes, is handed over, since a node may be added for that pod.
func (r *Reconciler) awaitReach(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() || o.way.made() {
		return proceed, nil
	}
	why, gone, err := r.unreachable(ctx, o.primeVolume)
	switch {
	case err != nil || why == "":
		return proceed, err
	case !gone:
		r.events.say(o.claim, o.restore, awaitsNode(why))
		return proceed, nil
	}
	return r.abandon(ctx, o, why)
}

// abandon marks the prime so that this and every later pass, after a crash too,
// removes it and makes another. A filled one may be all that is left of the data: it
// is kept until its backup is proved to be there. That this is not proved is told once
// it was looked for: where another look was moments ago, the pass waits for the next.
func (r *Reconciler) abandon(ctx context.Context, o *observed, why string) (next, error) {
	again, looked := true, true
	if isFilled(o.prime) {
		again, looked = r.canRestoreAgain(ctx, o)
	}
	switch {
	case !looked && !saysOutOfReach(o):
		o.handsOver(why + "; whether its backup is still in the repository is looked at within " + proveEvery.String())
		return waitFor(slow), nil
	case !again:
		return r.obstruct(o, v1alpha1.PhaseHandingOver, v1alpha1.ConditionReady, reasonOutOfReach, fmt.Sprintf(
			"%s, and it is not proved that the backup it was filled from is still in the repository; the volume is kept. "+
				"Bring the node back, or see that the repository answers: once the backup is listed, it is restored again elsewhere", why)), nil
	}
	marked := o.prime.DeepCopy()
	metav1.SetMetaDataAnnotation(&marked.ObjectMeta, v1alpha1.AbandonedAnnotation, why)
	// Not over a mark of this moment that the prime is filled.
	if err := r.client.Patch(ctx, marked, client.MergeFromWithOptions(o.prime, client.MergeFromWithOptimisticLock{})); err != nil {
		return next{}, fmt.Errorf("mark the prime %s/%s as abandoned: %w", marked.Namespace, marked.Name, err)
	}
	o.prime = marked
	r.events.say(o.claim, o.restore, abandoned(why))
	return r.startOver(ctx, o, why)
}

// saysOutOfReach reports whether the record says that the volume is kept because an
// earlier pass looked for its backup and did not find it.
func saysOutOfReach(o *observed) bool {
	c := meta.FindStatusCondition(o.stored.Status.Conditions, v1alpha1.ConditionReady)
	return o.stored.Status.Phase == v1alpha1.PhaseHandingOver && c != nil && c.Status == metav1.ConditionFalse && c.Reason == reasonOutOfReach
}

// canRestoreAgain reports whether what the prime was filled from is proved to be
// there still. An empty volume was filled from nothing. looked is false where the
// repository was asked too short a time ago, for whatever, to be asked again.
func (r *Reconciler) canRestoreAgain(ctx context.Context, o *observed) (can, looked bool) {
	pinned := o.status().Backup
	switch {
	case o.prime.Annotations[v1alpha1.BackupAnnotation] == v1alpha1.EmptyBackup:
		return true, true
	case pinned == nil || wanted(o.status()) != o.prime.Annotations[v1alpha1.BackupAnnotation]:
		return false, true
	case !r.watchdog.mayProve(o.claim.UID):
		return false, false
	}
	answer := r.prove(ctx, o, unpin(pinned).Claim)
	return slices.ContainsFunc(slices.Concat(answer.Backups(), answer.Others()), func(b backup.Backup) bool {
		return b.Driver == pinned.Driver && b.ID == pinned.ID
	}), true
}
