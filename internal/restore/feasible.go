package restore

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/room"
)

// Feasible tells before a claim is made whether it could be given a backup: nil
// if a way leads to its volume as far as can be seen, else an error of kind
// Invalid whose field is what to ask for otherwise (storage_class, volume_mode, size
// or snapshot), or Unavailable where it cannot be told now. It has no side effects.
func (r *Reconciler) Feasible(ctx context.Context, claim *corev1.PersistentVolumeClaim, b backup.Backup) error {
	if b.Unrestorable != "" {
		return infeasible("snapshot", "the backup "+backup.ShortID(b.ID)+" cannot be restored: "+b.Unrestorable)
	}
	way, blocked, err := r.chooseWay(ctx, claim, pin(b))
	switch {
	case err != nil:
		return backup.Errorf(backup.Unavailable, "finding a way to restore: %w", err)
	case blocked.problem == "" && !way.made() && room.Judge(*claim.Spec.Resources.Requests.Storage(), b) == room.TooSmall:
		return infeasible("size", room.Describe(*claim.Spec.Resources.Requests.Storage(), resource.Quantity{}, b)+"; ask for a larger size")
	case blocked.problem == "":
		return nil
	case blocked.reason == reasonUnsupported:
		return infeasible("volume_mode", "the claim is a raw block device (volumeMode Block), and the backup "+backup.ShortID(b.ID)+" of the driver "+
			b.Driver+" can be restored to a file system only")
	case blocked.reason == reasonDriverMissing:
		return infeasible("snapshot", blocked.problem)
	default:
		return infeasible("storage_class", blocked.problem)
	}
}

func infeasible(field, message string) error {
	return &backup.Error{Kind: backup.Invalid, Field: field, Message: message}
}
