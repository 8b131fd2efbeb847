package restore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/driver"
)

// pendingField selects pods that have not started; the API server knows it.
const pendingField = "status.phase"

// placement finds where the claim's user wants to run: it is copied from the
// oldest pod that waits for the claim. Without such a pod the scheduler is free.
// The pods of the namespace are asked for when needed rather than kept.
func (r *Reconciler) placement(ctx context.Context, claim *corev1.PersistentVolumeClaim) (driver.Placement, error) {
	var pods corev1.PodList
	if err := r.reader.List(ctx, &pods, client.InNamespace(claim.Namespace), client.MatchingFields{pendingField: string(corev1.PodPending)}); err != nil {
		return driver.Placement{}, fmt.Errorf("list the pending pods of namespace %s: %w", claim.Namespace, err)
	}
	waiting := slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool { return !waitsFor(&pod, claim.Name) })
	if len(waiting) == 0 {
		return driver.Placement{}, nil
	}
	oldest := slices.MinFunc(waiting, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return placementOf(&oldest), nil
}

func waitsFor(pod *corev1.Pod, claim string) bool {
	if pod.Spec.NodeName != "" || !pod.DeletionTimestamp.IsZero() {
		return false
	}
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		switch {
		case v.PersistentVolumeClaim != nil:
			return v.PersistentVolumeClaim.ClaimName == claim
		case v.Ephemeral != nil:
			return pod.Name+"-"+v.Name == claim
		}
		return false
	})
}

func placementOf(pod *corev1.Pod) driver.Placement {
	return driver.Placement{
		NodeSelector: pod.Spec.NodeSelector,
		Tolerations:  pod.Spec.Tolerations,
		Affinity:     affinityElsewhere(pod),
	}
}

// affinityElsewhere is a pod's affinity as it must read on a pod in another
// namespace that lacks its labels: terms that mean the pod's own namespace name
// it, and the demand to be near pods like itself is dropped, since all of those
// wait for this volume too.
func affinityElsewhere(pod *corev1.Pod) *corev1.Affinity {
	if pod.Spec.Affinity == nil {
		return nil
	}
	affinity := pod.Spec.Affinity.DeepCopy()
	if near := affinity.PodAffinity; near != nil {
		near.RequiredDuringSchedulingIgnoredDuringExecution = slices.DeleteFunc(near.RequiredDuringSchedulingIgnoredDuringExecution,
			func(term corev1.PodAffinityTerm) bool { return selects(term.LabelSelector, pod.Labels) })
		name(near.RequiredDuringSchedulingIgnoredDuringExecution, near.PreferredDuringSchedulingIgnoredDuringExecution, pod.Namespace)
	}
	if apart := affinity.PodAntiAffinity; apart != nil {
		name(apart.RequiredDuringSchedulingIgnoredDuringExecution, apart.PreferredDuringSchedulingIgnoredDuringExecution, pod.Namespace)
	}
	return affinity
}

func name(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm, namespace string) {
	for i := range required {
		nameTerm(&required[i], namespace)
	}
	for i := range preferred {
		nameTerm(&preferred[i].PodAffinityTerm, namespace)
	}
}

// nameTerm also drops the label keys, which the API server has merged into the
// term's selector already.
func nameTerm(term *corev1.PodAffinityTerm, namespace string) {
	if len(term.Namespaces) == 0 && term.NamespaceSelector == nil {
		term.Namespaces = []string{namespace}
	}
	term.MatchLabelKeys, term.MismatchLabelKeys = nil, nil
}

// selects errs on the side of saying yes, which drops a demand.
func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err != nil || parsed.Matches(labels.Set(of))
}
