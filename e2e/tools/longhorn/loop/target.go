package loop

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"

	"github.com/longhorn/longhorn-manager/datastore"
	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/longhorn/longhorn-manager/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/naming"
)

// backupTarget syncs a target: BackupVolumes of volumes that the store has are made, those of others deleted, and all are
// asked to sync themselves. Only then is the target synced.
func (l *Loop) backupTarget(_ context.Context, target *longhorn.BackupTarget) error {
	if target.DeletionTimestamp != nil {
		if err := l.forgetTarget(target.Name); err != nil {
			return err
		}
		return l.Objects.RemoveFinalizerForBackupTarget(target)
	}
	before := target.Status.DeepCopy()
	target.Status.OwnerID = l.Node
	if err := l.syncTarget(target); err != nil {
		return err
	}
	if reflect.DeepEqual(*before, target.Status) {
		return nil
	}
	_, err := l.Objects.UpdateBackupTargetStatus(target)
	return err
}

// syncTarget does what is due and tells the outcome in the target's status.
func (l *Loop) syncTarget(target *longhorn.BackupTarget) error {
	if target.Spec.BackupTargetURL == "" {
		setAvailable(target, false, "backup target URL is empty")
		return l.forgetTarget(target.Name)
	}
	if hit, ok := l.Faults.Object(fault.TargetUnavailable, target.Name); ok {
		setAvailable(target, false, hit.Or("failed to list backup volumes: fault injected"))
		return nil
	}
	if _, ok := l.Faults.Object(fault.SyncNever, target.Name); ok {
		// Newer releases call a target available before they have listed anything.
		setAvailable(target, true, "")
		return nil
	}
	now := l.now()
	synced := target.Status.LastSyncedAt
	if target.Status.Available && !isDue(target.Spec.SyncRequestedAt, synced, now) && !isPollDue(target.Spec.PollInterval.Duration, synced, now) {
		return nil
	}
	if !target.Status.Available && !target.Spec.SyncRequestedAt.IsZero() && !now.After(target.Spec.SyncRequestedAt.Time) {
		return nil
	}
	if err := l.pullVolumes(target, metav1.NewTime(now)); err != nil {
		return err
	}
	setAvailable(target, true, "")
	target.Status.LastSyncedAt = metav1.NewTime(now)
	return nil
}

func setAvailable(target *longhorn.BackupTarget, available bool, message string) {
	status, reason := longhorn.ConditionStatusTrue, longhorn.BackupTargetConditionReasonUnavailable
	if available {
		status, reason = longhorn.ConditionStatusFalse, ""
	}
	target.Status.Available = available
	target.Status.Conditions = types.SetCondition(target.Status.Conditions,
		longhorn.BackupTargetConditionTypeUnavailable, status, reason, message)
}

// forgetTarget deletes all BackupVolumes of a target from the cluster; the store keeps what it has.
func (l *Loop) forgetTarget(target string) error {
	known, err := l.Objects.ListBackupVolumesWithBackupTargetNameRO(target)
	if err != nil {
		return err
	}
	for _, volume := range known {
		if err := l.forgetVolume(volume); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) forgetVolume(volume *longhorn.BackupVolume) error {
	if volume.DeletionTimestamp != nil {
		return nil
	}
	if err := datastore.AddBackupVolumeDeleteCustomResourceOnlyLabel(l.Objects, volume.Name); err != nil {
		return err
	}
	return l.Objects.DeleteBackupVolume(volume.Name)
}

// pullVolumes makes the BackupVolumes of a target those of the store and asks them to sync.
func (l *Loop) pullVolumes(target *longhorn.BackupTarget, now metav1.Time) error {
	stored, err := l.Backups.Volumes(target.Name)
	if err != nil {
		return err
	}
	known, err := l.Objects.ListBackupVolumesWithBackupTargetNameRO(target.Name)
	if err != nil {
		return err
	}
	names := map[string][]string{}
	for _, volume := range known {
		name := volume.Labels[types.LonghornLabelBackupVolume]
		names[name] = append(names[name], volume.Name)
		if !slices.Contains(stored, name) {
			err = errors.Join(err, l.forgetVolume(volume))
			continue
		}
		requested := volume.DeepCopy()
		requested.Spec.SyncRequestedAt = now
		if _, failed := l.Objects.UpdateBackupVolume(requested); failed != nil && !apierrors.IsConflict(failed) {
			err = errors.Join(err, failed)
		}
	}
	for _, volume := range stored {
		err = errors.Join(err, l.pullVolume(target, volume, names[volume]))
	}
	return err
}

// pullVolume makes the BackupVolume of a volume unless there is one: two, where a fault says so.
func (l *Loop) pullVolume(target *longhorn.BackupTarget, volume string, known []string) error {
	generation := naming.Hashed
	if hit, ok := l.Faults.Object(fault.Naming, volume); ok {
		generation = hit.Generation
	}
	if len(known) == 0 {
		name := generation.BackupVolume(volume, target.Name, chance)
		if err := l.makeVolume(target, volume, name, generation.SaysVolume()); err != nil {
			return err
		}
		known = []string{name}
	}
	if _, ok := l.Faults.Object(fault.DuplicateBackupVolumes, volume); ok && len(known) == 1 {
		return l.makeVolume(target, volume, naming.Random.BackupVolume(volume, target.Name, chance), true)
	}
	return nil
}

func chance(suffix []byte) {
	// It never fails; see crypto/rand.
	_, _ = rand.Read(suffix)
}

func (l *Loop) makeVolume(target *longhorn.BackupTarget, volume, name string, saysVolume bool) error {
	made := &longhorn.BackupVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				types.LonghornLabelBackupTarget: target.Name,
				types.LonghornLabelBackupVolume: volume,
			},
			OwnerReferences: datastore.GetOwnerReferencesForBackupTarget(target),
		},
		Spec: longhorn.BackupVolumeSpec{BackupTargetName: target.Name},
	}
	if saysVolume {
		made.Spec.VolumeName = volume
	}
	_, err := l.Objects.CreateBackupVolume(made)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
