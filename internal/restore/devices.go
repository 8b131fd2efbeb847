package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	helpers "k8s.io/component-helpers/resource"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/stall"
)

// equippedFor returns the nodes that have the devices which a pod asks for; nil is all.
// The fill is kept to them, or prefers them once it found no room there
// ([Reconciler.easeDevices]), and asks for no device, since it would take that from
// others. Where no node has them, as in a cluster that adds such nodes when a pod needs
// one, nothing is ruled out. Ports of the host are not looked at.
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

// easeDevices has the attempts that follow one which found no node only prefer the nodes
// that have the devices of the claim's pod: those may be full for ever, and a node that
// the cluster would add is not one of them. The prime says so from then on. It returns
// what to tell of it; "" where the attempt was not kept to such nodes.
func (r *Reconciler) easeDevices(ctx context.Context, o *observed, w stall.World, job *batchv1.Job) (string, error) {
	if o.prime.Annotations[v1alpha1.WithoutDeviceAnnotation] != "" || !placeable(o) || !unscheduled(w, job) {
		return "", nil
	}
	waiting, err := r.consumers(ctx, o.claim)
	if err != nil {
		return "", err
	}
	for i := range waiting {
		equipped, err := r.equippedFor(ctx, &waiting[i])
		if err != nil {
			return "", err
		}
		if equipped == nil {
			continue
		}
		place, wait, err := r.placeFor(ctx, o, &waiting[i])
		if err != nil {
			return "", err
		}
		if wait != "" || place.Fingerprint() != job.Annotations[v1alpha1.PlacementAnnotation] {
			continue
		}
		eased := fmt.Sprintf("; it was kept to the nodes that have what pod %s asks for (%s), and the next one may run on others, so that its volume may be made where that pod cannot follow: "+
			"make room on such a node", waiting[i].Name, amounts(devicesOf(&waiting[i])))
		return eased, r.annotate(ctx, o.prime, map[string]string{v1alpha1.WithoutDeviceAnnotation: strings.TrimPrefix(eased, "; ")})
	}
	return "", nil
}

// unscheduled reports whether a Job has pods, and none of them has a node.
func unscheduled(w stall.World, job *batchv1.Job) bool {
	pods := slices.DeleteFunc(slices.Clone(w.Pods), func(pod corev1.Pod) bool { return !metav1.IsControlledBy(&pod, job) })
	return len(pods) > 0 && !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return pod.Spec.NodeName != "" })
}

// preferring adds the wish to be on some nodes to an affinity.
func preferring(affinity *corev1.Affinity, nodes *corev1.NodeSelector) *corev1.Affinity {
	const most = 100 // of the weights that Kubernetes knows
	if nodes == nil {
		return affinity
	}
	wishing := &corev1.Affinity{}
	if affinity != nil {
		wishing = affinity.DeepCopy()
	}
	if wishing.NodeAffinity == nil {
		wishing.NodeAffinity = &corev1.NodeAffinity{}
	}
	wishes := &wishing.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	for _, term := range nodes.NodeSelectorTerms {
		*wishes = append(*wishes, corev1.PreferredSchedulingTerm{Weight: most, Preference: term})
	}
	return wishing
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
