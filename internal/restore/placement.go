package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	helpers "k8s.io/component-helpers/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
)

// pendingField selects pods that have not started; the API server knows it.
const pendingField = "status.phase"

// hardSpread and softSpread are the weights, of 1 to 100, of the wishes that a
// constraint becomes which keeps a pod from being scheduled, and of one that does not.
const (
	hardSpread = 100
	softSpread = 50
)

// placement finds where the claim's user wants to run: it is copied from a pod
// that waits for the claim (consumerFor), and from where the other claims of that pod
// have their volumes. wait says what there is to wait for before it can be known.
// Without a pod the scheduler is free. The pods of the namespace are asked for when
// needed rather than kept.
//
// Spread constraints become wishes (spreadElsewhere). Where the fill decides the
// node, it asks for the room that the pod needs (roomFor), so that the pod can follow.
// The pod's priority is not copied: no tenant's priority is to have a mover of
// Soteria's evict other pods. The movers of restores run in Soteria's namespace, so
// all this counts against no quota of the tenant's.
//
// A volume that every node reaches, as Longhorn's without data locality or allowed
// topologies, is filled on such a node too; its pod may run elsewhere later.
func (r *Reconciler) placement(ctx context.Context, o *observed) (place driver.Placement, wait string, err error) {
	if begun, err := r.begun(ctx, r.client, o.claim.UID, o.status().Attempt); err != nil || begun {
		return driver.Placement{}, "", err
	}
	return r.place(ctx, o)
}

// place finds the same whether the fill has begun or not.
func (r *Reconciler) place(ctx context.Context, o *observed) (place driver.Placement, wait string, err error) {
	waiting, err := r.consumersOf(ctx, o)
	switch {
	case err != nil:
		return driver.Placement{}, "", err
	case len(waiting) == 0 && placeable(o):
		return driver.Placement{}, r.awaitConsumer(o), nil
	case len(waiting) == 0:
		return driver.Placement{}, "", nil
	}
	return r.placeFor(ctx, o, consumerFor(waiting, o.status().Attempt))
}

// consumerFor returns the pod that an attempt is placed for: the oldest one at first,
// and by turns the others, the newest before all, once the claim's fill had to be begun
// again. A pod that was corrected is newer than the one that can run nowhere.
func consumerFor(waiting []corev1.Pod, attempt int32) *corev1.Pod {
	const second = 2
	if attempt < second {
		return &waiting[0]
	}
	return &waiting[len(waiting)-1-int(attempt-second)%len(waiting)]
}

// placeFor finds where a fill goes for this pod.
func (r *Reconciler) placeFor(ctx context.Context, o *observed, pod *corev1.Pod) (place driver.Placement, wait string, err error) {
	place = placementOf(pod)
	if !placeable(o) {
		return place, "", nil
	}
	reach, wait, err := r.reachOfOthers(ctx, o.claim, pod)
	if err != nil {
		return driver.Placement{}, "", err
	}
	place.Affinity = within(place.Affinity, reach)
	equipped, err := r.equippedFor(ctx, pod)
	if o.prime.Annotations[v1alpha1.WithoutDeviceAnnotation] == "" {
		place.Affinity = within(place.Affinity, equipped)
	} else {
		place.Affinity = preferring(place.Affinity, equipped)
	}
	if reach == nil && pod.Spec.NodeName == "" && o.prime.Annotations[v1alpha1.WithoutRoomAnnotation] == "" {
		place.Room = roomFor(pod)
	}
	return place, wait, err
}

// placeable reports whether where a fill runs decides where the volume is made.
func placeable(o *observed) bool { return late(o.way.class) && !bound(o.prime) }

// awaitConsumer says until when the restore of a claim that no pod uses waits for
// one; "" once it does not, or where it was asked for without one: by the API,
// which says who asked, or by annotation.
func (r *Reconciler) awaitConsumer(o *observed) string {
	asked := o.claim.Annotations[v1alpha1.RequestedByAnnotation] != "" || o.claim.Annotations[v1alpha1.RestoreWithoutPodAnnotation] == "true"
	until := o.claim.CreationTimestamp.Add(r.consumerWait)
	if asked || !o.now.Before(until) {
		return ""
	}
	o.planned = true
	r.events.say(o.claim, o.restore, waitsForPod(o.way.class.Name, until))
	return "waiting for a pod that uses the claim, until " + until.UTC().Format(time.RFC3339)
}

// begun reports whether the Job of a fill exists: of one attempt, or of any if that
// is 0.
func (r *Reconciler) begun(ctx context.Context, from client.Reader, claim types.UID, attempt int32) (bool, error) {
	var jobs batchv1.JobList
	if err := from.List(ctx, &jobs, client.InNamespace(r.namespace), client.MatchingLabels(labelsFor(v1alpha1.RoleFill, claim))); err != nil {
		return false, fmt.Errorf("list the Jobs that fill for claim %s: %w", claim, err)
	}
	return slices.ContainsFunc(jobs.Items, func(job batchv1.Job) bool { return attempt == 0 || attemptOf(&job) == attempt }), nil
}

// consumersOf is [Reconciler.consumers], looked for once in a pass.
func (r *Reconciler) consumersOf(ctx context.Context, o *observed) ([]corev1.Pod, error) {
	if o.consumers == nil {
		waiting, err := r.consumers(ctx, o.claim)
		if err != nil {
			return nil, err
		}
		o.consumers = &waiting
	}
	return *o.consumers, nil
}

