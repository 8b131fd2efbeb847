package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// cancel removes what restores of earlier claims of this name left behind. A
// claim that waits has no finalizer of Soteria's and may vanish at any moment;
// its leftovers are found by their label and annotation, also after a crash.
// claim is the claim that there is now, or nil.
func (r *Reconciler) cancel(ctx context.Context, key types.NamespacedName, claim *corev1.PersistentVolumeClaim) (again time.Duration, err error) {
	left, err := r.leftovers(ctx, key)
	if err != nil {
		return 0, err
	}
	uids := left.uids()
	if claim != nil {
		uids.Delete(claim.UID)
	}
	for _, uid := range sets.List(uids) {
		after, err := r.cancelIfGone(ctx, key, uid, left)
		if err != nil {
			after = r.removalFailed(ctx, key, uid, left, err)
		}
		again = soonest(again, after)
	}
	return again, nil
}

// cancelIfGone removes what was made for the claim with this uid, unless that claim
// is there still.
func (r *Reconciler) cancelIfGone(ctx context.Context, key types.NamespacedName, uid types.UID, left leftovers) (again time.Duration, err error) {
	gone, err := r.gone(ctx, key, uid)
	if err != nil || !gone {
		return soon, err
	}
	return r.cancelOne(ctx, key, uid, left)
}

// removalFailed reports a removal that ended in an error, and returns when to try
// again. It stops neither other removals nor the claim that there is now: what is
// left has that claim's lock name or record only where phases free and adopt see so,
// and wait.
func (r *Reconciler) removalFailed(ctx context.Context, key types.NamespacedName, uid types.UID, left leftovers, err error) (again time.Duration) {
	log := logf.FromContext(ctx).WithValues("claimUID", uid)
	if apierrors.IsConflict(err) {
		log.V(1).Info("something changed underway, looking again", "reason", err.Error())
		return soon
	}
	log.Error(err, "cannot remove what a deleted claim's restore left; it is tried again")
	failing := remains{what: failingRemoval, err: err}
	since := r.watchdog.removes(uid, failing.what)
	if err := r.watchRemoval(ctx, key, uid, left, failing); err != nil {
		log.Error(err, "could not report what the removal waits for")
	}
	return selectDelay(r.clock.Now().Sub(since), r.jitter())
}

// gone asks the API server itself whether the claim with this uid is no more: on
// the word of a cache nothing is deleted.
func (r *Reconciler) gone(ctx context.Context, key types.NamespacedName, uid types.UID) (bool, error) {
	claim, err := find(ctx, r.reader, key, &corev1.PersistentVolumeClaim{})
	if err != nil {
		return false, err
	}
	return claim == nil || claim.UID != uid || doomed(claim), nil
}

// cancelOne removes what was made for the claim with this uid, its record last.
func (r *Reconciler) cancelOne(ctx context.Context, key types.NamespacedName, uid types.UID, left leftovers) (again time.Duration, err error) {
	log := logf.FromContext(ctx).WithValues("claimUID", uid)
	remaining, err := r.discard(ctx, uid)
	if err != nil {
		return 0, err
	}
	if remaining.stuck {
		log.Info("cannot remove what a deleted claim's restore left", "because", remaining.what)
		return slow, r.watchRemoval(ctx, key, uid, left, remaining)
	}
	if remaining.any() {
		log.V(1).Info("removing what a deleted claim's restore left", "waitingFor", remaining.what)
		return soon, r.watchRemoval(ctx, key, uid, left, remaining)
	}
	for i := range left.restores {
		if record := &left.restores[i]; servedUID(record) == uid {
			if err := r.remove(ctx, record); err != nil {
				return 0, err
			}
		}
	}
	if err := r.removed(ctx, key.Namespace, uid); err != nil {
		return 0, err
	}
	r.forget(uid)
	log.Info("nothing is left of the restore of a deleted claim")
	return 0, nil
}

// leftovers are the objects that name a claim as the one they serve.
type leftovers struct {
	primes   []corev1.PersistentVolumeClaim
	volumes  []corev1.PersistentVolume
	restores []v1alpha1.Restore
}

