package restore

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
)

// A class may provision onto what exists already: a folder of that name, a share, a
// device. What a fill found on the prime's volume before it wrote is therefore kept
// in the cluster, before anything is deleted: on the prime that all there is was
// written by the restore, or on the volume that it held data before.

// heedFinding keeps what the fills of a claim found, before they are released and
// cannot be asked any more.
func (r *Reconciler) heedFinding(ctx context.Context, claim types.UID) error {
	prime, err := find(ctx, r.reader, r.primeKey(claim), &corev1.PersistentVolumeClaim{})
	if err != nil || prime == nil || !serves(prime, v1alpha1.RolePrime, claim) || placeholder(prime) {
		return err
	}
	for _, filler := range r.releasers {
		found, err := filler.Finding(ctx, claim)
		if err != nil {
			return fmt.Errorf("ask what fills of claim %s found on their volume: %w", claim, err)
		}
		if _, err := r.heedPrime(ctx, prime, found); err != nil {
			return err
		}
	}
	return nil
}

// heedPrime keeps what a fill found on the prime's volume. It returns the volume if
// that held data before the restore.
func (r *Reconciler) heedPrime(ctx context.Context, prime *corev1.PersistentVolumeClaim, found driver.Finding) (foreign *corev1.PersistentVolume, err error) {
	switch found {
	case driver.FindingNone:
		return nil, nil //nolint:nilnil // nothing foreign is an answer
	case driver.FindingOwn:
		return nil, r.markWritten(ctx, prime)
	case driver.FindingForeign:
	}
	volume, err := find(ctx, r.reader, types.NamespacedName{Name: volumeOf(ctx, r.reader, prime)}, &corev1.PersistentVolume{})
	if err != nil {
		return nil, err
	}
	if volume == nil || !madeFor(volume, prime) {
		return nil, fmt.Errorf("the volume of the prime %s/%s, which held data before the restore, was not found; looking again", prime.Namespace, prime.Name)
	}
	return volume, r.keepVolume(ctx, volume)
}

// volumeOf is the name of the prime's volume as the API server has it: a cache may
// not have seen yet that the prime is bound.
func volumeOf(ctx context.Context, reader client.Reader, prime *corev1.PersistentVolumeClaim) string {
	if prime.Spec.VolumeName != "" {
		return prime.Spec.VolumeName
	}
	current, err := find(ctx, reader, client.ObjectKeyFromObject(prime), &corev1.PersistentVolumeClaim{})
	if err != nil || current == nil || current.UID != prime.UID {
		return ""
	}
	return current.Spec.VolumeName
}

// markWritten notes on the prime that all that is on its volume was written by the
// restore, so that it may be deleted with the prime.
func (r *Reconciler) markWritten(ctx context.Context, prime *corev1.PersistentVolumeClaim) error {
	if written(prime) {
		return nil
	}
	before := prime.DeepCopy()
	metav1.SetMetaDataAnnotation(&prime.ObjectMeta, v1alpha1.WrittenAnnotation, r.clock.Now().UTC().Format(time.RFC3339))
	if err := client.IgnoreNotFound(r.client.Patch(ctx, prime, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))); err != nil {
		return fmt.Errorf("note on the prime %s/%s that the restore wrote to it: %w", prime.Namespace, prime.Name, err)
	}
	return nil
}

// keepVolume makes a volume that held data before the restore keep it, whatever
// happens to the prime: it retains, and is no volume of the restore's any more.
func (r *Reconciler) keepVolume(ctx context.Context, volume *corev1.PersistentVolume) error {
	kept := volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain &&
		volume.Annotations[v1alpha1.ForeignDataAnnotation] != "" && volume.Labels[v1alpha1.RoleLabel] == ""
	if kept {
		return nil
	}
	return r.patchVolume(ctx, volume, func(v *corev1.PersistentVolume) {
		if v.Annotations[v1alpha1.ReclaimPolicyAnnotation] == "" {
			metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1alpha1.ReclaimPolicyAnnotation, string(v.Spec.PersistentVolumeReclaimPolicy))
		}
		if v.Annotations[v1alpha1.ForeignDataAnnotation] == "" {
			metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1alpha1.ForeignDataAnnotation, r.clock.Now().UTC().Format(time.RFC3339))
		}
		delete(v.Labels, v1alpha1.RoleLabel)
		delete(v.Labels, v1alpha1.ManagedByLabel)
		delete(v.Labels, v1alpha1.ClaimUIDLabel)
		v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	})
}

// notEmpty says why nothing is restored to a volume, and what to do.
func notEmpty(volume *corev1.PersistentVolume, class *storagev1.StorageClass, words string) string {
	return fmt.Sprintf("volume %[1]s, which storage class %[2]s (%[3]s) made for the claim, holds data from before the restore: %[4]s. "+
		"Soteria neither writes to it nor deletes it: it retains from now on, also when the claim is deleted. "+
		"Delete the claim and apply it with a class that makes empty volumes, or empty the volume by hand, and the restore goes on",
		volume.Name, class.Name, class.Provisioner, words)
}

// marksItsVolume reports whether fills of the prime mark what they write.
func marksItsVolume(prime *corev1.PersistentVolumeClaim) bool {
	return prime.Annotations[v1alpha1.WrittenAnnotation] != ""
}

// rootSettled is which folder of an ambiguous backup a person says was the volume's
// root; "" for anything but the two words that say so.
func rootSettled(claim *corev1.PersistentVolumeClaim) string {
	switch root := claim.Annotations[v1alpha1.RestoreRootAnnotation]; root {
	case "top", "folder":
		return root
	default:
		return ""
	}
}
