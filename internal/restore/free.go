package restore

import (
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/stall"
)

// free sees to it that no other volume has the lock's name. A lock that was made
// inside the API server is the same in each life of the claim, so a volume that
// was handed to an earlier life, and retains its data, may still have it: such a
// volume gets another name. Any other volume is left alone, and the claim waits.
func (r *Reconciler) free(ctx context.Context, o *observed) (next, error) {
	if o.lockVolume == nil {
		return proceed, nil
	}
	problem := lockProblem(o.lockVolume, o.claim)
	switch {
	case problem == "":
		return proceed, nil
	case ofEarlierLife(o.lockVolume, o.claim):
		return r.putAside(ctx, o)
	}
	return r.nameTaken(o, problem), nil
}

func (r *Reconciler) nameTaken(o *observed, problem string) next {
	o.named = &stall.Stall{Cause: stall.Person, Message: problem}
	return r.obstruct(o, o.status().Phase, v1alpha1.ConditionReady, reasonVolumeNameTaken, problem)
}

// lockProblem says why the volume under the lock's name is not the one that is
// handed to the claim; "" when it is.
func lockProblem(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) string {
	ref := volume.Spec.ClaimRef
	switch {
	case ref == nil || ref.UID == "":
		return fmt.Sprintf("somebody made a volume named %s, the name that keeps the claim waiting; delete that volume object before the claim is bound to it", volume.Name)
	case ref.UID != claim.UID:
		return fmt.Sprintf("volume %s, whose name keeps the claim waiting, belongs to %s/%s (uid %s); %s",
			volume.Name, ref.Namespace, ref.Name, ref.UID, otherLock(claim))
	case !serves(volume, v1alpha1.RoleRestored, claim.UID):
		return fmt.Sprintf("the claim was given volume %s, which Soteria did not make; what it holds is not the backup. Delete the claim and apply it again", volume.Name)
	}
	return ""
}

// otherLock says how a claim comes by another lock.
func otherLock(claim *corev1.PersistentVolumeClaim) string {
	if claim.Spec.VolumeName == kube.NamedLock(claim.Namespace, claim.Name) {
		return "the lock is made of the claim's namespace and name, so give the claim another name"
	}
	return "delete the claim and apply it again to get another name"
}

// ofEarlierLife reports whether Soteria made the volume for an earlier claim of
// this claim's name.
func ofEarlierLife(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	ref := volume.Spec.ClaimRef
	served, ours := servedClaim(volume)
	return ours && volume.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleRestored && served == client.ObjectKeyFromObject(claim) &&
		ref != nil && ref.UID != "" && ref.UID != claim.UID && ref.Namespace == claim.Namespace && ref.Name == claim.Name
}

// putAside gives the volume of an earlier life another name: a second object that
// stands for the same storage and retains it is made before the first one goes.
// The name follows from the first object, so a crash in between finds the second.
func (r *Reconciler) putAside(ctx context.Context, o *observed) (next, error) {
	n, err := r.awaitIdle(ctx, o)
	if err != nil || !n.settled {
		return n, err
	}
	aside := asideOf(o.lockVolume)
	if err := r.client.Create(ctx, aside); err != nil && !apierrors.IsAlreadyExists(err) {
		return next{}, fmt.Errorf("make volume %s for the storage of volume %s: %w", aside.Name, o.lockVolume.Name, err)
	}
	there, err := find(ctx, r.reader, types.NamespacedName{Name: aside.Name}, &corev1.PersistentVolume{})
	if err != nil {
		return next{}, err
	}
	if there == nil || !standsFor(there, o.lockVolume) {
		return r.nameTaken(o, fmt.Sprintf("volume %s has the name that the claim's earlier volume %s is to get, and does not keep its data; give that volume object another name",
			aside.Name, o.lockVolume.Name)), nil
	}
	if err := r.remove(ctx, o.lockVolume); err != nil {
		return next{}, err
	}
	r.events.say(o.claim, o.restore, setAside(aside.Name))
	waitsForName(o, "to be gone; its data stays, as volume "+aside.Name, stall.Unknown, keptRemedy(o.lockVolume))
	return waitFor(soon), nil
}