// leftovers finds, in the cache, what serves any claim of this name.
func (r *Reconciler) leftovers(ctx context.Context, key types.NamespacedName) (leftovers, error) {
	var (
		primes   corev1.PersistentVolumeClaimList
		volumes  corev1.PersistentVolumeList
		restores v1alpha1.RestoreList
		of       = client.MatchingFields{claimIndex: key.String()}
	)
	if err := r.client.List(ctx, &primes, client.InNamespace(r.namespace), of); err != nil {
		return leftovers{}, fmt.Errorf("list the primes of claim %s: %w", key, err)
	}
	if err := r.client.List(ctx, &volumes, of); err != nil {
		return leftovers{}, fmt.Errorf("list the primes' volumes of claim %s: %w", key, err)
	}
	if err := r.client.List(ctx, &restores, client.InNamespace(key.Namespace), of); err != nil {
		return leftovers{}, fmt.Errorf("list the Restores of claim %s: %w", key, err)
	}
	return leftovers{primes: primes.Items, volumes: volumes.Items, restores: restores.Items}, nil
}

// uids gives the uids of all claims that are served.
func (l leftovers) uids() sets.Set[types.UID] {
	found := sets.New[types.UID]()
	for i := range l.primes {
		found.Insert(servedUID(&l.primes[i]))
	}
	for i := range l.volumes {
		found.Insert(servedUID(&l.volumes[i]))
	}
	for i := range l.restores {
		found.Insert(servedUID(&l.restores[i]))
	}
	return found.Delete("")
}

// working reports whether anything but the record serves the claim.
func (l leftovers) working(claim types.UID) bool {
	for i := range l.primes {
		if servedUID(&l.primes[i]) == claim {
			return true
		}
	}
	for i := range l.volumes {
		if servedUID(&l.volumes[i]) == claim {
			return true
		}
	}
	return false
}

// remains says what a removal waits for; the zero value is nothing.
type remains struct {
	what string
	// stuck is true when it waits for a person.
	stuck bool
	// err is what ends each try to remove it, if that is what it waits for.
	err error
}

// failingRemoval is what a removal waits for that ends in errors, whatever they say.
const failingRemoval = "its removal to succeed"

func (m remains) any() bool { return m.what != "" }

// discard removes the prime of the claim with this uid and all that belongs to
// it: Jobs first, so that nobody uses the volume, then the prime and its volume.
// The volume's storage goes too, unless the claim's own volume has it already.
// It must be called only when the claim is gone, or was not handed its volume
// yet. It is called again until nothing remains.
func (r *Reconciler) discard(ctx context.Context, claim types.UID) (remains, error) {
	if err := r.heedFinding(ctx, claim); err != nil {
		return remains{}, err
	}
	released, err := r.release(ctx, claim)
	if err != nil || !released {
		return remains{what: "the Jobs of earlier attempts to end"}, err
	}
	prime, err := find(ctx, r.reader, r.primeKey(claim), &corev1.PersistentVolumeClaim{})
	if err != nil {
		return remains{}, err
	}
	if prime != nil && !serves(prime, v1alpha1.RolePrime, claim) {
		prime = nil
	}
	if left, err := r.discardMade(ctx, claim, prime); err != nil || left.any() {
		return left, err
	}
	volumes, err := r.primeVolumes(ctx, claim, prime)
	if err != nil {
		return remains{}, err
	}
	for i := range volumes {
		if left, err := r.discardVolume(ctx, &volumes[i], prime); err != nil || left.stuck {
			return left, err
		}
	}
	volumes = slices.DeleteFunc(volumes, func(v corev1.PersistentVolume) bool { return v.Annotations[v1alpha1.ForeignDataAnnotation] != "" })
	if prime != nil {
		return remains{what: "the prime " + prime.Name + " to be deleted"}, r.remove(ctx, prime)
	}
	if len(volumes) > 0 {
		return remains{what: "the volume " + volumes[0].Name + " to be deleted"}, nil
	}
	return remains{}, nil
}

