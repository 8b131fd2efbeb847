package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"
)

// equippedFor returns the nodes that have the devices which a pod asks for; nil is all.
// The fill goes there and asks for none of them, since it would take them from others.
// Where no node has them, as in a cluster that adds such nodes when a pod needs one,
// nothing is ruled out. Ports of the host are not looked at.
func (r *Reconciler) equippedFor(ctx context.Context, pod *corev1.Pod) (*corev1.NodeSelector, error) {
	devices := devicesOf(pod)
	if len(devices) == 0 || pod.Spec.NodeName != "" {
		return nil, nil //nolint:nilnil // every node will do
	}
	var nodes corev1.NodeList
	if err := r.reader.List(ctx, &nodes); err != nil {
		return nil, fmt.Errorf("list the nodes that have what pod %s/%s asks for: %w", pod.Namespace, pod.Name, err)
	}
	return equipped(devices, nodes.Items), nil
}

// devicesOf is what a pod asks for beside what Kubernetes itself counts: extended
// resources, whose names have a domain, such as nvidia.com/gpu.
func devicesOf(pod *corev1.Pod) corev1.ResourceList {
	needs := helpers.PodRequests(pod, helpers.PodResourcesOptions{})
	maps.DeleteFunc(needs, func(name corev1.ResourceName, amount resource.Quantity) bool {
		domain, _, has := strings.Cut(string(name), "/")
		return amount.IsZero() || !has || domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io")
	})
	return needs
}

// equipped selects the nodes on which that much may be allocated; nil where there is
// none.
func equipped(devices corev1.ResourceList, nodes []corev1.Node) *corev1.NodeSelector {
	var names []string
	for i := range nodes {
		enough := true
		for name, amount := range devices {
			has := nodes[i].Status.Allocatable[name]
			enough = enough && has.Cmp(amount) >= 0
		}
		if enough {
			names = append(names, nodes[i].Name)
		}
	}
	slices.Sort(names)
	var found *corev1.NodeSelector
	for _, name := range names {
		if found == nil {
			found = &corev1.NodeSelector{}
		}
		found.NodeSelectorTerms = append(found.NodeSelectorTerms, onNode(name).NodeSelectorTerms...)
	}
	return found
}
