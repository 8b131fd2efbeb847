package restore

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// sameBackend reports whether two volume objects stand for the same storage.
func sameBackend(a, b *corev1.PersistentVolume) bool {
	if x, y := a.Spec.CSI, b.Spec.CSI; x != nil && y != nil {
		return x.Driver == y.Driver && x.VolumeHandle == y.VolumeHandle
	}
	return equality.Semantic.DeepEqual(a.Spec.PersistentVolumeSource, b.Spec.PersistentVolumeSource)
}

// fate is what becomes of a volume behind a prime that is removed.
type fate uint8

const (
	// fateSpare: nothing proves that the volume was made for the prime. It is
	// neither deleted nor changed. The zero value.
	fateSpare fate = iota
	// fateForget: its storage belongs to the volume of the lock's name. Only
	// the object goes, and only while it retains.
	fateForget
	// fateDestroy: it holds nothing but a copy of a backup that nobody was
	// handed. It goes with its storage.
	fateDestroy
	// fateKeep: it held data before the restore. It retains, and its object stays.
	fateKeep
	// fateLeave: nothing was written to it that is known of, and what it holds is not
	// known. Its policy, which its class gave it, is not changed.
	fateLeave
)

// fateOf decides on a volume that is behind the prime, or was: the prime is nil
// once it is gone. lockVolume is the volume of the claim's lock, nil when there
// is none.
func fateOf(volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim, lockVolume *corev1.PersistentVolume) fate {
	switch {
	case volume.Annotations[provisionedByAnnotation] == "":
		return fateSpare
	case volume.Spec.ClaimRef == nil, prime != nil && volume.Spec.ClaimRef.UID != prime.UID:
		return fateSpare
	case prime == nil && volume.Annotations[v1alpha1.ReclaimPolicyAnnotation] == "":
		return fateSpare
	case lockOf(volume, prime) == "":
		return fateSpare
	case lockVolume != nil && sameBackend(volume, lockVolume):
		return fateForget
	case volume.Annotations[v1alpha1.ForeignDataAnnotation] != "":
		return fateKeep
	case prime != nil && volume.Annotations[v1alpha1.ReclaimPolicyAnnotation] == "" && !written(prime):
		return fateLeave
	}
	return fateDestroy
}

// written reports whether all that is on the prime's volume is known to have been
// written by the restore. Versions that emptied whatever they found knew no better.
func written(prime *corev1.PersistentVolumeClaim) bool {
	return isFilled(prime) && !unseen(prime) || prime.Annotations[v1alpha1.WrittenAnnotation] != v1alpha1.NotWritten
}

// unseen reports whether a prime stays empty on the word of the operator: no Job has
// looked at its volume.
func unseen(prime *corev1.PersistentVolumeClaim) bool {
	return prime.Annotations[v1alpha1.BackupAnnotation] == v1alpha1.EmptyBackup && prime.Annotations[v1alpha1.WrittenAnnotation] == v1alpha1.NotWritten
}

// lockOf gives the lock of the claim that a prime and its volume serve; "" when
// neither tells.
func lockOf(volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim) string {
	if lock := volume.Annotations[v1alpha1.LockAnnotation]; lock != "" || prime == nil {
		return lock
	}
	return prime.Annotations[v1alpha1.LockAnnotation]
}

// setPolicy changes what happens to the volume's storage when it loses its claim.
func (r *Reconciler) setPolicy(ctx context.Context, volume *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error {
	if volume.Spec.PersistentVolumeReclaimPolicy == policy {
		return nil
	}
	return r.patchVolume(ctx, volume, func(v *corev1.PersistentVolume) { v.Spec.PersistentVolumeReclaimPolicy = policy })
}

// patchVolume changes a volume as it was read; a conflict means that it changed
// since.
func (r *Reconciler) patchVolume(ctx context.Context, volume *corev1.PersistentVolume, change func(*corev1.PersistentVolume)) error {
	before := volume.DeepCopy()
	change(volume)
	if err := r.client.Patch(ctx, volume, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("change volume %s: %w", volume.Name, err)
	}
	return nil
}

// remove deletes the very object that was looked at; that it is gone already is
// no error. Volumes must in addition not have changed since.
func (r *Reconciler) remove(ctx context.Context, obj client.Object) error {
	uid := obj.GetUID()
	preconditions := client.Preconditions{UID: &uid}
	if _, isVolume := obj.(*corev1.PersistentVolume); isVolume {
		version := obj.GetResourceVersion()
		preconditions.ResourceVersion = &version
	}
	if err := client.IgnoreNotFound(r.client.Delete(ctx, obj, preconditions)); err != nil {
		return fmt.Errorf("delete %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
	}
	return nil
}

// labelledVolumes reads the volumes of this claim's primes that handover has
// begun with, from the API server.
func (r *Reconciler) labelledVolumes(ctx context.Context, claim types.UID) ([]corev1.PersistentVolume, error) {
	var volumes corev1.PersistentVolumeList
	if err := r.reader.List(ctx, &volumes, client.MatchingLabels(labelsFor(v1alpha1.RolePrime, claim))); err != nil {
		return nil, fmt.Errorf("list the prime's volumes of claim %s: %w", claim, err)
	}
	return volumes.Items, nil
}
