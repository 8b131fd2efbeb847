package restore

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// touchEvery is how long a touched claim is given to become bound, at first, and
// touchSeldom once it has not for long: the binder looks at it as often by itself.
const (
	touchEvery  = time.Second
	touchSeldom = 15 * time.Second
)

// handedAnnotations are copied from the prime's volume to the claim's: the
// provisioner goes by them when it deletes the volume one day.
var handedAnnotations = []string{
	provisionedByAnnotation,
	"volume.kubernetes.io/provisioner-deletion-secret-name",
	"volume.kubernetes.io/provisioner-deletion-secret-namespace",
}

// handOver makes the filled volume the claim's own. The order is fixed, since
// others lose data or hang: nobody uses the volume; a node can reach it; its object retains it; a
// second object, of the lock's name and for this claim alone, stands for it too
// and is bound; then the prime goes, and the first object last. At no point does
// the data lack an object that retains it or a claim that has it.
func (r *Reconciler) handOver(ctx context.Context, o *observed) (next, error) {
	steps := []phase{r.awaitUnused, r.awaitReach, r.retain, r.makeVolume, r.awaitBound, r.removePrime, r.removeOldVolume, r.complete}
	for _, step := range steps {
		if n, err := step(ctx, o); err != nil || !n.settled {
			return n, err
		}
	}
	return next{}, nil
}

func (o *observed) handsOver(message string) {
	o.waits(v1alpha1.PhaseHandingOver, v1alpha1.ConditionReady, reasonHandingOver, message)
}

// awaitUnused removes the Jobs that filled the prime and waits until the volume
// is attached nowhere. A made volume has no object yet that could be attached.
func (r *Reconciler) awaitUnused(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() {
		return proceed, nil
	}
	gone, err := r.release(ctx, o.claim.UID)
	if err != nil {
		return next{}, err
	}
	if !gone {
		o.handsOver(waitsForPods)
		return waitFor(r.patient(o)), nil
	}
	r.killPoint(ctx, o.claim, KillReleased)
	r.memory.change(o.claim.UID, func(known *firsthand) { known.released = o.prime.UID })
	if o.way.made() {
		return proceed, nil
	}
	if n, err := r.readVolume(ctx, o); err != nil || !n.settled {
		return n, err
	}
	// The cache spares the API server while the volume is attached; that it is
	// not is believed only of the API server.
	for _, from := range []client.Reader{r.client, r.reader} {
		attached, err := attachedTo(ctx, from, o.primeVolume.Name)
		if err != nil {
			return next{}, err
		}
		if attached != "" {
			o.handsOver(waitsForNode(o.primeVolume.Name, attached))
			return waitFor(r.patient(o)), nil
		}
	}
	return proceed, nil
}

const waitsForPods = "waiting for the pods that filled the volume to be gone"

func waitsForNode(volume, node string) string {
	return fmt.Sprintf("waiting for volume %s to be detached from node %s", volume, node)
}

// attachedTo gives a node that a volume is attached to, or is still being
// detached from; "" when there is none.
func attachedTo(ctx context.Context, from client.Reader, volume string) (node string, err error) {
	var attachments storagev1.VolumeAttachmentList
	if err := from.List(ctx, &attachments); err != nil {
		return "", fmt.Errorf("list the attachments of volume %s: %w", volume, err)
	}
	i := slices.IndexFunc(attachments.Items, func(a storagev1.VolumeAttachment) bool {
		return a.Spec.Source.PersistentVolumeName != nil && *a.Spec.Source.PersistentVolumeName == volume
	})
	if i < 0 {
		return "", nil
	}
	return attachments.Items[i].Spec.NodeName, nil
}

// retain makes the prime's volume keep its data whatever happens to the prime,
// and labels it so that it is found without the prime; one patch, so that the
// policy it had is never lost.
func (r *Reconciler) retain(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() || o.way.made() || retained(o.primeVolume, o.claim.UID) {
		return proceed, nil
	}
	err := r.patchVolume(ctx, o.primeVolume, func(v *corev1.PersistentVolume) {
		if v.Annotations[v1alpha1.ReclaimPolicyAnnotation] == "" {
			metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1alpha1.ReclaimPolicyAnnotation, string(v.Spec.PersistentVolumeReclaimPolicy))
		}
		metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1alpha1.ClaimAnnotation, client.ObjectKeyFromObject(o.claim).String())
		metav1.SetMetaDataAnnotation(&v.ObjectMeta, v1alpha1.LockAnnotation, o.claim.Spec.VolumeName)
		for key, value := range labelsFor(v1alpha1.RolePrime, o.claim.UID) {
			metav1.SetMetaDataLabel(&v.ObjectMeta, key, value)
		}
		v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	})
	if err != nil {
		return next{}, err
	}
	r.killPoint(ctx, o.claim, KillRetained)
	return proceed, nil
}

