package restore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/stall"
)

// turns lets claims of one namespace find out one after the other where to be
// filled: the second of one pod then sees that the first has begun.
type turns struct {
	mu    sync.Mutex
	queue map[string]*sync.Mutex
}

// take waits for the namespace's turn and returns what ends it.
func (t *turns) take(namespace string) (end func()) {
	t.mu.Lock()
	if t.queue == nil {
		t.queue = map[string]*sync.Mutex{}
	}
	turn, known := t.queue[namespace]
	if !known {
		turn = &sync.Mutex{}
		t.queue[namespace] = turn
	}
	t.mu.Unlock()
	turn.Lock()
	return turn.Unlock
}

// reachOfOthers returns the nodes from which the volumes of the pod's other claims
// can be reached; nil is all. wait says that one of them is on its way to a node.
// Once another one of the same class has its place, none is waited for: all that
// follow go where that one is, as near as volumes of the class need to be.
func (r *Reconciler) reachOfOthers(ctx context.Context, claim *corev1.PersistentVolumeClaim, pod *corev1.Pod) (reach *corev1.NodeSelector, wait string, err error) {
	settled := false
	var seen []*corev1.NodeSelector // most volumes of a class have the same
	for _, name := range claimsOf(pod) {
		if name == claim.Name {
			continue
		}
		other, err := find(ctx, r.reader, types.NamespacedName{Namespace: claim.Namespace, Name: name}, &corev1.PersistentVolumeClaim{})
		if err != nil {
			return nil, "", err
		}
		if other == nil {
			continue
		}
		volume, placing, err := r.placed(ctx, other)
		switch {
		case err != nil:
			return nil, "", err
		case placing:
			wait = fmt.Sprintf("waiting for the claim %s of the same pod to get a node", name)
		case volume != nil:
			settled = settled || boundClass(other) == boundClass(claim)
			if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
				continue
			}
			required := volume.Spec.NodeAffinity.Required
			if !slices.ContainsFunc(seen, func(s *corev1.NodeSelector) bool { return equality.Semantic.DeepEqual(s, required) }) {
				seen, reach = append(seen, required), both(reach, required)
			}
		}
	}
	if settled {
		wait = ""
	}
	return reach, wait, nil
}

// placed returns the volume that a claim has or is about to be handed; nil where it
// has no place yet. placing reports whether a fill is about to find one.
func (r *Reconciler) placed(ctx context.Context, claim *corev1.PersistentVolumeClaim) (volume *corev1.PersistentVolume, placing bool, err error) {
	name := claim.Spec.VolumeName
	if _, _, locked := kube.LockOf(claim); locked && !bound(claim) {
		prime, err := find(ctx, r.reader, r.primeKey(claim.UID), &corev1.PersistentVolumeClaim{})
		if err != nil {
			return nil, false, err
		}
		if prime != nil && !placeholder(prime) {
			if !bound(prime) {
				placing, err = r.begun(ctx, r.reader, claim.UID, 0)
				return nil, placing, err
			}
			name = prime.Spec.VolumeName
		}
	}
	if name == "" {
		return nil, false, nil
	}
	volume, err = find(ctx, r.reader, types.NamespacedName{Name: name}, &corev1.PersistentVolume{})
	return volume, false, err
}

// onNode selects one node by its name.
func onNode(name string) *corev1.NodeSelector {
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{name}},
	}}}}
}

// within narrows an affinity to some nodes.
func within(affinity *corev1.Affinity, nodes *corev1.NodeSelector) *corev1.Affinity {
	if nodes == nil {
		return affinity
	}
	narrowed := &corev1.Affinity{}
	if affinity != nil {
		narrowed = affinity.DeepCopy()
	}
	if narrowed.NodeAffinity == nil {
		narrowed.NodeAffinity = &corev1.NodeAffinity{}
	}
	required := &narrowed.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	*required = both(*required, nodes)
	return narrowed
}

// both selects the nodes that two selectors select. The terms of a selector are
// alternatives, so that each of one is joined with each of the other; an empty
// term, which selects nothing, must not become one that does.
func both(a, b *corev1.NodeSelector) *corev1.NodeSelector {
	if a == nil {
		return b.DeepCopy()
	}
	if b == nil {
		return a.DeepCopy()
	}
	joined := &corev1.NodeSelector{}
	for _, x := range a.NodeSelectorTerms {
		for _, y := range b.NodeSelectorTerms {
			if emptyTerm(x) || emptyTerm(y) {
				continue
			}
			joined.NodeSelectorTerms = append(joined.NodeSelectorTerms, corev1.NodeSelectorTerm{
				MatchExpressions: slices.Concat(x.MatchExpressions, y.MatchExpressions),
				MatchFields:      slices.Concat(x.MatchFields, y.MatchFields),
			})
		}
	}
	if len(joined.NodeSelectorTerms) == 0 {
		joined.NodeSelectorTerms = []corev1.NodeSelectorTerm{{}}
	}
	return joined
}

func emptyTerm(t corev1.NodeSelectorTerm) bool {
	return len(t.MatchExpressions) == 0 && len(t.MatchFields) == 0
}

// reachableFrom reports whether any of the nodes that are in service can reach the
// volume.
func reachableFrom(volume *corev1.PersistentVolume, nodes []corev1.Node) (bool, error) {
	selector, err := nodeaffinity.NewNodeSelector(volume.Spec.NodeAffinity.Required)
	if err != nil {
		return false, fmt.Errorf("read the node affinity of volume %s: %w", volume.Name, err)
	}
	return slices.ContainsFunc(nodes, func(node corev1.Node) bool { return !stall.OutOfService(&node) && selector.Match(&node) }), nil
}
