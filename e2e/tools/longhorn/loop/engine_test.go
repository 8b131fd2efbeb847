package loop

import (
	"errors"
	"testing"

	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/jobs"
)

const (
	small = int64(64 << 20)
	large = int64(128 << 20)
)

func newLoop() *Loop {
	return &Loop{
		Config: Config{
			Node: "node1", PodIP: "10.42.0.9", InstanceManager: "instance-manager-1",
			Faults: &fault.Set{}, Clock: clocktesting.NewFakeClock(noon),
		},
		wake: make(chan struct{}, 1),
	}
}

// engineOf is an engine that is to run a volume of this size.
func engineOf(size int64) *longhorn.Engine {
	engine := &longhorn.Engine{}
	engine.Name = "vol-e-0"
	engine.Spec.VolumeName = "vol"
	engine.Spec.VolumeSize = size
	engine.Spec.Image = "engine:v1"
	engine.Spec.DesireState = longhorn.InstanceStateRunning
	engine.Spec.ReplicaAddressMap = map[string]string{"vol-r-0": "10.42.0.9:10000"}
	return engine
}

func TestAnEngineRunsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	status := newLoop().engineStatus(engineOf(small), imageFacts{size: small})

	require.Equal(t, longhorn.InstanceStateRunning, status.CurrentState)
	require.Equal(t, "10.42.0.9", status.StorageIP)
	require.Equal(t, "engine:v1", status.CurrentImage)
	require.Equal(t, "/dev/longhorn/vol", status.Endpoint)
	require.Equal(t, map[string]longhorn.ReplicaMode{"vol-r-0": longhorn.ReplicaModeRW}, status.ReplicaModeMap)
	require.Equal(t, map[string]string{"vol-r-0": "2026-11-20T12:00:00Z"}, status.ReplicaTransitionTimeMap)
	require.Equal(t, small, status.CurrentSize)
	require.False(t, status.IsExpanding)
}

func TestAnEngineThatIsToldNothingNewSaysNothingNew(t *testing.T) {
	t.Parallel()
	loop, engine := newLoop(), engineOf(small)
	engine.Status = loop.engineStatus(engine, imageFacts{size: small})
	loop.Clock.(*clocktesting.FakeClock).Step(60_000_000_000)

	require.Equal(t, engine.Status, loop.engineStatus(engine, imageFacts{size: small}))
}

func TestAStoppedEngineKeepsOnlyWhatItKnowsOfTheVolume(t *testing.T) {
	t.Parallel()
	loop, engine := newLoop(), engineOf(small)
	engine.Status = loop.engineStatus(engine, imageFacts{size: small})
	engine.Status.LastRestoredBackup = "backup-1"
	engine.Spec.DesireState = longhorn.InstanceStateStopped

	status := loop.engineStatus(engine, imageFacts{})

	require.Equal(t, longhorn.InstanceStateStopped, status.CurrentState)
	require.Empty(t, status.IP)
	require.Empty(t, status.Endpoint)
	require.Nil(t, status.ReplicaModeMap)
	require.Equal(t, small, status.CurrentSize)
	require.Equal(t, "backup-1", status.LastRestoredBackup)
}

func TestAnEngineWhoseImageIsLostDoesNotRun(t *testing.T) {
	t.Parallel()
	status := newLoop().engineStatus(engineOf(small), imageFacts{lost: true})
	require.Equal(t, longhorn.InstanceStateError, status.CurrentState)
}

func TestOnlyAVolumeThatWasNeverAttachedMayStartEmpty(t *testing.T) {
	t.Parallel()
	engine, volume := engineOf(small), &longhorn.Volume{}
	require.True(t, mayBeMade(engine, volume))

	engine.Status.CurrentSize = small
	require.False(t, mayBeMade(engine, volume), "one that was attached has an image, or has lost it")

	engine.Status.CurrentSize = 0
	volume.Spec.FromBackup = "s3://backups@us-east-1/lh?backup=b&volume=v"
	require.False(t, mayBeMade(engine, volume), "one made of a backup is filled from it")
}

func TestAnExpansionIsSeenBeforeItIsDone(t *testing.T) {
	t.Parallel()
	loop, engine := newLoop(), engineOf(small)
	engine.Status = loop.engineStatus(engine, imageFacts{size: small})
	require.False(t, growing(engine))

	engine.Spec.VolumeSize = large
	engine.Status = loop.engineStatus(engine, imageFacts{size: small})
	require.True(t, engine.Status.IsExpanding)
	require.Equal(t, small, engine.Status.CurrentSize)
	require.True(t, growing(engine))

	engine.Status = loop.engineStatus(engine, imageFacts{size: large})
	require.False(t, engine.Status.IsExpanding)
	require.Equal(t, large, engine.Status.CurrentSize)
}

