package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/longhorn/longhorn-manager/datastore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/images"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/jobs"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

// interval is how long a pass waits for a change before it looks by itself, so that what only time changes is seen.
const interval = 250 * time.Millisecond

// Config is what a loop works with.
type Config struct {
	// Node is the Kubernetes node that everything is on, PodIP the address of this pod.
	Node, PodIP string
	// InstanceManager is the name of the node's instance manager.
	InstanceManager string
	// BytesPerSecond limits each upload and restore; 0: no limit.
	BytesPerSecond int64

	Objects *datastore.DataStore
	Images  *images.Images
	Backups *store.Store
	Faults  *fault.Set
	Clock   clock.WithTicker
	Logger  *slog.Logger
}

// Loop is the loop.
type Loop struct {
	Config
	jobs *jobs.Jobs
	wake chan struct{}
}

// Run loops until the context ends, then waits for the jobs it started.
func Run(ctx context.Context, config Config) error {
	l := &Loop{Config: config, wake: make(chan struct{}, 1)}
	l.jobs = jobs.New(l.changed)
	if err := l.watch(); err != nil {
		return err
	}
	if err := l.forgetLost(); err != nil {
		return err
	}
	defer l.jobs.Wait()
	ticks := l.Clock.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C():
		case <-l.wake:
		}
		l.pass(ctx)
	}
}

// changed asks for a pass, unless one has been asked for.
func (l *Loop) changed() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// watch has each change of a custom resource start a pass.
func (l *Loop) watch() error {
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { l.changed() },
		UpdateFunc: func(any, any) { l.changed() },
		DeleteFunc: func(any) { l.changed() },
	}
	for _, informer := range []cache.SharedInformer{
		l.Objects.EngineInformer, l.Objects.ReplicaInformer, l.Objects.SnapshotInformer, l.Objects.ShareManagerInformer,
		l.Objects.LHVolumeAttachmentInformer, l.Objects.VolumeInformer,
		l.Objects.BackupInformer, l.Objects.BackupVolumeInformer, l.Objects.BackupTargetInformer,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch the custom resources: %w", err)
		}
	}
	return nil
}

// forgetLost removes the images of volumes that are not in the cluster: of one that was torn down, say.
func (l *Loop) forgetLost() error {
	volumes, err := l.Images.Volumes()
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		_, err := l.Objects.GetVolumeRO(volume)
		if err == nil {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("look for volume %q: %w", volume, err)
		}
		l.Logger.Info("removing the image of a volume that is not in the cluster", "volume", volume)
		if err := l.Images.Remove(volume); err != nil {
			return err
		}
	}
	return nil
}

// pass looks at everything once. What fails is tried again in the next pass.
func (l *Loop) pass(ctx context.Context) {
	each(ctx, l, "replica", l.Objects.ListReplicas, l.replica)
	each(ctx, l, "engine", l.Objects.ListEngines, l.engine)
	each(ctx, l, "share manager", l.Objects.ListShareManagers, l.shareManager)
	each(ctx, l, "snapshot", l.Objects.ListSnapshots, l.snapshot)
	each(ctx, l, "backup target", l.Objects.ListBackupTargets, l.backupTarget)
	each(ctx, l, "backup volume", l.Objects.ListBackupVolumes, l.backupVolume)
	each(ctx, l, "backup", l.Objects.ListBackups, l.backup)
}

func each[T any](ctx context.Context, l *Loop, kind string, list func() (map[string]T, error), reconcile func(context.Context, T) error) {
	objects, err := list()
	if err != nil {
		l.Logger.Error("cannot list", "kind", kind, "error", err)
		return
	}
	for name, object := range objects {
		if ctx.Err() != nil {
			return
		}
		if err := reconcile(ctx, object); err != nil && !isStale(err) {
			l.Logger.Warn("trying again", "kind", kind, "name", name, "error", err)
		}
	}
}

// isStale tells that the object has changed since it was looked at; its change starts a pass.
func isStale(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && (apierrors.IsConflict(err) || apierrors.IsNotFound(err))
}

// now is the time with the precision that custom resources keep.
func (l *Loop) now() time.Time {
	return l.Clock.Now().UTC().Truncate(time.Second)
}

func (l *Loop) timestamp() string {
	return l.now().Format(time.RFC3339)
}
