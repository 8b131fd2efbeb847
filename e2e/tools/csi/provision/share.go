package provision

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// Share is the part of a driver's claims and volumes that one of several provisioners serves, each for the volumes
// that lie on its own node.
type Share struct {
	// Node is the node whose volumes are served.
	Node string
	// Unplaced reports whether claims for which the scheduler selects no node are served, too. It is true for one
	// provisioner alone.
	Unplaced bool
}

// annSelectedNode is where the scheduler notes the node for a claim that waits for its first consumer.
const annSelectedNode = "volume.kubernetes.io/selected-node"

// sharing is a provisioner that leaves what is not its share to the others.
type sharing struct {
	*provisioner

	share Share
}

var (
	_ controller.Qualifier     = sharing{}
	_ controller.DeletionGuard = sharing{}
)

// ShouldProvision reports whether a claim is for a volume on the own node.
func (s sharing) ShouldProvision(_ context.Context, claim *corev1.PersistentVolumeClaim) bool {
	selected := claim.Annotations[annSelectedNode]
	return selected == s.share.Node || selected == "" && s.share.Unplaced
}

// ShouldDelete reports whether a volume lies on the own node, by its node affinity. A volume elsewhere would seem to be
// gone already.
func (s sharing) ShouldDelete(_ context.Context, object *corev1.PersistentVolume) bool {
	affinity := object.Spec.NodeAffinity
	if affinity == nil || affinity.Required == nil {
		return s.share.Unplaced
	}
	return slices.ContainsFunc(affinity.Required.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		return slices.ContainsFunc(term.MatchExpressions, func(e corev1.NodeSelectorRequirement) bool {
			return e.Key == s.topologyKey && slices.Contains(e.Values, s.share.Node)
		})
	})
}
