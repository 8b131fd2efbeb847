package loop

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/longhorn/backupstore"
	"github.com/longhorn/longhorn-manager/datastore"
	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/longhorn/longhorn-manager/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/jobs"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

// reconcileInfo is the key of the message that says why a backup waits.
const reconcileInfo = "info"

// backup uploads a Backup that somebody made of a snapshot, and reads the status of one that the store has.
func (l *Loop) backup(ctx context.Context, backup *longhorn.Backup) error {
	volume := backup.Labels[types.LonghornLabelBackupVolume]
	target, err := l.Objects.GetBackupTargetRO(backup.Labels[types.LonghornLabelBackupTarget])
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if backup.DeletionTimestamp != nil {
		return l.removeBackup(backup, target, volume)
	}
	before := backup.Status.DeepCopy()
	backup.Status.OwnerID = l.Node
	if isUpload(backup) {
		err = l.upload(ctx, backup, target, volume)
	} else {
		err = l.readBackup(backup, target, volume)
	}
	if err != nil || reflect.DeepEqual(*before, backup.Status) {
		return err
	}
	if _, err := l.Objects.UpdateBackupStatus(backup); err != nil {
		return err
	}
	if before.State != longhorn.BackupStateCompleted && backup.Status.State == longhorn.BackupStateCompleted {
		l.jobs.Forget(uploadJob(volume, backup.Name))
		return l.askForVolume(target.Name, volume)
	}
	return nil
}

// isUpload tells a backup that is still to be made from one that the store has, or that failed.
func isUpload(backup *longhorn.Backup) bool {
	switch backup.Status.State {
	case longhorn.BackupStateNew, longhorn.BackupStatePending, longhorn.BackupStateInProgress:
		return backup.Spec.SnapshotName != "" && backup.Status.LastSyncedAt.IsZero()
	case longhorn.BackupStateCompleted, longhorn.BackupStateError, longhorn.BackupStateUnknown, longhorn.BackupStateDeleting:
	}
	return false
}

// removeBackup removes a backup from the store, unless only its custom resource is to go.
func (l *Loop) removeBackup(backup *longhorn.Backup, target *longhorn.BackupTarget, volume string) error {
	l.jobs.Forget(uploadJob(volume, backup.Name))
	onlyHere, err := datastore.IsLabelLonghornDeleteCustomResourceOnlyExisting(backup)
	if err != nil {
		return err
	}
	if !onlyHere && isAvailable(target) {
		if err := l.Backups.Remove(target.Name, volume, backup.Name); err != nil {
			return err
		}
		if err := l.askForVolume(target.Name, volume); err != nil {
			return err
		}
	}
	return l.Objects.RemoveFinalizerForBackup(backup)
}

