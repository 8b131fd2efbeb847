package restore

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// awaitReach leaves a filled volume that no node can reach any more for another
// attempt: the claim's pod would wait for it for ever.
func (r *Reconciler) awaitReach(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() || o.way.made() {
		return proceed, nil
	}
	why, err := r.unreachable(ctx, o.primeVolume)
	if err != nil || why == "" {
		return proceed, err
	}
	return r.abandon(ctx, o, why)
}

// abandon marks the prime so that this and every later pass, after a crash too,
// removes it and makes another. A filled one may be all that is left of the data: it
// is kept until its backup is proved to be there.
func (r *Reconciler) abandon(ctx context.Context, o *observed, why string) (next, error) {
	if isFilled(o.prime) && !r.canRestoreAgain(ctx, o) {
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

// canRestoreAgain reports whether what the prime was filled from is proved to be
// there still. An empty volume was filled from nothing.
func (r *Reconciler) canRestoreAgain(ctx context.Context, o *observed) bool {
	pinned := o.status().Backup
	switch {
	case o.prime.Annotations[v1alpha1.BackupAnnotation] == v1alpha1.EmptyBackup:
		return true
	case pinned == nil || wanted(o.status()) != o.prime.Annotations[v1alpha1.BackupAnnotation] || !r.watchdog.mayProve(o.claim.UID):
		return false
	}
	answer := r.prove(ctx, o, unpin(pinned).Claim)
	return slices.ContainsFunc(slices.Concat(answer.Backups(), answer.Others()), func(b backup.Backup) bool {
		return b.Driver == pinned.Driver && b.ID == pinned.ID
	})
}