func retained(volume *corev1.PersistentVolume, claim types.UID) bool {
	return volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain &&
		volume.Annotations[v1alpha1.ReclaimPolicyAnnotation] != "" && serves(volume, v1alpha1.RolePrime, claim)
}

// makeVolume makes the claim's volume under the lock's name.
func (r *Reconciler) makeVolume(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() {
		return proceed, nil
	}
	claim, err := find(ctx, r.reader, client.ObjectKeyFromObject(o.claim), &corev1.PersistentVolumeClaim{})
	if err != nil {
		return next{}, err
	}
	if claim == nil || claim.UID != o.claim.UID || doomed(claim) {
		return waitFor(soon), nil // a later pass removes what there is
	}
	volume := o.volumeToHand()
	switch err := r.client.Create(ctx, volume); {
	case apierrors.IsAlreadyExists(err):
		return waitFor(soon), nil // looked at by the next pass
	case err != nil:
		return next{}, fmt.Errorf("make volume %s: %w", volume.Name, err)
	}
	r.killPoint(ctx, o.claim, KillVolumeMade)
	o.lockVolume = volume
	return proceed, nil
}

// volumeToHand is the volume that is handed to the claim: the prime's with the
// policy that it had, or the made one with that of the claim's class.
func (o *observed) volumeToHand() *corev1.PersistentVolume {
	if o.way.made() {
		return volumeFor(o.claim, o.made, ptr.Deref(o.way.class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete))
	}
	return volumeFor(o.claim, o.primeVolume, corev1.PersistentVolumeReclaimPolicy(o.primeVolume.Annotations[v1alpha1.ReclaimPolicyAnnotation]))
}

// volumeFor is a volume like another one, under the name of the claim's lock and
// reserved for this claim's uid. Without the uid it would bind to any claim of
// that name.
func volumeFor(claim *corev1.PersistentVolumeClaim, like *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) *corev1.PersistentVolume {
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        claim.Spec.VolumeName,
			Labels:      labelsFor(v1alpha1.RoleRestored, claim.UID),
			Annotations: map[string]string{v1alpha1.ClaimAnnotation: client.ObjectKeyFromObject(claim).String()},
		},
		Spec: *like.Spec.DeepCopy(),
	}
	for _, key := range handedAnnotations {
		if value, set := like.Annotations[key]; set {
			volume.Annotations[key] = value
		}
	}
	volume.Spec.StorageClassName = boundClass(claim)
	volume.Spec.PersistentVolumeReclaimPolicy = policy
	volume.Spec.ClaimRef = &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim",
		Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
	}
	return volume
}

// awaitBound touches the claim until it is bound: the binder looks at it again
// only then, or within 15 s. A touch helps only once the volume is bound.
func (r *Reconciler) awaitBound(ctx context.Context, o *observed) (next, error) {
	if bound(o.claim) {
		return proceed, nil
	}
	r.takesLong(o, fmt.Sprintf("waiting for Kubernetes to bind volume %s to the claim", o.lockVolume.Name))
	if o.lockVolume.Status.Phase != corev1.VolumeBound {
		return waitFor(r.patient(o)), nil
	}
	every := min(max(touchEvery, r.patient(o)), touchSeldom)
	if touched, err := time.Parse(time.RFC3339Nano, o.claim.Annotations[v1alpha1.TouchedAnnotation]); err == nil {
		if wait := every - o.now.Sub(touched); wait > 0 && wait <= every {
			return waitFor(wait), nil
		}
	}
	if err := r.touch(ctx, o); err != nil {
		return next{}, err
	}
	return waitFor(every), nil
}

func (r *Reconciler) touch(ctx context.Context, o *observed) error {
	if err := r.annotate(ctx, o.claim, map[string]string{v1alpha1.TouchedAnnotation: o.now.UTC().Format(time.RFC3339Nano)}); err != nil {
		return err
	}
	r.killPoint(ctx, o.claim, KillTouched)
	return nil
}

