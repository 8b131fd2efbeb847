package copyfill

import (
	"context"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// finalizer keeps a stage's volume object until the volume itself is gone.
const finalizer = "soteria.dev/staged-volume"

// stage is what stands for the volume that is copied from: a claim and a volume
// object, each nil while there is none.
type stage struct {
	// uid identifies the volume to the backup system. It is not the claim's own:
	// a volume that is handed to the claim would have that.
	uid    types.UID
	claim  *corev1.PersistentVolumeClaim
	volume *corev1.PersistentVolume
}

func (s stage) any() bool { return s.claim != nil || s.volume != nil }

// marker is the object that tells of the stage.
func (s stage) marker() client.Object {
	if s.claim != nil {
		return s.claim
	}
	return s.volume
}

// stageName names both objects.
func stageName(claimUID types.UID) string { return "stage-" + string(claimUID) }

func stageUID(claimUID types.UID) types.UID { return claimUID + "/stage" }

// observe reads the stage from the API server. Objects of these names that are
// not Soteria's are left alone.
func (f *Filler) observe(ctx context.Context, claimUID types.UID) (stage, error) {
	s := stage{uid: stageUID(claimUID)}
	var claim corev1.PersistentVolumeClaim
	var volume corev1.PersistentVolume
	err := f.fills.Reader.Get(ctx, types.NamespacedName{Namespace: f.fills.Namespace, Name: stageName(claimUID)}, &claim)
	if client.IgnoreNotFound(err) != nil {
		return stage{}, failed("reading the stage of claim "+string(claimUID), err)
	}
	if err == nil && ours(&claim, claimUID) {
		s.claim = &claim
	}
	err = f.fills.Reader.Get(ctx, types.NamespacedName{Name: stageName(claimUID)}, &volume)
	if client.IgnoreNotFound(err) != nil {
		return stage{}, failed("reading the volume of the stage of claim "+string(claimUID), err)
	}
	if err == nil && ours(&volume, claimUID) {
		s.volume = &volume
	}
	return s, nil
}

func ours(object client.Object, claimUID types.UID) bool {
	l := object.GetLabels()
	return l[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy && l[v1alpha1.RoleLabel] == v1alpha1.RoleStage && l[v1alpha1.ClaimUIDLabel] == string(claimUID)
}

// makeStage makes the claim of the stage; nil if one was there that is not ours
// to see yet. It names a volume and no class, so that nothing provisions it.
func (f *Filler) makeStage(ctx context.Context, req driver.FillRequest) (*corev1.PersistentVolumeClaim, error) {
	name := stageName(req.ClaimUID)
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.fills.Namespace, Name: name, Labels: moverjob.Labels(v1alpha1.RoleStage, req.ClaimUID),
			Annotations: map[string]string{
				v1alpha1.ClaimAnnotation:   req.Claim.String(),
				v1alpha1.AttemptAnnotation: strconv.Itoa(int(req.Attempt)),
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To(""), VolumeName: name,
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}
	err := f.fills.Client.Create(ctx, claim)
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil, nil //nolint:nilnil // looked at again by the next call
	case err != nil:
		return nil, failed("making claim "+client.ObjectKeyFromObject(claim).String(), err)
	}
	return claim, nil
}

// target is the claim that the backup system makes the volume for.
func (s stage) target() *corev1.PersistentVolumeClaim {
	target := s.claim.DeepCopy()
	target.UID = s.uid
	return target
}

// makeVolume makes the object of the restored volume, for the stage's claim
// alone. It retains: only the backup system deletes the volume.
func (f *Filler) makeVolume(ctx context.Context, s stage, made *corev1.PersistentVolume) error {
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.claim.Name, Labels: s.claim.Labels, Annotations: s.claim.Annotations, Finalizers: []string{finalizer},
		},
		Spec: *made.Spec.DeepCopy(),
	}
	volume.Spec.StorageClassName = ""
	volume.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	volume.Spec.ClaimRef = &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: s.claim.Namespace, Name: s.claim.Name, UID: s.claim.UID,
	}
	if err := f.fills.Client.Create(ctx, volume); err != nil && !apierrors.IsAlreadyExists(err) {
		return failed("making volume "+volume.Name, err)
	}
	return nil
}

// touch makes the volume binder look at the claim now: it would otherwise do so
// within 15 s.
func (f *Filler) touch(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	touched := claim.DeepCopy()
	metav1.SetMetaDataAnnotation(&touched.ObjectMeta, v1alpha1.TouchedAnnotation, f.clock.Now().UTC().Format(time.RFC3339))
	if err := client.IgnoreNotFound(f.fills.Client.Patch(ctx, touched, client.MergeFrom(claim))); err != nil {
		return failed("touching claim "+client.ObjectKeyFromObject(claim).String(), err)
	}
	return nil
}

// remove deletes the very object that was looked at.
func (f *Filler) remove(ctx context.Context, object client.Object) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := object.GetUID()
	if err := client.IgnoreNotFound(f.fills.Client.Delete(ctx, object, client.Preconditions{UID: &uid})); err != nil {
		return failed("deleting "+object.GetName(), err)
	}
	return nil
}

// letGo takes the finalizer off, which ends the stage.
func (f *Filler) letGo(ctx context.Context, volume *corev1.PersistentVolume) error {
	freed := volume.DeepCopy()
	if !controllerutil.RemoveFinalizer(freed, finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(volume, client.MergeFromWithOptimisticLock{})
	if err := client.IgnoreNotFound(f.fills.Client.Patch(ctx, freed, patch)); err != nil {
		return failed("letting volume "+volume.Name+" go", err)
	}
	return nil
}
