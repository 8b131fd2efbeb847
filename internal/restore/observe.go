package restore

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/stall"
)

// observed is what a pass knows of one locked claim, and the record that it
// changes as it goes.
type observed struct {
	now   time.Time
	claim *corev1.PersistentVolumeClaim
	// restore is the claim's Restore with the changes of this pass; nil while
	// there is none. stored is what the API server holds.
	restore, stored *v1alpha1.Restore
	// adopted is true once the Restore's status belongs to this claim.
	adopted bool
	// prime is the claim that is filled; nil while there is none.
	prime *corev1.PersistentVolumeClaim
	// primeVolume is the volume behind the prime, once it is proved to have
	// been made for it.
	primeVolume *corev1.PersistentVolume
	// lockVolume is the volume of the lock's name, whoever made it; nil while
	// there is none.
	lockVolume *corev1.PersistentVolume
	// way is how the claim's volume comes about, once that is settled.
	way way
	// fill is the transfer that this pass found done.
	fill driver.FillState
	// made is the volume that a backup system made, once it is done: what its
	// object is to say.
	made *corev1.PersistentVolume
	// told is true once this pass told of something that is in the way, planned
	// while the restore waits for a pod until a time that was told.
	told, planned bool
	// underWay is true where the pass only looks on at an attempt: no volume was read.
	underWay bool
	// inLine is true where the pass only looks whether it is the fill's turn.
	inLine bool
	// inLineSince is when it began to wait for that.
	inLineSince time.Time
	// leaving is what leaves a filled volume, where the pass only waits for that.
	leaving string
	// consumers are the pods that wait for the claim, once they were looked for.
	consumers *[]corev1.Pod
	// named is who keeps the lock's name from the claim, once this pass waits for that.
	named *stall.Stall
}

func (o *observed) status() *v1alpha1.RestoreStatus { return &o.restore.Status }

// restoreName is the Restore that the claim's data source names.
func (o *observed) restoreName() string {
	_, name, _ := kube.LockOf(o.claim)
	return name
}

// handingOver reports whether the claim's volume exists under the lock's name.
// From there on nothing is selected, made or filled any more.
func (o *observed) handingOver() bool {
	return o.lockVolume != nil && lockProblem(o.lockVolume, o.claim) == ""
}

// over reports whether the restore was completed and the claim lost its volume
// since: that is not Soteria's to mend, and least of all with an old backup.
func (o *observed) over() bool {
	return o.restore != nil && ownStatus(o) && o.status().Phase == v1alpha1.PhaseCompleted && !bound(o.claim)
}

// bound reports whether the claim has its volume.
func bound(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Status.Phase == corev1.ClaimBound
}

// observe reads what there is about a locked claim.
func (r *Reconciler) observe(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*observed, error) {
	o := &observed{now: r.clock.Now(), claim: claim}
	var err error
	var own bool
	if o.restore, own, err = r.readRecord(ctx, claim, o.restoreName()); err != nil {
		return nil, err
	}
	if o.restore != nil {
		o.stored = o.restore.DeepCopy()
	}
	if o.prime, err = find(ctx, r.client, r.primeKey(claim.UID), &corev1.PersistentVolumeClaim{}); err != nil {
		return nil, err
	}
	if err := r.lookOn(ctx, o, own); err != nil || o.underWay || o.inLine || o.leaving != "" {
		return o, err
	}
	if o.lockVolume, err = r.handedVolume(ctx, claim); err != nil || o.lockVolume != nil {
		return o, err
	}
	if o.lockVolume, err = find(ctx, r.reader, types.NamespacedName{Name: claim.Spec.VolumeName}, &corev1.PersistentVolume{}); err != nil {
		return nil, err
	}
	return o, nil
}

func (r *Reconciler) primeKey(claim types.UID) types.NamespacedName {
	return types.NamespacedName{Namespace: r.namespace, Name: PrimeName(claim)}
}

// find reads an object into obj and gives it back, or nil if there is none.
func find[T client.Object](ctx context.Context, from client.Reader, key types.NamespacedName, obj T) (found T, err error) {
	switch err := from.Get(ctx, key, obj); {
	case apierrors.IsNotFound(err):
		return found, nil
	case err != nil:
		return found, fmt.Errorf("read %T %s: %w", obj, key, err)
	}
	return obj, nil
}

// The fields by which caches are searched.
const (
	// claimIndex finds what Soteria made for a claim, by "namespace/name".
	claimIndex = "soteria.dev/claim"
	// restoreIndex finds locked claims by the Restore that they name.
	restoreIndex = "soteria.dev/restore"
	// volumeIndex finds primes by their volume.
	volumeIndex = "soteria.dev/volume"
)

// Index is a field by which the controller searches the manager's cache.
type Index struct {
	Object  client.Object
	Field   string
	Extract client.IndexerFunc
}

// Indexes lists the fields that the controller needs, for Soteria running in
// this namespace. [Reconciler.SetupWithManager] registers them.
func Indexes(namespace string) []Index {
	isPrime := func(obj client.Object) bool {
		return obj.GetNamespace() == namespace && obj.GetLabels()[v1alpha1.RoleLabel] == v1alpha1.RolePrime
	}
	claimOf := func(obj client.Object) []string {
		key, ok := servedClaim(obj)
		if !ok {
			return nil
		}
		return []string{key.String()}
	}
	role := func(role string) client.IndexerFunc {
		return func(obj client.Object) []string {
			if obj.GetLabels()[v1alpha1.RoleLabel] != role {
				return nil
			}
			return claimOf(obj)
		}
	}
	return []Index{
		{&corev1.PersistentVolumeClaim{}, claimIndex, func(obj client.Object) []string {
			if !isPrime(obj) {
				return nil
			}
			return claimOf(obj)
		}},
		{&corev1.PersistentVolumeClaim{}, volumeIndex, func(obj client.Object) []string {
			if claim, ok := obj.(*corev1.PersistentVolumeClaim); ok && isPrime(obj) && claim.Spec.VolumeName != "" {
				return []string{claim.Spec.VolumeName}
			}
			return nil
		}},
		{&corev1.PersistentVolumeClaim{}, restoreIndex, func(obj client.Object) []string {
			if claim, ok := obj.(*corev1.PersistentVolumeClaim); ok {
				if _, restore, locked := kube.LockOf(claim); locked {
					return []string{restore}
				}
			}
			return nil
		}},
		{&corev1.PersistentVolume{}, claimIndex, role(v1alpha1.RolePrime)},
		{&v1alpha1.Restore{}, claimIndex, role(v1alpha1.RoleLocked)},
	}
}
