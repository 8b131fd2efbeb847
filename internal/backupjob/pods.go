package backupjob

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// watchMoverPods returns the changes of the pods of backup Jobs, in all namespaces, as
// the leader sees them. They only make known sooner what the Jobs say seconds later, so
// nothing waits for the watch: where it is not allowed, as by the ClusterRole of a
// version that did not watch, it is tried again and again beside all other work.
func watchMoverPods(mgr manager.Manager) (<-chan event.GenericEvent, error) {
	ours := labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup})
	pods, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{&corev1.Pod{}: {Label: ours, Transform: cache.TransformStripManagedFields()}},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare to watch the pods of backups: %w", err)
	}
	changes := make(chan event.GenericEvent)
	watch := func(ctx context.Context) error {
		informer, err := pods.GetInformer(ctx, &corev1.Pod{}, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watch the pods of backups: %w", err)
		}
		if _, err := informer.AddEventHandler(changesTo(ctx, changes)); err != nil {
			return fmt.Errorf("watch the pods of backups: %w", err)
		}
		return pods.Start(ctx)
	}
	if err := mgr.Add(manager.RunnableFunc(watch)); err != nil {
		return nil, fmt.Errorf("watch the pods of backups: %w", err)
	}
	return changes, nil
}

// changesTo passes each pod on that is added or changed, until ctx ends.
func changesTo(ctx context.Context, changes chan<- event.GenericEvent) toolscache.ResourceEventHandler {
	pass := func(object any) {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			return
		}
		select {
		case changes <- event.GenericEvent{Object: pod}:
		case <-ctx.Done():
		}
	}
	return toolscache.ResourceEventHandlerFuncs{AddFunc: pass, UpdateFunc: func(_, now any) { pass(now) }}
}
