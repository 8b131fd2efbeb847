package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/freeze"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/images"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/sparse"
)

// retryInterval is how long a snapshot that failed waits for the next try.
const retryInterval = time.Second

// snapshot copies the image of a volume, attached or not.
func (l *Loop) snapshot(ctx context.Context, snapshot *longhorn.Snapshot) error {
	name, volume := snapshot.Name, snapshot.Spec.Volume
	if snapshot.DeletionTimestamp != nil {
		l.jobs.Forget(snapshotJob(volume, name))
		if err := l.Images.RemoveSnapshot(volume, name); err != nil {
			return err
		}
		return l.Objects.RemoveFinalizerForSnapshot(snapshot)
	}
	if snapshot.Status.ReadyToUse || !snapshot.Spec.CreateSnapshot {
		return nil
	}
	if ready, err := l.hasImage(volume); err != nil || !ready {
		return err
	}
	state := l.jobs.Run(ctx, snapshotJob(volume, name), func(ctx context.Context, _ func(int)) error {
		err := freeze.While(images.Path(volume), func() error { return l.Images.Snapshot(ctx, volume, name, l.now()) })
		if err != nil {
			// It is tried again, but not at once.
			return errors.Join(err, l.sleep(ctx, retryInterval))
		}
		return nil
	})
	if !state.Done {
		return nil
	}
	l.jobs.Forget(snapshotJob(volume, name))
	if state.Err != nil {
		return state.Err
	}
	return l.finishSnapshot(snapshot)
}

// hasImage tells whether a volume holds what it is to hold.
func (l *Loop) hasImage(name string) (bool, error) {
	volume, err := l.Objects.GetVolumeRO(name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil || volume.Status.RestoreRequired {
		return false, err
	}
	_, err = l.Images.Size(name)
	if errors.Is(err, images.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (l *Loop) finishSnapshot(snapshot *longhorn.Snapshot) error {
	file, err := l.Images.OpenSnapshot(snapshot.Spec.Volume, snapshot.Name)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("measure snapshot %q: %w", snapshot.Name, err)
	}
	snapshot.Status = longhorn.SnapshotStatus{
		OwnerID:      l.Node,
		UserCreated:  true,
		ReadyToUse:   true,
		CreationTime: info.ModTime().UTC().Format(time.RFC3339),
		Size:         sparse.DataBytes(info),
		RestoreSize:  info.Size(),
		Labels:       snapshot.Spec.Labels,
		Children:     map[string]bool{"volume-head": true},
	}
	_, err = l.Objects.UpdateSnapshotStatus(snapshot)
	return err
}

func snapshotJob(volume, snapshot string) string {
	return "snapshot " + volume + "/" + snapshot
}