// discardMade deletes the volume that a backup system made for the claim, unless
// it was handed over. Only a placeholder says that there may be one; it goes
// after it.
func (r *Reconciler) discardMade(ctx context.Context, claim types.UID, prime *corev1.PersistentVolumeClaim) (remains, error) {
	if prime == nil || !placeholder(prime) {
		return remains{}, nil
	}
	lock := prime.Annotations[v1alpha1.LockAnnotation]
	handed, err := find(ctx, r.reader, types.NamespacedName{Name: lock}, &corev1.PersistentVolume{})
	if err != nil {
		return remains{}, err
	}
	if handed != nil && serves(handed, v1alpha1.RoleRestored, claim) {
		return remains{}, nil
	}
	name, _, _ := strings.Cut(prime.Annotations[v1alpha1.BackupAnnotation], "/")
	maker, ok := r.makers[name]
	if !ok {
		return remains{stuck: true, what: fmt.Sprintf(
			"the driver %q, which may have made a volume for the claim, to be configured again so that the volume can be deleted; prime %s/%s is kept until then", name, prime.Namespace, prime.Name)}, nil
	}
	gone, err := maker.DiscardVolume(ctx, claim)
	if err != nil {
		return remains{}, fmt.Errorf("delete the %s volume that was made for claim %s: %w", name, claim, err)
	}
	if !gone {
		return remains{what: fmt.Sprintf("the %s volume to be deleted", name)}, nil
	}
	return remains{}, nil
}

// primeVolumes reads the volumes of a claim's primes: the one that the prime is
// bound to and those that handover had begun with.
func (r *Reconciler) primeVolumes(ctx context.Context, claim types.UID, prime *corev1.PersistentVolumeClaim) ([]corev1.PersistentVolume, error) {
	volumes, err := r.labelledVolumes(ctx, claim)
	if err != nil || prime == nil || prime.Spec.VolumeName == "" {
		return volumes, err
	}
	for i := range volumes {
		if volumes[i].Name == prime.Spec.VolumeName {
			return volumes, nil
		}
	}
	current, err := find(ctx, r.reader, types.NamespacedName{Name: prime.Spec.VolumeName}, &corev1.PersistentVolume{})
	if err != nil || current == nil {
		return volumes, err
	}
	return append(volumes, *current), nil
}

// discardVolume sets the volume's policy so that deleting its prime does what
// its fate is, and deletes the object of one that is to be forgotten.
func (r *Reconciler) discardVolume(ctx context.Context, volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim) (remains, error) {
	own := primeOfVolume(volume, prime)
	lockVolume, err := r.lockVolumeOf(ctx, volume, own)
	if err != nil {
		return remains{}, err
	}
	switch fateOf(volume, own, lockVolume) {
	case fateDestroy:
		return remains{}, r.setPolicy(ctx, volume, corev1.PersistentVolumeReclaimDelete)
	case fateForget:
		if err := r.setPolicy(ctx, volume, corev1.PersistentVolumeReclaimRetain); err != nil || own != nil {
			return remains{}, err
		}
		return remains{}, r.remove(ctx, volume)
	case fateKeep:
		logf.FromContext(ctx).Info("keeping a volume that held data before the restore; delete it by hand if nobody needs it", "volume", volume.Name)
		return remains{}, r.keepVolume(ctx, volume)
	case fateLeave:
		return remains{}, nil
	case fateSpare:
	}
	if volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain {
		return remains{}, nil
	}
	return remains{stuck: true, what: fmt.Sprintf(
		"volume %[1]s was not made for the prime that is bound to it, and would be destroyed with that prime; Soteria neither writes to it nor deletes it: "+
			"keep its data with kubectl patch pv %[1]s -p '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}', and the restore goes on", volume.Name)}, nil
}

// lockVolumeOf reads the volume that was made of this one under the lock's name;
// nil when there is none.
func (r *Reconciler) lockVolumeOf(ctx context.Context, volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	lock := lockOf(volume, prime)
	if lock == "" {
		return nil, nil //nolint:nilnil // fateOf spares a volume without a lock
	}
	return find(ctx, r.reader, types.NamespacedName{Name: lock}, &corev1.PersistentVolume{})
}

// primeOfVolume gives the prime if the volume is the one that it is bound to.
func primeOfVolume(volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	if prime == nil || prime.Spec.VolumeName != volume.Name {
		return nil
	}
	return prime
}
