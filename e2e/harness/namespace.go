package harness

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// beforeItBegins is how long after a namespace's deletion the namespace controller has
// certainly not begun: the time of the deletion is in whole seconds.
const beforeItBegins = 4 * time.Second

const byItsController = "the namespace is there, and the namespace controller empties it"

// finishNamespace does for a namespace that is being deleted what the namespace
// controller does: it deletes all that is in it, and lets the namespace go once that
// is gone. The controller rests 5 seconds before it begins, for the sake of API
// servers that have not heard of the deletion, and scenarios destroy a namespace a
// hundred times. Seen is what is still there.
func (c *Cluster) finishNamespace(ctx context.Context, namespace *corev1.Namespace) (seen string, err error) {
	if namespace.DeletionTimestamp.IsZero() {
		return "the namespace is there and is not being deleted", nil
	}
	if time.Since(namespace.DeletionTimestamp.Time) > beforeItBegins {
		return byItsController, nil
	}
	resources, err := c.namespacedResources()
	if err != nil {
		return "", err
	}
	var left []string
	for _, resource := range resources {
		of := c.metadata.Resource(resource).Namespace(namespace.Name)
		list, err := of.List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return "", fmt.Errorf("listing %s of namespace %s: %w", resource.Resource, namespace.Name, err)
		}
		if len(list.Items) == 0 {
			continue
		}
		left = append(left, resource.Resource)
		if err := of.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return "", fmt.Errorf("deleting %s of namespace %s: %w", resource.Resource, namespace.Name, err)
		}
	}
	if len(left) > 0 {
		return fmt.Sprintf("the namespace is there with %v", left), nil
	}
	if time.Since(namespace.DeletionTimestamp.Time) > beforeItBegins { // emptying it took long
		return byItsController, nil
	}
	namespace.Spec.Finalizers = nil
	if _, err := c.Kubernetes.CoreV1().Namespaces().Finalize(ctx, namespace, metav1.UpdateOptions{}); err != nil {
		return "", fmt.Errorf("letting namespace %s go: %w", namespace.Name, err)
	}
	return "the namespace is there, empty", nil
}

// namespacedResources lists what a namespace may hold, of every kind that the API
// server has now.
func (c *Cluster) namespacedResources() ([]schema.GroupVersionResource, error) {
	lists, err := c.Kubernetes.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		return nil, fmt.Errorf("listing the kinds of objects: %w", err)
	}
	removable := discovery.SupportsAllVerbs{Verbs: []string{"list", "deletecollection"}}
	found, err := discovery.GroupVersionResources(discovery.FilteredBy(removable, lists))
	if err != nil {
		return nil, fmt.Errorf("listing the kinds of objects: %w", err)
	}
	resources := make([]schema.GroupVersionResource, 0, len(found))
	for resource := range found {
		resources = append(resources, resource)
	}
	slices.SortFunc(resources, func(a, b schema.GroupVersionResource) int {
		return slices.Compare([]string{a.Group, a.Resource}, []string{b.Group, b.Resource})
	})
	return resources, nil
}
