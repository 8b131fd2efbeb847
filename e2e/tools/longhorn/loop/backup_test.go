package loop

import (
	"testing"
	"time"

	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

const kubernetesStatus = `{"namespace":"media","pvcName":"config"}`

func recorded() store.Backup {
	return store.Backup{
		Name: "backup-1", Volume: "vol", Snapshot: "snap", StorageClass: "longhorn", VolumeSize: small, Bytes: 4096, Mode: "full",
		Labels:        map[string]string{"KubernetesStatus": kubernetesStatus, "soteria.dev/pvc": "config"},
		VolumeCreated: noon.Add(-time.Hour), SnapshotCreated: noon, Created: noon.Add(time.Minute),
	}
}

func target() *longhorn.BackupTarget {
	target := &longhorn.BackupTarget{}
	target.Name = "default"
	target.Spec.BackupTargetURL = "s3://backups@us-east-1/lh"
	target.Status.Available = true
	return target
}

func faulty(t *testing.T, list string) *Loop {
	t.Helper()
	faults, err := fault.Parse([]byte(list))
	require.NoError(t, err)
	loop := newLoop()
	loop.Faults.Replace(faults)
	return loop
}

func TestABackupIsToldOfAsTheStoreHasIt(t *testing.T) {
	t.Parallel()
	last := recorded()
	last.VolumeSize = large

	status := newLoop().backupStatus(0, recorded(), store.Volume{Last: &last}, target(), after(90))

	require.Equal(t, longhorn.BackupStatus{
		OwnerID: "node1", State: longhorn.BackupStateCompleted, URL: "s3://backups@us-east-1/lh?backup=backup-1&volume=vol",
		SnapshotName: "snap", SnapshotCreatedAt: "2026-11-20T12:00:00Z", BackupCreatedAt: "2026-11-20T12:01:00Z",
		Size: "4096", NewlyUploadedDataSize: "4096", ReUploadedDataSize: "0", Labels: recorded().Labels, Messages: map[string]string{},
		VolumeName: "vol", VolumeSize: "134217728", VolumeCreated: "2026-11-20T11:00:00Z", CompressionMethod: "lz4",
		BackupTargetName: "default", LastSyncedAt: after(90),
	}, status)
}

func TestABackupVolumeIsToldOfByItsLastBackup(t *testing.T) {
	t.Parallel()
	last := recorded()
	status := newLoop().volumeStatus(longhorn.BackupVolumeStatus{}, store.Volume{Name: "vol", Last: &last, Bytes: 8192}, after(90))

	require.Equal(t, longhorn.BackupVolumeStatus{
		OwnerID: "node1", LastModificationTime: after(60), Size: "67108864", Labels: last.Labels, CreatedAt: "2026-11-20T11:00:00Z",
		LastBackupName: "backup-1", LastBackupAt: "2026-11-20T12:00:00Z", DataStored: "8192", StorageClassName: "longhorn", LastSyncedAt: after(90),
	}, status)
}

func TestABackupVolumeWithoutBackupsHasNoLast(t *testing.T) {
	t.Parallel()
	before := longhorn.BackupVolumeStatus{LastBackupName: "gone", LastBackupAt: "then", Labels: map[string]string{"a": "b"}, Size: "1"}
	status := newLoop().volumeStatus(before, store.Volume{Name: "vol"}, after(90))
	require.Empty(t, status.LastBackupName)
	require.Empty(t, status.LastBackupAt)
	require.Equal(t, before.Labels, status.Labels)
}

func TestTheClaimsLabelCanBeMissing(t *testing.T) {
	t.Parallel()
	for list, missing := range map[string]map[string]bool{
		"":                                       {fault.FromBackup: false, fault.FromBackupVolume: false},
		"[{fault: labelsMissing}]":               {fault.FromBackup: true, fault.FromBackupVolume: true},
		"[{fault: labelsMissing, from: both}]":   {fault.FromBackup: true, fault.FromBackupVolume: true},
		"[{fault: labelsMissing, from: backup}]": {fault.FromBackup: true, fault.FromBackupVolume: false},
		"[{fault: labelsMissing, from: backupVolume}]": {fault.FromBackup: false, fault.FromBackupVolume: true},
		"[{fault: labelsMissing, match: another}]":     {fault.FromBackup: false, fault.FromBackupVolume: false},
	} {
		for from, want := range missing {
			labels := faulty(t, list).labels(recorded().Labels, "vol", from)
			_, has := labels["KubernetesStatus"]
			require.Equal(t, want, !has, "%s of %s", list, from)
			require.Equal(t, "config", labels["soteria.dev/pvc"])
		}
	}
}

func TestABackupIsAnUploadUntilItEnds(t *testing.T) {
	t.Parallel()
	backup := &longhorn.Backup{}
	require.False(t, isUpload(backup), "one without a snapshot was pulled")

	backup.Spec.SnapshotName = "snap"
	for state, want := range map[longhorn.BackupState]bool{
		longhorn.BackupStateNew: true, longhorn.BackupStatePending: true, longhorn.BackupStateInProgress: true,
		longhorn.BackupStateCompleted: false, longhorn.BackupStateError: false, longhorn.BackupStateUnknown: false,
	} {
		backup.Status.State = state
		require.Equal(t, want, isUpload(backup), state)
	}
}

func TestATargetWithoutURLIsNotAvailable(t *testing.T) {
	t.Parallel()
	require.True(t, isAvailable(target()))
	require.False(t, isAvailable(nil))

	empty := target()
	empty.Spec.BackupTargetURL = ""
	require.False(t, isAvailable(empty))

	down := target()
	setAvailable(down, false, "dial tcp: i/o timeout")
	require.False(t, isAvailable(down))
	require.Equal(t, "dial tcp: i/o timeout", down.Status.Conditions[0].Message)
	require.Equal(t, longhorn.ConditionStatusTrue, down.Status.Conditions[0].Status)
}

func TestASyncThatNeverComesLeavesTheTargetAvailable(t *testing.T) {
	t.Parallel()
	fresh := target()
	fresh.Status.Available = false
	fresh.Spec.SyncRequestedAt = after(-60)

	require.NoError(t, faulty(t, "[{fault: syncNever}]").syncTarget(fresh))

	require.True(t, fresh.Status.Available)
	require.True(t, fresh.Status.LastSyncedAt.IsZero())
}

func TestAnUnavailableTargetIsNotSynced(t *testing.T) {
	t.Parallel()
	known := target()
	known.Status.LastSyncedAt = after(-60)
	known.Spec.SyncRequestedAt = after(-10)

	require.NoError(t, faulty(t, "[{fault: targetUnavailable, message: no route to host}]").syncTarget(known))

	require.False(t, known.Status.Available)
	require.Equal(t, after(-60), known.Status.LastSyncedAt)
	require.Equal(t, "no route to host", known.Status.Conditions[0].Message)
}
