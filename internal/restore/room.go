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
	case room.Fits:
	}
	return proceed, nil
}

// fit judges whether the prime's volume has room for the pinned backup.
func fit(o *observed) room.Fit {
	return room.Judge(*o.primeVolume.Spec.Capacity.Storage(), unpin(o.status().Backup))
}
