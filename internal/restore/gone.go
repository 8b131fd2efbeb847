package restore

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/stall"
)

// boundToGone reports whether a volume can be reached from nodes alone that are gone:
// each alternative of its affinity names nodes, and none of those is in service. What
// names a zone, or what is not known to name a node, is not gone: a cluster may have no
// node there just now, and add one for the claim's pod.
func boundToGone(volume *corev1.PersistentVolume, nodes []corev1.Node) bool {
	if len(nodes) == 0 {
		return false
	}
	terms := slices.DeleteFunc(slices.Clone(volume.Spec.NodeAffinity.Required.NodeSelectorTerms), emptyTerm)
	local := volume.Spec.Local != nil || volume.Spec.HostPath != nil
	names := func(r corev1.NodeSelectorRequirement) bool { return namesNodes(r.Key, local, nodes) }
	return len(terms) > 0 && !slices.ContainsFunc(terms, func(term corev1.NodeSelectorTerm) bool {
		return !slices.ContainsFunc(requirements(term), func(r corev1.NodeSelectorRequirement) bool {
			return r.Operator == corev1.NodeSelectorOpIn && names(r) && !anyIs(nodes, r)
		})
	})
}

func requirements(term corev1.NodeSelectorTerm) []corev1.NodeSelectorRequirement {
	return slices.Concat(term.MatchFields, term.MatchExpressions)
}

// anyIs reports whether a node that is in service is one of those which a requirement
// names. A node that has just come back may lack the label, and has its name.
func anyIs(nodes []corev1.Node, r corev1.NodeSelectorRequirement) bool {
	return slices.ContainsFunc(nodes, func(node corev1.Node) bool {
		value, has := node.Labels[r.Key]
		named := slices.Contains(r.Values, node.Name) || has && slices.Contains(r.Values, value)
		return named && !stall.OutOfService(&node)
	})
}

// namesNodes reports whether what a volume's affinity asks of a node under this key is
// which node it is. Drivers of local storage have keys of their own for that, such as
// topology.topolvm.io/node and openebs.io/nodename: each node has its name there. For a
// volume that Kubernetes knows to be local, it is enough that no two nodes have the same
// value. Zones and regions are never nodes, though each may have a single one.
func namesNodes(key string, local bool, nodes []corev1.Node) bool {
	switch {
	case key == metav1.ObjectNameField || key == corev1.LabelHostname:
		return true
	case strings.HasSuffix(key, "/zone") || strings.HasSuffix(key, "/region"):
		return false
	}
	const several = 2 // of which one could have had the same value as another
	seen, own := map[string]bool{}, true
	for i := range nodes {
		value, has := nodes[i].Labels[key]
		if !has {
			continue
		}
		if seen[value] {
			return false
		}
		seen[value] = true
		own = own && (value == nodes[i].Name || value == nodes[i].Labels[corev1.LabelHostname])
	}
	return len(seen) > 0 && own || local && len(seen) >= several
}
