package restore

import (
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/room"
)

// checkRoom holds a claim whose volume is too small for its backup before a byte is
// written. It goes by the volume that the provisioner made, which may be larger than
// what the claim asks for. Where what the backup says of itself settles nothing, the
// fill itself looks before it begins.
func (r *Reconciler) checkRoom(o *observed) (next, error) {
	if o.status().Backup == nil || isFilled(o.prime) {
		return proceed, nil
	}
	chosen := unpin(o.status().Backup)
	asked, size := *o.claim.Spec.Resources.Requests.Storage(), *o.primeVolume.Spec.Capacity.Storage()
	sizes := room.Describe(asked, size, chosen)
	switch fit(o) {
	case room.TooSmall:
		return r.obstruct(o, v1alpha1.PhasePreparing, v1alpha1.ConditionTransferred, reasonTooSmall, sizes+"; "+room.Remedy(chosen)), nil
	case room.Tight:
		r.events.say(o.claim, o.restore, smaller(sizes, "the data fits, and is restored"))
	case room.Unproved:
		if o.status().Backup.Capacity != "" {
			r.events.say(o.claim, o.restore, smaller(sizes, "whether the data fits is looked at before anything is written; if it does not, "+room.Remedy(chosen)))
		}
	case room.Exceeds:
		r.events.say(o.claim, o.restore, smaller(sizes, "it is restored, since files with holes are larger than the room they take; if it ends with no space left, "+
			"the storage that it was taken of kept to no size: delete the claim and apply it with a larger one"))
	case room.Fits:
	}
	return proceed, nil
}

// fit judges whether the prime's volume has room for the pinned backup or, before there
// is one, whether a volume of the size that is asked for has.
func fit(o *observed) room.Fit {
	size := *o.claim.Spec.Resources.Requests.Storage()
	if o.primeVolume != nil {
		size = *o.primeVolume.Spec.Capacity.Storage()
	}
	return room.Judge(size, unpin(o.status().Backup))
}

// looksForRoom reports whether the fill is to look for room before it writes: what the
// backup says of itself does not settle it.
func looksForRoom(o *observed) bool {
	judged := fit(o)
	return judged != room.Fits && judged != room.Exceeds
}