func TestAnExpansionThatIsAskedForDuringARestoreIsDoneAfterIt(t *testing.T) {
	t.Parallel()
	loop, engine := newLoop(), engineOf(small)
	restoring := imageFacts{restore: &jobs.State{Percent: 30}}
	engine.Status = loop.engineStatus(engine, restoring)
	require.Equal(t, small, engine.Status.CurrentSize)

	engine.Spec.VolumeSize = large
	engine.Status = loop.engineStatus(engine, restoring)
	engine.Status = loop.engineStatus(engine, imageFacts{size: small, restore: &jobs.State{Percent: 100, Done: true}})
	require.Equal(t, small, engine.Status.CurrentSize)
	require.True(t, growing(engine))
}

func TestARestoreIsToldOfFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	const replica = "tcp://10.42.0.9:10000"
	loop, engine := newLoop(), engineOf(small)
	engine.Spec.RequestedBackupRestore = "backup-1"
	require.True(t, restorePending(engine))

	status := loop.engineStatus(engine, imageFacts{restore: &jobs.State{Percent: 30}, backupURL: "url"})
	require.Equal(t, &longhorn.RestoreStatus{IsRestoring: true, Progress: 30, State: "in_progress", BackupURL: "url"}, status.RestoreStatus[replica])
	require.Empty(t, status.LastRestoredBackup)

	engine.Status = loop.engineStatus(engine, imageFacts{size: small, restore: &jobs.State{Percent: 100, Done: true}, backupURL: "url"})
	require.Equal(t, &longhorn.RestoreStatus{Progress: 100, State: "complete", LastRestored: "backup-1", BackupURL: "url"},
		engine.Status.RestoreStatus[replica])
	require.Equal(t, "backup-1", engine.Status.LastRestoredBackup)
	require.False(t, restorePending(engine))

	again := loop.engineStatus(engine, imageFacts{size: small})
	require.Equal(t, engine.Status, again, "it stays told while the engine runs")
}

func TestAFailedRestoreSaysWhyAndRestoresNothing(t *testing.T) {
	t.Parallel()
	engine := engineOf(small)
	engine.Spec.RequestedBackupRestore = "backup-1"

	status := newLoop().engineStatus(engine, imageFacts{restore: &jobs.State{Percent: 30, Done: true, Err: errors.New("checksum mismatch")}})

	restore := status.RestoreStatus["tcp://10.42.0.9:10000"]
	require.Equal(t, "error", restore.State)
	require.Equal(t, "checksum mismatch", restore.Error)
	require.False(t, restore.IsRestoring)
	require.Empty(t, status.LastRestoredBackup)
}

func TestReplicasOfAVolumeHaveDifferentAddresses(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, port("vol-r-1a2b3c4d"), port("vol-r-5e6f7a8b"))
	require.Equal(t, port("vol-r-1a2b3c4d"), port("vol-r-1a2b3c4d"))
}

func TestAVolumeForManyIsAttachedForItsShareManagerWhileCSIAsks(t *testing.T) {
	t.Parallel()
	loop := newLoop()
	csi := &longhorn.AttachmentTicket{ID: "csi-1", Type: longhorn.AttacherTypeCSIAttacher, NodeID: "node1"}

	tickets := loop.shareTickets("vol", map[string]*longhorn.AttachmentTicket{"csi-1": csi})
	require.Len(t, tickets, 2)
	require.Equal(t, "node1", tickets[shareTicket("vol")].NodeID)
	require.Equal(t, tickets, loop.shareTickets("vol", tickets))

	delete(tickets, "csi-1")
	require.Empty(t, loop.shareTickets("vol", tickets))
}

func TestAShareIsThereOnceItsVolumeIsAttached(t *testing.T) {
	t.Parallel()
	loop, volume := newLoop(), &longhorn.Volume{}
	volume.Name = "vol"
	require.Equal(t, longhorn.ShareManagerStateStopped, loop.shareStatus(volume, nil).State)

	tickets := map[string]*longhorn.AttachmentTicket{shareTicket("vol"): {}}
	require.Equal(t, longhorn.ShareManagerStateStarting, loop.shareStatus(volume, tickets).State)

	volume.Status.State = longhorn.VolumeStateAttached
	require.Equal(t, longhorn.ShareManagerStatus{OwnerID: "node1", State: longhorn.ShareManagerStateRunning, Endpoint: "nfs://10.42.0.9/vol"},
		loop.shareStatus(volume, tickets))
}
