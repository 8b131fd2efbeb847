package loop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"

	"github.com/longhorn/backupstore"
	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/images"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/jobs"
)

// The states of a restore, as Longhorn's engine calls them.
const (
	restoreInProgress = "in_progress"
	restoreComplete   = "complete"
	restoreError      = "error"
)

// engine starts and stops an engine, and has it make, fill and grow the image of its volume.
func (l *Loop) engine(ctx context.Context, engine *longhorn.Engine) error {
	name := engine.Spec.VolumeName
	if engine.DeletionTimestamp != nil {
		l.jobs.Forget(restoreJob(name))
		if err := l.Images.Remove(name); err != nil {
			return err
		}
		return l.Objects.RemoveFinalizerForEngine(engine)
	}
	volume, err := l.Objects.GetVolumeRO(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	facts, err := l.image(ctx, engine, volume)
	if err != nil {
		return err
	}
	next := l.engineStatus(engine, facts)
	if reflect.DeepEqual(next, engine.Status) {
		return nil
	}
	engine.Status = next
	_, err = l.Objects.UpdateEngineStatus(engine)
	return err
}

// imageFacts is what is known of the image of a volume.
type imageFacts struct {
	// size is the image's; 0 where there is none.
	size int64
	// lost is an image that should be there and is not.
	lost bool
	// restore is the restore that the engine is asked for and has not told the end of; nil where there is none.
	restore *jobs.State
	// backupURL is what it restores.
	backupURL string
}

// image makes the image what the engine is asked for, as far as that is possible, and tells what it is.
func (l *Loop) image(ctx context.Context, engine *longhorn.Engine, volume *longhorn.Volume) (imageFacts, error) {
	facts := imageFacts{backupURL: volume.Spec.FromBackup}
	if mayBeMade(engine, volume) {
		if err := l.Images.Create(volume.Name, engine.Spec.VolumeSize); err != nil {
			return facts, err
		}
	}
	if engine.Spec.DesireState != longhorn.InstanceStateRunning {
		l.jobs.Forget(restoreJob(volume.Name))
		return facts, nil
	}
	if restorePending(engine) {
		state := l.jobs.Run(ctx, restoreJob(volume.Name), l.restore(engine, volume))
		if errors.Is(state.Err, context.Canceled) {
			state = jobs.State{Percent: state.Percent}
		}
		facts.restore = &state
	}
	if growing(engine) {
		if err := l.Images.Grow(volume.Name, engine.Spec.VolumeSize); err != nil && !errors.Is(err, images.ErrNotFound) {
			return facts, err
		}
	}
	size, err := l.Images.Size(volume.Name)
	if errors.Is(err, images.ErrNotFound) {
		facts.lost = !volume.Status.RestoreRequired
		err = nil
	}
	facts.size = size
	return facts, err
}

// restorePending tells whether the engine is asked for a restore that it has not done.
func restorePending(engine *longhorn.Engine) bool {
	requested := engine.Spec.RequestedBackupRestore
	return requested != "" && requested != engine.Status.LastRestoredBackup
}

// mayBeMade tells whether an empty image is right: for a volume that starts empty and was never attached. An image that is
// lost later is not made anew.
func mayBeMade(engine *longhorn.Engine, volume *longhorn.Volume) bool {
	return volume.Spec.FromBackup == "" && engine.Status.CurrentSize == 0
}

// growing tells whether the engine has said that it expands the volume. That it says so first, and is done in a later
// pass, is how users come to see it.
func growing(engine *longhorn.Engine) bool {
	return engine.Status.IsExpanding && engine.Status.CurrentSize < engine.Spec.VolumeSize
}

// engineStatus tells what the engine says of itself.
func (l *Loop) engineStatus(engine *longhorn.Engine, facts imageFacts) longhorn.EngineStatus {
	spec, status := engine.Spec, *engine.Status.DeepCopy()
	status.InstanceStatus = l.instance(engine.Name, spec.InstanceSpec, status.InstanceStatus)
	if spec.DesireState != longhorn.InstanceStateRunning {
		status.CurrentReplicaAddressMap, status.ReplicaModeMap, status.ReplicaTransitionTimeMap = nil, nil, nil
		status.RestoreStatus, status.Endpoint, status.IsExpanding = nil, "", false
		return status
	}
	if facts.lost {
		status.CurrentState = longhorn.InstanceStateError
		return status
	}
	l.replicas(&status, spec.ReplicaAddressMap)
	status.Endpoint = ""
	if !spec.DisableFrontend {
		status.Endpoint = "/dev/longhorn/" + spec.VolumeName
	}
	status.SnapshotMaxCount, status.SnapshotMaxSize = spec.SnapshotMaxCount, spec.SnapshotMaxSize
	status.UnmapMarkSnapChainRemovedEnabled = spec.UnmapMarkSnapChainRemovedEnabled
	if facts.restore != nil {
		status.RestoreStatus = restoreStatus(spec, facts)
		if facts.restore.Done && facts.restore.Err == nil {
			status.LastRestoredBackup = spec.RequestedBackupRestore
		}
	}
	size(&status, spec.VolumeSize, facts)
	return status
}

// replicas has the engine take all replicas that it is given, each healthy at once.
func (l *Loop) replicas(status *longhorn.EngineStatus, addresses map[string]string) {
	status.CurrentReplicaAddressMap = maps.Clone(addresses)
	modes, times := map[string]longhorn.ReplicaMode{}, map[string]string{}
	for replica := range addresses {
		modes[replica] = longhorn.ReplicaModeRW
		times[replica] = status.ReplicaTransitionTimeMap[replica]
		if times[replica] == "" {
			times[replica] = l.timestamp()
		}
	}
	status.ReplicaModeMap, status.ReplicaTransitionTimeMap = modes, times
}

// size tells how large the volume is: as large as asked once its image is, and until then as large as it was.
func size(status *longhorn.EngineStatus, asked int64, facts imageFacts) {
	switch {
	case facts.size >= asked:
		status.CurrentSize = asked
	case status.CurrentSize == 0:
		status.CurrentSize = facts.size
	}
	if status.CurrentSize == 0 {
		// It is being restored.
		status.CurrentSize = asked
	}
	status.IsExpanding = status.CurrentSize < asked
}

// restoreStatus tells of a restore, for each replica the same.
func restoreStatus(spec longhorn.EngineSpec, facts imageFacts) map[string]*longhorn.RestoreStatus {
	all := map[string]*longhorn.RestoreStatus{}
	for _, address := range spec.ReplicaAddressMap {
		one := &longhorn.RestoreStatus{
			IsRestoring: !facts.restore.Done, Progress: facts.restore.Percent, State: restoreInProgress, BackupURL: facts.backupURL,
		}
		switch {
		case facts.restore.Done && facts.restore.Err != nil:
			one.State, one.Error = restoreError, facts.restore.Err.Error()
		case facts.restore.Done:
			one.State, one.Progress, one.LastRestored = restoreComplete, 100, spec.RequestedBackupRestore
		}
		all["tcp://"+address] = one
	}
	return all
}

func restoreJob(volume string) string {
	return "restore " + volume
}

// restore fills the image of a volume from the backup that it is made of, and grows it to the size asked for.
func (l *Loop) restore(engine *longhorn.Engine, volume *longhorn.Volume) jobs.Func {
	name, url, target, size := volume.Name, volume.Spec.FromBackup, volume.Spec.BackupTargetName, engine.Spec.VolumeSize
	return func(ctx context.Context, report func(int)) error {
		backup, source, _, err := backupstore.DecodeBackupURL(url)
		if err != nil {
			return fmt.Errorf("read the URL of the backup: %w", err)
		}
		if hit, ok := l.Faults.Object(fault.RestoreFault, name); ok {
			return errors.New(hit.Or("fault injected"))
		}
		return l.Images.Fill(name, func(file *os.File) error {
			if err := l.Backups.Fetch(ctx, target, source, backup, file, l.step(name, fault.RestorePause, name, report)); err != nil {
				return err
			}
			return images.GrowFile(file, size)
		})
	}
}
