package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/metrics"
)

// copier is a driver that keeps a copy of what is remembered beside its backups.
type copier interface {
	catalog.Copy
	keeper.Store
}

// readers are the copies as the catalog reads them.
func (b *backends) readers() map[string]catalog.Copy {
	copies := make(map[string]catalog.Copy, len(b.copiers))
	for name, c := range b.copiers {
		copies[name] = c
	}
	return copies
}

// rival says which other live cluster uses the repository of a driver by this one's
// name; "" where none is known to. It goes by the last listing and does not wait.
func (b *backends) rival(name string) string {
	store, copied := b.copiers[name]
	if !copied {
		return ""
	}
	return keeper.Report{Repository: name, Listed: store.Listed()}.RivalMessage()
}

// addCopies has the leader keep the copies current, and tell what is wrong with them,
// among all that concerns no single claim. What it returns reports how they
// are.
func addCopies(c config, mgr manager.Manager, known *catalog.Catalog, systems *backends, measured *metrics.Metrics, log *slog.Logger) (func() []keeper.Report, error) {
	remembered := ledger.NewExpectations(mgr.GetClient(), mgr.GetAPIReader(), c.Namespace)
	believed := ledger.New(mgr.GetClient(), mgr.GetAPIReader(), c.Namespace)
	var keepers []*keeper.Keeper
	for _, name := range slices.Sorted(maps.Keys(systems.copiers)) {
		k := keeper.New(keeper.Config{
			Repository: name, Store: systems.copiers[name], Memory: remembered, Clock: clock.RealClock{}, Observer: measured, Log: log,
			Identity: func(ctx context.Context, repository string) (string, error) {
				expected, err := believed.Expectation(ctx, repository)
				return expected.Repository, err
			},
		})
		if err := mgr.Add(k); err != nil {
			return nil, fmt.Errorf("adding the keeper of the %s memory's copy: %w", name, err)
		}
		keepers = append(keepers, k)
	}
	reports := func() []keeper.Report {
		all := make([]keeper.Report, 0, len(keepers))
		for _, k := range keepers {
			all = append(all, k.Report())
		}
		return all
	}
	metrics.WatchCopies(ctrlmetrics.Registry, func() []metrics.MemoryCopy {
		var all []metrics.MemoryCopy
		for _, r := range reports() {
			all = append(all, metrics.MemoryCopy{Driver: r.Repository, WrittenAt: r.WrittenAt, Rival: r.Rival != ""})
		}
		return all
	})
	return reports, addNotices(c, mgr, known, reports, log)
}

// ownInstance identifies this installation of Soteria: the uid of its namespace,
// which no other has, in this cluster or in another, and which is new where the
// cluster is rebuilt.
func ownInstance(ctx context.Context, c config, clientset kubernetes.Interface) (string, error) {
	namespace, err := clientset.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading Soteria's own namespace %s: %w", c.Namespace, err)
	}
	return string(namespace.UID), nil
}
