package restore

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/stall"
)

// provisionedByAnnotation is what every provisioner writes on the volumes it
// makes and nobody writes on volumes made by hand.
const provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"

// prepare sees to it that there is a prime: to be filled, on a volume that was
// made for it, or as the placeholder of a volume that a backup system makes. In a
// class that waits for the first consumer the transfer's own pod is that
// consumer, so the pass proceeds with a prime that waits for it.
func (r *Reconciler) prepare(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() {
		return proceed, nil
	}
	chosen, blocked, err := r.chooseWay(ctx, o.claim, o.status().Backup)
	if err != nil {
		return next{}, err
	}
	if blocked.problem != "" {
		return r.obstructTransfer(o, blocked.reason, blocked.problem), nil
	}
	o.way = chosen
	if o.prime == nil {
		return r.makePrime(ctx, o)
	}
	if !serves(o.prime, v1alpha1.RolePrime, o.claim.UID) {
		return r.obstructTransfer(o, reasonPrimeNameTaken, fmt.Sprintf(
			"the claim %s/%s was not made by Soteria and has the name of the prime; delete it", o.prime.Namespace, o.prime.Name)), nil
	}
	if flaw := flawed(o.prime, wanted(o.status()), o.way); flaw != "" {
		return r.startOver(ctx, o, flaw)
	}
	return r.checkVolume(ctx, o)
}

func (r *Reconciler) obstructTransfer(o *observed, reason, problem string) next {
	return r.obstruct(o, v1alpha1.PhasePreparing, v1alpha1.ConditionTransferred, reason, problem)
}

// wanted names what a prime has to hold.
func wanted(s *v1alpha1.RestoreStatus) string {
	if s.Backup == nil {
		return v1alpha1.EmptyBackup
	}
	return s.Backup.Driver + "/" + s.Backup.ID
}

// flawed says why a prime cannot be used: it is on its way out, lost its volume,
// or was made for another backup or another way under a record that is gone.
func flawed(prime *corev1.PersistentVolumeClaim, wanted string, way way) string {
	switch {
	case !prime.DeletionTimestamp.IsZero():
		return "the prime is being deleted"
	case prime.Status.Phase == corev1.ClaimLost:
		return "the prime lost its volume"
	case prime.Annotations[v1alpha1.AbandonedAnnotation] != "":
		return prime.Annotations[v1alpha1.AbandonedAnnotation]
	case prime.Annotations[v1alpha1.BackupAnnotation] != wanted:
		return "the prime was made for another backup"
	case placeholder(prime) != way.made():
		return "the prime was made for another way to restore"
	}
	return ""
}

// makePrime makes the prime for the next attempt, once nothing is left of the
// attempts before: a Job that says it is done must never speak for a volume that
// it has not seen.
func (r *Reconciler) makePrime(ctx context.Context, o *observed) (next, error) {
	if current, err := r.current(ctx, o); err != nil || !current {
		return waitFor(soon), err
	}
	if o.status().Attempt > 0 {
		if cleared, n, err := r.clear(ctx, o, "the prime is gone"); err != nil || !cleared {
			return n, err
		}
	}
	prime := primeOf(o, r.namespace)
	if o.way.made() {
		prime.Spec.StorageClassName, prime.Spec.VolumeName = ptr.To(""), prime.Name
	} else {
		twin, err := r.ensureTwin(ctx, o.way.class)
		if err != nil {
			return next{}, err
		}
		prime.Spec.StorageClassName = &twin
	}
	switch err := r.client.Create(ctx, prime); {
	case apierrors.IsAlreadyExists(err):
		return waitFor(soon), nil
	case err != nil:
		return next{}, fmt.Errorf("make the prime %s/%s: %w", prime.Namespace, prime.Name, err)
	}
	r.killPoint(ctx, o.claim, KillPrimeMade)
	o.prime = prime
	if !o.way.made() && !late(o.way.class) {
		return waitFor(r.patient(o)), nil // for its volume, which is told where it takes long
	}
	return r.checkVolume(ctx, o)
}

// primeOf is the prime for a claim, but for its class: like the claim, with
// nothing that would bind it to a volume or fill it from elsewhere.
func primeOf(o *observed, namespace string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      PrimeName(o.claim.UID),
			Labels:    labelsFor(v1alpha1.RolePrime, o.claim.UID),
			Annotations: map[string]string{
				v1alpha1.ClaimAnnotation:   client.ObjectKeyFromObject(o.claim).String(),
				v1alpha1.LockAnnotation:    o.claim.Spec.VolumeName,
				v1alpha1.BackupAnnotation:  wanted(o.status()),
				v1alpha1.AttemptAnnotation: strconv.Itoa(int(o.status().Attempt) + 1),
				v1alpha1.WrittenAnnotation: v1alpha1.NotWritten,
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:               o.claim.Spec.AccessModes,
			Resources:                 corev1.VolumeResourceRequirements{Requests: o.claim.Spec.Resources.Requests, Limits: o.claim.Spec.Resources.Limits},
			VolumeMode:                o.claim.Spec.VolumeMode,
			VolumeAttributesClassName: o.claim.Spec.VolumeAttributesClassName,
		},
	}
}