// consumers returns the pods that wait for the claim, the oldest first.
func (r *Reconciler) consumers(ctx context.Context, claim *corev1.PersistentVolumeClaim) ([]corev1.Pod, error) {
	pods, err := r.pendingPods(ctx, claim.Namespace)
	if err != nil {
		return nil, err
	}
	waiting := slices.DeleteFunc(pods, func(pod corev1.Pod) bool { return !slices.Contains(claimsOf(&pod), claim.Name) })
	slices.SortFunc(waiting, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return waiting, nil
}

// pendingPods returns the pods of a namespace that have not started and are not being
// deleted. Pods of Soteria's own Jobs, such as a backup of an earlier claim of that name,
// are not among them.
func (r *Reconciler) pendingPods(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.reader.List(ctx, &pods, client.InNamespace(namespace), client.MatchingFields{pendingField: string(corev1.PodPending)}); err != nil {
		return nil, fmt.Errorf("list the pending pods of namespace %s: %w", namespace, err)
	}
	var pending []corev1.Pod
	for i := range pods.Items {
		if pods.Items[i].DeletionTimestamp != nil {
			continue
		}
		own, err := r.isOwn(ctx, &pods.Items[i])
		if err != nil {
			return nil, err
		}
		if !own {
			pending = append(pending, pods.Items[i])
		}
	}
	return pending, nil
}

// isOwn reports whether a pod belongs to a Job of Soteria's, which the cache holds
// alone. The Job is found by the uid that the pod's owner has: a pod's own labels
// prove nothing.
func (r *Reconciler) isOwn(ctx context.Context, pod *corev1.Pod) (bool, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "Job" {
		return false, nil
	}
	job, err := find(ctx, r.client, types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}, &batchv1.Job{})
	if err != nil || job == nil {
		return false, err
	}
	return job.UID == owner.UID && job.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy, nil
}

// claimsOf returns the names of the claims that a pod uses.
func claimsOf(pod *corev1.Pod) []string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, pod.Name+"-"+v.Name)
		}
	}
	return names
}

// placementOf is where a pod may run. One that names its node was not scheduled,
// and is there whatever taints keep others from being scheduled to it.
func placementOf(pod *corev1.Pod) driver.Placement {
	place := driver.Placement{
		NodeSelector: pod.Spec.NodeSelector,
		Tolerations:  pod.Spec.Tolerations,
		Affinity:     affinityElsewhere(pod),
	}
	place.Affinity = spreadElsewhere(place.Affinity, pod)
	if pod.Spec.NodeName != "" {
		place.Affinity = within(place.Affinity, onNode(pod.Spec.NodeName))
		place.Tolerations = append(slices.Clone(place.Tolerations), corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	return place
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

// roomFor is the processor and memory that a node must have free for a pod to start
// there; nil for a pod that may evict others, which makes its room itself. Other
// resources are not asked for, since a mover would take such devices from others.
func roomFor(pod *corev1.Pod) corev1.ResourceList {
	preempts := pod.Spec.PreemptionPolicy == nil || *pod.Spec.PreemptionPolicy != corev1.PreemptNever
	if preempts && ptr.Deref(pod.Spec.Priority, 0) > 0 {
		return nil
	}
	needs := helpers.PodRequests(pod, helpers.PodResourcesOptions{})
	maps.DeleteFunc(needs, func(name corev1.ResourceName, amount resource.Quantity) bool {
		return amount.IsZero() || name != corev1.ResourceCPU && name != corev1.ResourceMemory
	})
	if len(needs) == 0 {
		return nil
	}
	return needs
}

// spreadElsewhere adds a pod's topology spread constraints to an affinity, as they can
// be kept by a pod in another namespace that lacks its labels: constraints count pods
// of their own namespace alone, so each becomes the wish to be where the fewest of
// the pods that it counts are.
func spreadElsewhere(affinity *corev1.Affinity, pod *corev1.Pod) *corev1.Affinity {
	var wishes []corev1.WeightedPodAffinityTerm
	for _, constraint := range pod.Spec.TopologySpreadConstraints {
		if constraint.LabelSelector == nil {
			continue // counts no pods
		}
		wish := corev1.WeightedPodAffinityTerm{Weight: softSpread, PodAffinityTerm: corev1.PodAffinityTerm{
			LabelSelector: sameRevision(constraint, pod.Labels), TopologyKey: constraint.TopologyKey, Namespaces: []string{pod.Namespace},
		}}
		if constraint.WhenUnsatisfiable == corev1.DoNotSchedule {
			wish.Weight = hardSpread
		}
		wishes = append(wishes, wish)
	}
	if len(wishes) == 0 {
		return affinity
	}
	if affinity == nil {
		affinity = &corev1.Affinity{}
	}
	if affinity.PodAntiAffinity == nil {
		affinity.PodAntiAffinity = &corev1.PodAntiAffinity{}
	}
	apart := affinity.PodAntiAffinity
	apart.PreferredDuringSchedulingIgnoredDuringExecution = append(apart.PreferredDuringSchedulingIgnoredDuringExecution, wishes...)
	return affinity
}

// sameRevision is the selector of a constraint with the values that its label keys
// have on the pod, which not every API server merges into it.
func sameRevision(constraint corev1.TopologySpreadConstraint, of map[string]string) *metav1.LabelSelector {
	selector := constraint.LabelSelector.DeepCopy()
	for _, key := range constraint.MatchLabelKeys {
		if value, has := of[key]; has {
			selector.MatchExpressions = append(selector.MatchExpressions,
				metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value}})
		}
	}
	return selector
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