// askForVolume asks the BackupVolume of a volume to sync itself, or the target where it has none yet.
func (l *Loop) askForVolume(target, volume string) error {
	known, err := l.Objects.ListBackupVolumesWithBackupTargetNameRO(target)
	if err != nil {
		return err
	}
	asked := false
	for _, one := range known {
		if one.Labels[types.LonghornLabelBackupVolume] != volume || one.DeletionTimestamp != nil {
			continue
		}
		asked = true
		requested := one.DeepCopy()
		requested.Spec.SyncRequestedAt = metav1.NewTime(l.now())
		if _, err := l.Objects.UpdateBackupVolume(requested); err != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	if asked {
		return nil
	}
	requested, err := l.Objects.GetBackupTarget(target)
	if err != nil {
		return err
	}
	requested.Spec.SyncRequestedAt = metav1.NewTime(l.now())
	_, err = l.Objects.UpdateBackupTarget(requested)
	return err
}

// upload starts an upload and follows it.
func (l *Loop) upload(ctx context.Context, backup *longhorn.Backup, target *longhorn.BackupTarget, name string) error {
	volume, err := l.Objects.GetVolumeRO(name)
	if apierrors.IsNotFound(err) {
		l.fail(backup, fmt.Sprintf("Cannot find the corresponding volume: %v", err))
		return nil
	}
	if err != nil {
		return err
	}
	if !isAvailable(target) {
		l.fail(backup, "failed to init backup target clients: the backup target is not available")
		return nil
	}
	snapshot, err := l.Objects.GetSnapshotRO(backup.Spec.SnapshotName)
	if apierrors.IsNotFound(err) {
		l.fail(backup, fmt.Sprintf("Failed to get the Snapshot %v", backup.Spec.SnapshotName))
		return nil
	}
	if err != nil {
		return err
	}
	if !snapshot.Status.ReadyToUse {
		backup.Status.State = longhorn.BackupStatePending
		backup.Status.Messages = map[string]string{reconcileInfo: fmt.Sprintf("Waiting for the snapshot %v to be ready", snapshot.Name)}
		return nil
	}
	return l.follow(ctx, backup, target, volume, snapshot)
}

func (l *Loop) fail(backup *longhorn.Backup, message string) {
	backup.Status.State = longhorn.BackupStateError
	backup.Status.Error = message
	backup.Status.LastSyncedAt = metav1.NewTime(l.now())
}

func (l *Loop) follow(
	ctx context.Context, backup *longhorn.Backup, target *longhorn.BackupTarget, volume *longhorn.Volume, snapshot *longhorn.Snapshot,
) error {
	record, err := l.record(backup, volume, snapshot)
	if err != nil {
		return err
	}
	state := l.jobs.Run(ctx, uploadJob(volume.Name, backup.Name), l.put(target.Name, record))
	if errors.Is(state.Err, context.Canceled) {
		return nil
	}
	backup.Status.State = longhorn.BackupStateInProgress
	backup.Status.Messages = map[string]string{}
	backup.Status.Progress = state.Percent
	backup.Status.SnapshotName = snapshot.Name
	backup.Status.SnapshotCreatedAt = snapshot.Status.CreationTime
	backup.Status.VolumeSize = strconv.FormatInt(snapshot.Status.RestoreSize, 10)
	backup.Status.URL = backupURL(target, volume.Name, backup.Name)
	switch {
	case state.Done && state.Err != nil:
		l.fail(backup, state.Err.Error())
		l.jobs.Forget(uploadJob(volume.Name, backup.Name))
	case state.Done:
		backup.Status.Progress = 100
		return l.readBackup(backup, target, volume.Name)
	}
	return nil
}

// record is what the store is to keep of a backup.
func (l *Loop) record(backup *longhorn.Backup, volume *longhorn.Volume, snapshot *longhorn.Snapshot) (store.Backup, error) {
	taken, err := time.Parse(time.RFC3339, snapshot.Status.CreationTime)
	if err != nil {
		return store.Backup{}, fmt.Errorf("read when snapshot %q was taken: %w", snapshot.Name, err)
	}
	class, err := l.storageClass(volume)
	if err != nil {
		return store.Backup{}, err
	}
	return store.Backup{
		Name:            backup.Name,
		Volume:          volume.Name,
		Snapshot:        snapshot.Name,
		Labels:          backup.Spec.Labels,
		StorageClass:    class,
		VolumeSize:      snapshot.Status.RestoreSize,
		Mode:            string(backup.Spec.BackupMode),
		VolumeCreated:   volume.CreationTimestamp.UTC(),
		SnapshotCreated: taken,
	}, nil
}

// storageClass is the class of the claim that the volume is bound to; empty where there is none.
func (l *Loop) storageClass(volume *longhorn.Volume) (string, error) {
	status := volume.Status.KubernetesStatus
	if status.PVCName == "" || status.LastPVCRefAt != "" {
		return "", nil
	}
	claim, err := l.Objects.GetPersistentVolumeClaimRO(status.Namespace, status.PVCName)
	if err != nil || claim.Spec.StorageClassName == nil {
		return "", ignoreNotFound(err)
	}
	return *claim.Spec.StorageClassName, nil
}

func (l *Loop) put(target string, record store.Backup) jobs.Func {
	return func(ctx context.Context, report func(int)) error {
		object := record.Volume + "/" + record.Name
		if hit, ok := l.Faults.Object(fault.BackupError, object); ok {
			return errors.New(hit.Or("failed to backup snapshot: fault injected"))
		}
		if _, err := l.Backups.Get(target, record.Volume, record.Name); err == nil {
			// Uploaded before a crash that kept it from being told.
			return nil
		}
		source, err := l.Images.OpenSnapshot(record.Volume, record.Snapshot)
		if err != nil {
			return err
		}
		defer source.Close() //nolint:errcheck // only read from
		return l.Backups.Put(ctx, target, record, source, l.now, l.step(record.Volume, fault.UploadPause, object, report))
	}
}

// readBackup makes the status of a backup what the store has of it.
func (l *Loop) readBackup(backup *longhorn.Backup, target *longhorn.BackupTarget, volume string) error {
	failed := backup.Status.State == longhorn.BackupStateError || backup.Status.State == longhorn.BackupStateUnknown
	now := l.now()
	if failed || !isAvailable(target) || !isDue(backup.Spec.SyncRequestedAt, backup.Status.LastSyncedAt, now) {
		return nil
	}
	if _, ok := l.Faults.Object(fault.SyncHalf, volume); ok && backup.Spec.SnapshotName == "" {
		return nil
	}
	recorded, err := l.Backups.Get(target.Name, volume, backup.Name)
	if errors.Is(err, store.ErrNotFound) {
		// The next sync of its BackupVolume deletes it.
		return nil
	}
	if err != nil {
		return err
	}
	known, err := l.Backups.Volume(target.Name, volume)
	if err != nil {
		return err
	}
	backup.Status = l.backupStatus(backup.Status.Progress, recorded, known, target, metav1.NewTime(now))
	return nil
}

// backupStatus tells of a backup in the store. As in Longhorn, the size of the volume is that of its last backup, and only
// who saw the upload knows of progress.
func (l *Loop) backupStatus(
	progress int, recorded store.Backup, known store.Volume, target *longhorn.BackupTarget, now metav1.Time,
) longhorn.BackupStatus {
	volumeSize := recorded.VolumeSize
	if known.Last != nil {
		volumeSize = known.Last.VolumeSize
	}
	bytes := strconv.FormatInt(recorded.Bytes, 10)
	return longhorn.BackupStatus{
		OwnerID:               l.Node,
		State:                 longhorn.BackupStateCompleted,
		Progress:              progress,
		URL:                   backupURL(target, recorded.Volume, recorded.Name),
		SnapshotName:          recorded.Snapshot,
		SnapshotCreatedAt:     recorded.SnapshotCreated.Format(time.RFC3339),
		BackupCreatedAt:       recorded.Created.Format(time.RFC3339),
		Size:                  bytes,
		NewlyUploadedDataSize: bytes,
		ReUploadedDataSize:    "0",
		Labels:                l.labels(recorded.Labels, recorded.Volume, fault.FromBackup),
		Messages:              map[string]string{},
		VolumeName:            recorded.Volume,
		VolumeSize:            strconv.FormatInt(volumeSize, 10),
		VolumeCreated:         recorded.VolumeCreated.Format(time.RFC3339),
		CompressionMethod:     longhorn.BackupCompressionMethodLz4,
		BackupTargetName:      target.Name,
		LastSyncedAt:          now,
	}
}

func backupURL(target *longhorn.BackupTarget, volume, backup string) string {
	return backupstore.EncodeBackupURL(backup, volume, target.Spec.BackupTargetURL)
}

func uploadJob(volume, backup string) string {
	return "upload " + volume + "/" + backup
}