// current confirms with the API server what the caches say: the claim still
// waits, and there is no prime.
func (r *Reconciler) current(ctx context.Context, o *observed) (bool, error) {
	claim, err := find(ctx, r.reader, client.ObjectKeyFromObject(o.claim), &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil || claim.UID != o.claim.UID || doomed(claim) {
		return false, err
	}
	prime, err := find(ctx, r.reader, r.primeKey(o.claim.UID), &corev1.PersistentVolumeClaim{})
	return prime == nil, err
}

// startOver removes a prime that cannot be used, and leaves making another to a
// later pass.
func (r *Reconciler) startOver(ctx context.Context, o *observed, flaw string) (next, error) {
	cleared, n, err := r.clear(ctx, o, flaw)
	if cleared {
		n = waitFor(soon)
	}
	return n, err
}

// clear removes a prime with all that belongs to it, and reports whether nothing
// of it is left. The record keeps the number of the prime's attempt first, so
// that the next prime's is higher.
func (r *Reconciler) clear(ctx context.Context, o *observed, flaw string) (cleared bool, n next, err error) {
	if s := o.status(); o.prime != nil && s.Attempt < attemptOf(o.prime) {
		s.Attempt = attemptOf(o.prime)
		if err := r.record(ctx, o); err != nil {
			return false, next{}, err
		}
	}
	left, err := r.discard(ctx, o.claim.UID)
	switch {
	case err != nil:
		return false, next{}, err
	case left.stuck:
		return false, r.obstructTransfer(o, reasonForeignVolume, left.what), nil
	case left.any():
		o.waits(v1alpha1.PhasePreparing, v1alpha1.ConditionTransferred, reasonPreparing, fmt.Sprintf("%s and is made anew; waiting for %s", flaw, left.what))
		return false, waitFor(soon), nil
	}
	return true, next{}, nil
}

// checkVolume proves that the volume behind the prime was made for it. Nothing
// is trusted, and in a class that binds at once nothing is written, before.
func (r *Reconciler) checkVolume(ctx context.Context, o *observed) (next, error) {
	class := o.way.class
	if o.way.made() || o.underWay {
		return proceed, nil
	}
	if !bound(o.prime) {
		// Somebody may have deleted the twin, and no volume is made without it.
		if _, err := r.ensureTwin(ctx, class); err != nil {
			return next{}, err
		}
		if late(class) {
			return proceed, nil
		}
		o.waits(v1alpha1.PhasePreparing, v1alpha1.ConditionTransferred, reasonPreparing, fmt.Sprintf(
			"waiting for %s to make a volume; if that takes long, look at kubectl -n %s describe pvc %s", class.Provisioner, o.prime.Namespace, o.prime.Name))
		return waitFor(r.patient(o)), nil
	}
	quiet := o.now.Sub(r.watchdog.since(o)) >= stall.Patience
	if !quiet && r.provedFor(o) && (isFilled(o.prime) || o.isRunning()) {
		return proceed, nil // it is read again before it is handed over
	}
	if n, err := r.readVolume(ctx, o); err != nil || !n.settled {
		return n, err
	}
	return r.checkRoom(o)
}

// readVolume reads the prime's volume, unless this pass has, and proves that it was made
// for the prime.
func (r *Reconciler) readVolume(ctx context.Context, o *observed) (next, error) {
	if o.primeVolume != nil {
		return proceed, nil
	}
	volume, err := find(ctx, r.reader, types.NamespacedName{Name: o.prime.Spec.VolumeName}, &corev1.PersistentVolume{})
	if err != nil {
		return next{}, err
	}
	if volume == nil {
		return r.startOver(ctx, o, "the prime lost its volume")
	}
	if madeFor(volume, o.prime) {
		o.primeVolume = volume
		r.memory.change(o.claim.UID, func(known *firsthand) { known.prime, known.volume = o.prime.UID, volume.Name })
		return proceed, nil
	}
	return r.startOver(ctx, o, fmt.Sprintf("the prime was bound to volume %s, which was made by hand and is left alone", volume.Name))
}

// madeFor reports whether a provisioner made the volume for this very claim.
func madeFor(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	return volume.Annotations[provisionedByAnnotation] != "" && volume.Spec.ClaimRef != nil && volume.Spec.ClaimRef.UID == claim.UID
}
