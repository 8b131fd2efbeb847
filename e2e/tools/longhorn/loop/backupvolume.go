package loop

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/longhorn/longhorn-manager/datastore"
	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/longhorn/longhorn-manager/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

// backupVolume syncs a BackupVolume: Backups that the store has are made, with an empty status, those that it has not are
// deleted, and the volume's own status is read.
func (l *Loop) backupVolume(_ context.Context, volume *longhorn.BackupVolume) error {
	target, err := l.Objects.GetBackupTargetRO(volume.Spec.BackupTargetName)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	name := volume.Labels[types.LonghornLabelBackupVolume]
	if volume.DeletionTimestamp != nil {
		if err := l.removeVolume(volume, target, name); err != nil {
			return err
		}
		return l.Objects.RemoveFinalizerForBackupVolume(volume)
	}
	now := l.now()
	if !isAvailable(target) || !isDue(volume.Spec.SyncRequestedAt, volume.Status.LastSyncedAt, now) {
		return nil
	}
	if _, ok := l.Faults.Object(fault.SyncHalf, name); ok {
		return nil
	}
	known, err := l.Backups.Volume(target.Name, name)
	if errors.Is(err, store.ErrNotFound) {
		// The target's next sync deletes it.
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.pullBackups(volume, target.Name, name); err != nil {
		return err
	}
	if err := l.askForLast(volume, known.Last, metav1.NewTime(now)); err != nil {
		return err
	}
	before := volume.Status.DeepCopy()
	volume.Status = l.volumeStatus(volume.Status, known, metav1.NewTime(now))
	if reflect.DeepEqual(*before, volume.Status) {
		return nil
	}
	_, err = l.Objects.UpdateBackupVolumeStatus(volume)
	return err
}

func isAvailable(target *longhorn.BackupTarget) bool {
	return target != nil && target.DeletionTimestamp == nil && target.Spec.BackupTargetURL != "" && target.Status.Available
}

// removeVolume removes a volume from the store, unless only its custom resource is to go.
func (l *Loop) removeVolume(volume *longhorn.BackupVolume, target *longhorn.BackupTarget, name string) error {
	onlyHere, err := datastore.IsLabelLonghornDeleteCustomResourceOnlyExisting(volume)
	if err != nil || onlyHere || !isAvailable(target) {
		return err
	}
	return l.Backups.RemoveVolume(target.Name, name)
}

// pullBackups makes the Backups of a volume those of the store. One that is being uploaded, or could not be, is nobody's
// but its own.
func (l *Loop) pullBackups(volume *longhorn.BackupVolume, target, name string) error {
	stored, err := l.Backups.Backups(target, name)
	if err != nil {
		return err
	}
	known, err := l.Objects.ListBackupsWithBackupTargetAndBackupVolumeRO(target, name)
	if err != nil {
		return err
	}
	for _, backup := range known {
		own := backup.Spec.SnapshotName != "" && backup.Status.State != longhorn.BackupStateCompleted
		if own || slices.Contains(stored, backup.Name) || backup.DeletionTimestamp != nil {
			continue
		}
		if err := datastore.AddBackupDeleteCustomResourceOnlyLabel(l.Objects, backup.Name); err != nil {
			return err
		}
		if err := l.Objects.DeleteBackup(backup.Name); err != nil {
			return err
		}
	}
	for _, backup := range stored {
		if known[backup] == nil {
			if err := l.makeBackup(volume, target, name, backup); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loop) makeBackup(volume *longhorn.BackupVolume, target, name, backup string) error {
	recorded, err := l.Backups.Get(target, name, backup)
	if err != nil {
		return err
	}
	labels := map[string]string{}
	accessMode := types.GetLonghornLabelKey(types.LonghornLabelVolumeAccessMode)
	if mode, ok := recorded.Labels[accessMode]; ok {
		labels[accessMode] = mode
	}
	_, err = l.Objects.CreateBackup(&longhorn.Backup{
		ObjectMeta: metav1.ObjectMeta{
			Name:            backup,
			Labels:          map[string]string{types.LonghornLabelBackupTarget: target},
			OwnerReferences: datastore.GetOwnerReferencesForBackupVolume(volume),
		},
		Spec: longhorn.BackupSpec{Labels: labels},
	}, name)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// askForLast asks the last backup to sync itself when it has become the last.
func (l *Loop) askForLast(volume *longhorn.BackupVolume, last *store.Backup, now metav1.Time) error {
	if last == nil || volume.Status.LastBackupName == last.Name {
		return nil
	}
	backup, err := l.Objects.GetBackup(last.Name)
	if err != nil || backup.Status.LastSyncedAt.IsZero() {
		// One that has yet to be synced needs no asking.
		return ignoreNotFound(err)
	}
	backup.Spec.SyncRequestedAt = now
	_, err = l.Objects.UpdateBackup(backup)
	return err
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (l *Loop) volumeStatus(status longhorn.BackupVolumeStatus, known store.Volume, now metav1.Time) longhorn.BackupVolumeStatus {
	status = longhorn.BackupVolumeStatus{
		OwnerID:      l.Node,
		LastSyncedAt: now,
		DataStored:   strconv.FormatInt(known.Bytes, 10),
		CreatedAt:    status.CreatedAt,
		Size:         status.Size,
		Labels:       status.Labels,
	}
	if known.Last == nil {
		return status
	}
	status.LastModificationTime = metav1.NewTime(known.Last.Created.Truncate(time.Second))
	status.Size = strconv.FormatInt(known.Last.VolumeSize, 10)
	status.Labels = l.labels(known.Last.Labels, known.Name, fault.FromBackupVolume)
	status.CreatedAt = known.Last.VolumeCreated.Format(time.RFC3339)
	status.LastBackupName = known.Last.Name
	status.LastBackupAt = known.Last.SnapshotCreated.Format(time.RFC3339)
	status.StorageClassName = known.Last.StorageClass
	return status
}

// labels are the labels that the store has, without the one on the claim where a fault takes it away.
func (l *Loop) labels(stored map[string]string, volume, from string) map[string]string {
	hit, ok := l.Faults.Object(fault.LabelsMissing, volume)
	if !ok || hit.From != "" && hit.From != fault.FromBoth && hit.From != from {
		return stored
	}
	left := maps.Clone(stored)
	delete(left, types.KubernetesStatusLabel)
	return left
}
