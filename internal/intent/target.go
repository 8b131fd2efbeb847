package intent

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Shape is what the target is to be like. What is left empty is as the source
// claim has it, or else as the backup needs it.
type Shape struct {
	StorageClass string
	// Size is a quantity such as "10Gi".
	Size        string
	AccessModes []string
	// VolumeMode is Filesystem or Block.
	VolumeMode string
}

// bare is the target without what only the backup and the source tell.
func bare(wish Wish) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace:   wish.Target.Namespace,
		Name:        wish.Target.Name,
		Labels:      map[string]string{v1alpha1.RestoreLabel: "required"},
		Annotations: map[string]string{v1alpha1.RequestedByAnnotation: backup.Clip(wish.RequestedBy, backup.MaxCaller)},
	}}
	if wish.Source != wish.Target {
		claim.Annotations[v1alpha1.RestoreFromAnnotation] = wish.Source.String()
	}
	return claim
}

// target describes the target claim, all but its lock.
func (r *Requests) target(ctx context.Context, wish Wish, chosen backup.Backup) (*corev1.PersistentVolumeClaim, error) {
	source, err := r.source(ctx, wish.Source)
	if err != nil {
		return nil, err
	}
	claim := bare(wish)
	claim.Annotations[v1alpha1.RestoreBackupAnnotation] = chosen.ID
	size, err := sizeFor(wish.Shape.Size, source, chosen)
	if err != nil {
		return nil, err
	}
	was := chosen.Described()
	modes, err := accessModes(wish.Shape.AccessModes, source, was)
	if err != nil {
		return nil, err
	}
	mode, err := volumeMode(wish.Shape.VolumeMode, source)
	if err != nil {
		return nil, err
	}
	claim.Spec = corev1.PersistentVolumeClaimSpec{
		StorageClassName: storageClass(wish.Shape.StorageClass, source, was),
		AccessModes:      modes,
		VolumeMode:       &mode,
		Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
	}
	return claim, nil
}

// source reads the source claim; nil where there is none any more.
func (r *Requests) source(ctx context.Context, name backup.Claim) (*corev1.PersistentVolumeClaim, error) {
	source := &corev1.PersistentVolumeClaim{}
	switch err := r.Reader.Get(ctx, keyOf(name), source); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // a claim that is gone is what restores are for
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	}
	return source, nil
}

// sizeFor settles the target's size: what is asked for, else the source's, else
// what the source had when the backup was taken, else what the backup needs; never
// less than the backup.
func sizeFor(asked string, source *corev1.PersistentVolumeClaim, chosen backup.Backup) (resource.Quantity, error) {
	need := resource.NewQuantity(max(chosen.SizeBytes, 0), resource.BinarySI)
	switch {
	case asked != "":
		return askedSize(asked, *need, chosen)
	case source != nil && sizeOf(source).Sign() > 0:
		if size := sizeOf(source); size.Cmp(*need) >= 0 {
			return *size, nil
		}
		return *need, nil
	}
	if was, err := resource.ParseQuantity(chosen.Described().Capacity); err == nil && was.Sign() > 0 && was.Cmp(*need) >= 0 {
		return was, nil
	}
	switch {
	case chosen.SizeBytes <= 0:
		return resource.Quantity{}, invalid("size", "how large a volume backup %s needs is not known: claim %s is gone and the backup does not tell; say the size, such as \"size\": \"10Gi\"",
			backup.ShortID(chosen.ID), chosen.Claim)
	case chosen.Files < 0:
		// No count of files: the backup is an image, and its size the volume's.
		return *need, nil
	default:
		return *resource.NewQuantity(roomFor(chosen.SizeBytes), resource.BinarySI), nil
	}
}

