package inventory

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Cluster reads what an inventory needs of the cluster. Its reader must read from
// a cache: all claims, Restores and namespaces are listed for each inventory.
type Cluster struct {
	Reader client.Reader
	// Copies knows the copies to look at; nil where no one does.
	Copies kube.Copies
}

// Namespace is the object that stands for namespaces in caches: of them only the
// metadata is read.
func Namespace() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}

// facts reads what an inventory needs of the cluster. The cache's own objects are
// shared, since nothing changes them.
func (c Cluster) facts(ctx context.Context) (Facts, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := c.Reader.List(ctx, &claims, client.UnsafeDisableDeepCopy); err != nil {
		return Facts{}, fmt.Errorf("listing claims: %w", err)
	}
	var restores v1alpha1.RestoreList
	if err := c.Reader.List(ctx, &restores, client.UnsafeDisableDeepCopy); err != nil {
		return Facts{}, fmt.Errorf("listing Restores: %w", err)
	}
	namespaces := &metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := c.Reader.List(ctx, namespaces, client.UnsafeDisableDeepCopy); err != nil {
		return Facts{}, fmt.Errorf("listing namespaces: %w", err)
	}
	labels := make(map[string]map[string]string, len(namespaces.Items))
	for i := range namespaces.Items {
		labels[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	return Facts{Claims: claims.Items, Copies: kube.CopiesAmong(ctx, c.Copies, claims.Items), Restores: restores.Items, NamespaceLabels: labels}, nil
}

// Watch has changed called whenever a claim, a Restore or a namespace changes,
// for as long as the informers run. It must not block.
func Watch(ctx context.Context, informers cache.Cache, changed func()) error {
	for _, object := range []client.Object{&corev1.PersistentVolumeClaim{}, &v1alpha1.Restore{}, Namespace()} {
		informer, err := informers.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watching %T for the inventory: %w", object, err)
		}
		if _, err := informer.AddEventHandler(tell(changed)); err != nil {
			return fmt.Errorf("watching %T for the inventory: %w", object, err)
		}
	}
	return nil
}

// tell calls changed for every event but those in which nothing changed, which a
// resync makes.
func tell(changed func()) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() },
		UpdateFunc: func(before, after any) {
			was, isObject := before.(metav1.Object)
			is, stillObject := after.(metav1.Object)
			if !isObject || !stillObject || was.GetResourceVersion() != is.GetResourceVersion() {
				changed()
			}
		},
		DeleteFunc: func(any) { changed() },
	}
}
