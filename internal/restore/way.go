package restore

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
)

// way is how a claim's volume comes about: either a backup system makes it, or
// the claim's provisioner makes an empty one, behind a prime, that is filled.
type way struct {
	// class is the storage class of the claim.
	class *storagev1.StorageClass
	// maker makes the volume; nil where a prime is filled.
	maker driver.VolumeMaker
	// filler fills the prime; nil where the volume is made.
	filler driver.Filler
}

// made reports whether a backup system makes the volume.
func (w way) made() bool { return w.maker != nil }

// obstacle is why no way leads to a claim's volume; the zero value is none.
type obstacle struct {
	reason, problem string
}

// chooseWay finds the way for what was selected. A backup system that makes
// volumes is used for the classes of its own provisioner; to volumes of other
// classes the data is copied, if the driver can.
func (r *Reconciler) chooseWay(ctx context.Context, claim *corev1.PersistentVolumeClaim, pinned *v1alpha1.PinnedBackup) (way, obstacle, error) {
	class, problem, err := r.provisioningClass(ctx, claim)
	if err != nil || problem != "" {
		return way{}, obstacle{reasonStorageClass, problem}, err
	}
	if pinned == nil {
		return way{class: class, filler: r.blank}, obstacle{}, nil
	}
	if maker, ok := r.makers[pinned.Driver]; ok && maker.Provisioner() == class.Provisioner {
		return way{class: class, maker: maker}, obstacle{}, nil
	}
	filler, ok := r.fillers[pinned.Driver]
	if !ok {
		return way{}, obstacle{reasonDriverMissing, fmt.Sprintf(
			"the backup %s is of the driver %s, which is not configured; configure it again", pinned.ShortID, pinned.Driver)}, nil
	}
	if isBlock(claim) {
		return way{}, obstacle{reasonUnsupported, fmt.Sprintf(
			"the claim is a raw block device (volumeMode Block), and the backup %s of the driver %s can be restored to a file system only: choose a backup of the device with the annotation %s, "+
				"or delete the claim and apply it with volumeMode Filesystem, or with the label %s=skip and a reason to start empty",
			pinned.ShortID, pinned.Driver, v1alpha1.RestoreBackupAnnotation, v1alpha1.RestoreLabel)}, nil
	}
	return way{class: class, filler: filler}, obstacle{}, nil
}

func isBlock(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock
}

// placeholder reports whether a prime stands for a volume that a backup system
// makes: it has no class, so that nothing provisions it, and never gets a volume
// itself. It marks, for as long as the restore lasts, that there may be one.
func placeholder(prime *corev1.PersistentVolumeClaim) bool {
	return prime.Spec.StorageClassName != nil && *prime.Spec.StorageClassName == ""
}