func askedSize(asked string, need resource.Quantity, chosen backup.Backup) (resource.Quantity, error) {
	size, err := resource.ParseQuantity(asked)
	if err != nil || size.Sign() <= 0 {
		return resource.Quantity{}, invalid("size", "size %q is not a quantity such as 10Gi", backup.Clip(asked, backup.MaxWord))
	}
	if size.Cmp(need) < 0 {
		return resource.Quantity{}, invalid("size", "size %s is less than the %s bytes of backup %s", size.String(), fmt.Sprint(chosen.SizeBytes), backup.ShortID(chosen.ID))
	}
	return size, nil
}

// roomFor is the size of a volume for so many bytes of files: a quarter more, for
// the file system and for the app to start, in whole gibibytes.
func roomFor(bytes int64) int64 {
	const gibi = 1 << 30
	room := bytes + bytes/4
	return (room/gibi + 1) * gibi
}

func sizeOf(claim *corev1.PersistentVolumeClaim) *resource.Quantity {
	return claim.Spec.Resources.Requests.Storage()
}

// storageClass is nil where the cluster's default is wanted.
func storageClass(asked string, source *corev1.PersistentVolumeClaim, was backup.Described) *string {
	switch {
	case asked != "":
		return &asked
	case source == nil && was.StorageClass != "":
		return &was.StorageClass
	case source == nil:
		return nil
	}
	if class, set := source.Annotations[corev1.BetaStorageClassAnnotation]; set {
		return &class
	}
	return source.Spec.StorageClassName
}

// classExists refuses a target of a storage class that the cluster has not, as a
// rebuilt one may not have its claims' old ones: it would wait for ever.
func (r *Requests) classExists(ctx context.Context, target *corev1.PersistentVolumeClaim) error {
	class := ptr.Deref(target.Spec.StorageClassName, "")
	if class == "" {
		return nil
	}
	switch err := r.Reader.Get(ctx, types.NamespacedName{Name: class}, &storagev1.StorageClass{}); {
	case apierrors.IsNotFound(err):
		return &backup.Error{Kind: backup.NotFound, Reason: backup.StorageClassMissing, Field: "storage_class", Err: err, Message: fmt.Sprintf(
			"storage class %q does not exist; name another in storage_class", backup.Clip(class, backup.MaxWord))}
	case err != nil:
		return backup.Errorf(backup.Unavailable, "reading storage class %s: %w", class, err)
	}
	return nil
}

var allModes = []corev1.PersistentVolumeAccessMode{
	corev1.ReadWriteOnce, corev1.ReadWriteMany, corev1.ReadOnlyMany, corev1.ReadWriteOncePod,
}

func accessModes(asked []string, source *corev1.PersistentVolumeClaim, was backup.Described) ([]corev1.PersistentVolumeAccessMode, error) {
	switch {
	case len(asked) == 0 && source != nil && len(source.Spec.AccessModes) > 0:
		return source.Spec.AccessModes, nil
	case len(asked) == 0 && source == nil && len(was.AccessModes) > 0:
		asked = was.AccessModes
	case len(asked) == 0:
		return []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, nil
	}
	modes := make([]corev1.PersistentVolumeAccessMode, 0, len(asked))
	for _, each := range asked {
		mode := corev1.PersistentVolumeAccessMode(each)
		if !slices.Contains(allModes, mode) {
			return nil, invalid("access_modes", "access mode %q is none of %v", backup.Clip(each, backup.MaxWord), allModes)
		}
		modes = append(modes, mode)
	}
	return modes, nil
}

func volumeMode(asked string, source *corev1.PersistentVolumeClaim) (corev1.PersistentVolumeMode, error) {
	mode := corev1.PersistentVolumeMode(asked)
	switch {
	case mode == corev1.PersistentVolumeFilesystem, mode == corev1.PersistentVolumeBlock:
		return mode, nil
	case asked != "":
		return "", invalid("volume_mode", "volume mode %q is neither Filesystem nor Block", backup.Clip(asked, backup.MaxWord))
	case source != nil && source.Spec.VolumeMode != nil:
		return *source.Spec.VolumeMode, nil
	default:
		return corev1.PersistentVolumeFilesystem, nil
	}
}

func invalid(field, format string, args ...any) error {
	return &backup.Error{Kind: backup.Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}
