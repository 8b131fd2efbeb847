package main

import (
	"fmt"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/store"
)

// addScheduler makes the scheduler of backups, which the leader runs and every
// replica asks.
func addScheduler(c config, mgr manager.Manager, known *catalog.Catalog, systems *backends, spared kube.Copies, measured *metrics.Metrics, log *slog.Logger) (*schedule.Scheduler, error) {
	scheduler := schedule.New(schedule.Config{
		Namespace:    c.Namespace,
		Evaluation:   time.Duration(c.PolicyEvalSeconds) * time.Second,
		Concurrency:  c.BackupConcurrency,
		Backupers:    systems.backupers,
		Driver:       c.BackupDriver,
		Keeps:        c.defaultKeeps,
		Repositories: func() []schedule.Repository { return repositories(known) },
		Rules:        c.rules,
		Activities:   activities(c, mgr),
		Reader:       mgr.GetClient(),
		Copies:       spared,
		Store:        store.New(mgr.GetClient(), mgr.GetAPIReader(), client.ObjectKey{Namespace: c.Namespace, Name: c.PolicySecretName}),
		Clock:        clock.RealClock{},
		Events:       mgr.GetEventRecorder(eventSource),
		Observer:     measured,
		Log:          log,
	})
	if err := mgr.Add(scheduler); err != nil {
		return nil, fmt.Errorf("adding the scheduler: %w", err)
	}
	metrics.WatchOverdue(ctrlmetrics.Registry, scheduler.Overdue)
	return scheduler, nil
}

// repositories tells the scheduler what the catalog knows.
func repositories(known *catalog.Catalog) []schedule.Repository {
	overviews := known.Overviews()
	all := make([]schedule.Repository, 0, len(overviews))
	for _, o := range overviews {
		all = append(all, schedule.Repository{Driver: o.Driver, ListedAt: o.ListedAt, Failure: o.Failure, Of: o.Of})
	}
	return all
}

// activities are where the running backups of each driver are seen.
func activities(c config, mgr manager.Manager) []schedule.Activity {
	var all []schedule.Activity
	if c.uses(restic.Name) {
		all = append(all, schedule.Jobs{
			Of: restic.Name, Reader: mgr.GetClient(), API: mgr.GetAPIReader(), StartTimeout: c.JobStartTimeout, Clock: clock.RealClock{},
		})
	}
	if c.uses(longhorn.Name) {
		all = append(all, schedule.Leases{Of: longhorn.Name, Reader: mgr.GetAPIReader(), Namespace: c.Namespace, Running: func(lease *coordinationv1.Lease) bool {
			_, _, running := longhorn.Running(lease)
			return running
		}, Stuck: func(lease *coordinationv1.Lease) string { return longhorn.Stuck(lease, c.JobDeadline, time.Now()) }})
	}
	return all
}