// awaitIdle waits until nothing uses or changes the volume of an earlier life any
// more, its restore neither: what is left of that goes by the lock's volume when
// it tells what to delete.
func (r *Reconciler) awaitIdle(ctx context.Context, o *observed) (next, error) {
	volume := o.lockVolume
	switch {
	case !volume.DeletionTimestamp.IsZero():
		waitsForName(o, "to be gone", stall.Unknown, keptRemedy(volume))
		return waitFor(soon), nil
	case volume.Status.Phase != corev1.VolumeReleased && volume.Status.Phase != corev1.VolumeFailed:
		waitsForName(o, "to be released", stall.Unknown,
			"see that the kube-controller-manager works, and that the earlier claim is gone: kubectl describe pv "+volume.Name)
		return waitFor(soon), nil
	case volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimRetain:
		return r.nameTaken(o, fmt.Sprintf(
			"volume %[1]s, which an earlier claim of this name had, is not kept but goes, as its reclaim policy %[2]s says; if that takes long, look at kubectl describe pv %[1]s",
			volume.Name, volume.Spec.PersistentVolumeReclaimPolicy)), nil
	}
	earlier := servedUID(volume)
	prime, err := find(ctx, r.reader, r.primeKey(earlier), &corev1.PersistentVolumeClaim{})
	if err != nil {
		return next{}, err
	}
	volumes, err := r.labelledVolumes(ctx, earlier)
	if err != nil {
		return next{}, err
	}
	if prime != nil || len(volumes) > 0 {
		waitsForName(o, "until nothing is left of its restore", stall.Unknown,
			fmt.Sprintf("see what keeps that: kubectl -n %s describe pvc,job,pod -l %s=%s", r.namespace, v1alpha1.ClaimUIDLabel, earlier))
		return waitFor(soon), nil
	}
	node, err := attachedTo(ctx, r.reader, volume.Name)
	if err != nil {
		return next{}, err
	}
	if node != "" {
		waitsForName(o, "to be detached from node "+node, stall.Attacher, fmt.Sprintf(
			"see that node %[1]s and its attacher work: kubectl describe node %[1]s, and kubectl describe volumeattachments; if the node is off for good, delete it", node))
		return waitFor(watchSoonest), nil
	}
	return proceed, nil
}

// waitsForName says what has to become of the volume that has the lock's name. That
// takes a moment mostly; the watchdog tells of it where it does not.
func waitsForName(o *observed, what string, cause stall.Cause, remedy string) {
	message := fmt.Sprintf("waiting for volume %s, which an earlier claim of this name had, %s", o.lockVolume.Name, what)
	o.named = &stall.Stall{Cause: cause, Message: message, Remedy: remedy}
	o.waits(o.status().Phase, v1alpha1.ConditionReady, reasonVolumeNameTaken, message)
}

// keptRemedy is what to do about a volume that is deleted and stays.
func keptRemedy(volume *corev1.PersistentVolume) string {
	return fmt.Sprintf("see that what keeps it works, its finalizers %s: kubectl describe pv %s", strings.Join(volume.Finalizers, ", "), volume.Name)
}

// asideOf is a volume like the given one under a name of its own: it stands for
// the same storage, is still reserved for the claim that had it, and retains.
func asideOf(volume *corev1.PersistentVolume) *corev1.PersistentVolume {
	aside := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        v1alpha1.RetainedPrefix + string(volume.UID),
			Labels:      maps.Clone(volume.Labels),
			Annotations: maps.Clone(volume.Annotations),
		},
		Spec: *volume.Spec.DeepCopy(),
	}
	metav1.SetMetaDataLabel(&aside.ObjectMeta, v1alpha1.RoleLabel, v1alpha1.RoleRetained)
	metav1.SetMetaDataAnnotation(&aside.ObjectMeta, v1alpha1.LockAnnotation, volume.Name)
	aside.Spec.ClaimRef.ResourceVersion = ""
	return aside
}

// standsFor reports whether a volume keeps the storage of another one safe.
func standsFor(aside, volume *corev1.PersistentVolume) bool {
	return aside.DeletionTimestamp.IsZero() && sameBackend(aside, volume) &&
		aside.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain &&
		aside.Spec.ClaimRef != nil && aside.Spec.ClaimRef.UID == volume.Spec.ClaimRef.UID
}