// takesLong says what the handover waits for, where that takes more than a moment.
func (r *Reconciler) takesLong(o *observed, message string) {
	const moment = 5 * time.Second
	if o.status().Phase != v1alpha1.PhaseHandingOver || o.now.Sub(r.watchdog.since(o)) > moment {
		o.handsOver(message)
	}
}

const removes = "the claim is bound; removing what the restore needed"

// removePrime deletes the prime once its volume is sure to outlive it.
func (r *Reconciler) removePrime(ctx context.Context, o *observed) (next, error) {
	if o.prime != nil && !o.prime.DeletionTimestamp.IsZero() && serves(o.prime, v1alpha1.RolePrime, o.claim.UID) {
		r.takesLong(o, removes)
		return waitFor(r.patient(o)), nil
	}
	if o.prime == nil && r.memory.of(o.claim.UID).primeGone {
		return proceed, nil // and no other is made for a claim that is bound
	}
	prime, err := find(ctx, r.reader, r.primeKey(o.claim.UID), &corev1.PersistentVolumeClaim{})
	if err != nil {
		return next{}, err
	}
	if prime == nil || !serves(prime, v1alpha1.RolePrime, o.claim.UID) {
		r.memory.change(o.claim.UID, func(known *firsthand) { known.primeGone = true })
		return proceed, nil
	}
	r.takesLong(o, removes)
	volume, err := find(ctx, r.reader, types.NamespacedName{Name: prime.Spec.VolumeName}, &corev1.PersistentVolume{})
	if err != nil {
		return next{}, err
	}
	if volume != nil && (!retained(volume, o.claim.UID) || !sameBackend(volume, o.lockVolume)) {
		return r.obstruct(o, v1alpha1.PhaseHandingOver, v1alpha1.ConditionReady, reasonForeignVolume, fmt.Sprintf(
			"volume %s of the prime %s/%s was changed by somebody during the handover; the claim has its data, the prime is kept: make the volume's reclaim policy Retain",
			volume.Name, prime.Namespace, prime.Name)), nil
	}
	if err := r.remove(ctx, prime); err != nil {
		return next{}, err
	}
	return waitFor(r.patient(o)), nil
}

// removeOldVolume deletes the object of the prime's volume: its storage has
// another now, the claim's.
func (r *Reconciler) removeOldVolume(ctx context.Context, o *observed) (next, error) {
	volumes, err := r.labelledVolumes(ctx, o.claim.UID)
	if err != nil || len(volumes) == 0 {
		return proceed, err
	}
	r.killPoint(ctx, o.claim, KillPrimeDeleted)
	r.takesLong(o, removes)
	for i := range volumes {
		volume := &volumes[i]
		if !retained(volume, o.claim.UID) || !sameBackend(volume, o.lockVolume) {
			return r.obstruct(o, v1alpha1.PhaseHandingOver, v1alpha1.ConditionReady, reasonForeignVolume, fmt.Sprintf(
				"volume %s has the label of the one this restore filled, but is not that one; take the label %s off it", volume.Name, v1alpha1.RoleLabel)), nil
		}
		if err := r.remove(ctx, volume); err != nil {
			return next{}, err
		}
	}
	r.killPoint(ctx, o.claim, KillOldVolumeDeleted)
	return waitFor(r.patient(o)), nil
}

// complete records the end, which only a bound claim is.
func (r *Reconciler) complete(ctx context.Context, o *observed) (next, error) {
	s := o.status()
	if s.Phase == v1alpha1.PhaseCompleted {
		return proceed, nil
	}
	took := o.took()
	now := metav1.NewTime(o.now)
	s.Phase = v1alpha1.PhaseCompleted
	s.CompletedAt = &now
	s.RetryAt = nil
	s.Message = completion(s, took)
	reason := reasonRestored
	if s.Empty {
		reason = reasonStartedEmpty
	}
	o.settles(v1alpha1.ConditionReady, reason, s.Message)
	if err := r.record(ctx, o); err != nil {
		return next{}, err
	}
	r.killPoint(ctx, o.claim, KillCompleted)
	r.events.say(o.claim, o.restore, finished(s, took))
	r.forget(o.claim.UID)
	r.observer.Completed(driverName(s), took)
	return proceed, nil
}
