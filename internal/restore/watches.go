package restore

import (
	"context"
	"maps"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crevent "sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// watched is a kind of object whose changes start passes.
type watched struct {
	object client.Object
	// claims returns the claims that an object is about.
	claims handler.MapFunc
	// matters reports whether a change may take a restore further.
	matters predicate.Predicate
}

// watches lists what starts passes. What a pass itself writes does not, unless the
// claim that it is for is gone: each phase goes on by itself after its own writes.
func (r *Reconciler) watches(ctx context.Context) []watched {
	removed := predicate.Funcs{
		CreateFunc: func(crevent.CreateEvent) bool { return false },
		UpdateFunc: func(crevent.UpdateEvent) bool { return false },
	}
	return []watched{
		{&corev1.PersistentVolumeClaim{}, claimsOfClaim, r.news(ctx, claimState)},
		{&v1alpha1.Restore{}, r.claimsOfRestore, r.news(ctx, func(obj client.Object) any { return obj.GetGeneration() })},
		{&corev1.PersistentVolume{}, claimServed, r.news(ctx, volumeState)},
		{&batchv1.Job{}, claimOfFill, r.news(ctx, jobState)},
		{&corev1.Pod{}, claimOfFill, r.news(ctx, podState)},
		{&storagev1.VolumeAttachment{}, r.claimsOfAttachment, removed},
	}
}

// news passes on a change of an object in which its state changes, and its removal. That
// there is a new one is news at start, and where Soteria did not make it for a claim that
// is still there.
func (r *Reconciler) news(ctx context.Context, state func(client.Object) any) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e crevent.CreateEvent) bool { return e.IsInInitialList || !r.expected(ctx, e.Object) },
		UpdateFunc: func(e crevent.UpdateEvent) bool {
			resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
			return resync || !equality.Semantic.DeepEqual(state(e.ObjectOld), state(e.ObjectNew))
		},
	}
}

// expected reports whether an object serves a claim that is there, as far as the cache
// says. Should that claim be gone, the word of it is still to come.
func (r *Reconciler) expected(ctx context.Context, obj client.Object) bool {
	key, serves := servedClaim(obj)
	if !serves {
		return false
	}
	claim, err := find(ctx, r.client, key, &corev1.PersistentVolumeClaim{})
	return err == nil && claim != nil && claim.UID == servedUID(obj) && !doomed(claim)
}

// claimState is what a pass goes by of a claim that waits, or of a prime. The marks on a
// prime are Soteria's own.
func claimState(obj client.Object) any {
	claim, ok := obj.(*corev1.PersistentVolumeClaim)
	if !ok {
		return nil
	}
	state := []any{claim.DeletionTimestamp.IsZero(), claim.Status.Phase, claim.Spec.VolumeName, claim.Spec.Resources.Requests}
	if claim.Labels[v1alpha1.RoleLabel] == v1alpha1.RolePrime {
		return state
	}
	return append(state, claim.Labels, wishes(claim.Annotations))
}

// wishes are the annotations of a claim that are neither Soteria's own nor those by
// which Kubernetes binds it.
func wishes(annotations map[string]string) map[string]string {
	left := maps.Clone(annotations)
	maps.DeleteFunc(left, func(key, _ string) bool {
		switch key {
		case v1alpha1.TouchedAnnotation, v1alpha1.VerdictAnnotation, v1alpha1.EvidenceAnnotation:
			return true
		}
		return strings.HasPrefix(key, "pv.kubernetes.io/") || strings.HasPrefix(key, "volume.kubernetes.io/")
	})
	return left
}

// volumeState is what a pass goes by of a volume. That the prime's is on its way out is
// no news: a pass waits until it is gone.
func volumeState(obj client.Object) any {
	volume, ok := obj.(*corev1.PersistentVolume)
	if !ok {
		return nil
	}
	going := !volume.DeletionTimestamp.IsZero() && volume.Labels[v1alpha1.RoleLabel] != v1alpha1.RolePrime
	state := []any{going, volume.Spec.ClaimRef, volume.Spec.PersistentVolumeReclaimPolicy, volume.Labels}
	if volume.Labels[v1alpha1.RoleLabel] == v1alpha1.RolePrime {
		return state
	}
	return append(state, volume.Status.Phase)
}

// jobState is what a pass goes by of a Job; how far it is its pods tell.
func jobState(obj client.Object) any {
	job, ok := obj.(*batchv1.Job)
	if !ok {
		return nil
	}
	_, finished := moverjob.Finished(job)
	return []any{finished, job.DeletionTimestamp.IsZero(), job.Spec.Suspend, job.Status.Failed}
}

// podState is what a pass goes by of a mover's pod: whether its mover runs or has ended,
// and what keeps it from starting. The scheduler's words change all the time, its reason
// does not.
func podState(obj client.Object) any {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return nil
	}
	state := []any{pod.DeletionTimestamp.IsZero(), pod.Status.Phase == corev1.PodFailed, pod.Status.Phase == corev1.PodSucceeded}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			state = append(state, c.Reason)
		}
	}
	for _, status := range pod.Status.InitContainerStatuses {
		if t := status.State.Terminated; t != nil && t.ExitCode != 0 {
			state = append(state, status.Name, t.ExitCode)
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		state = append(state, status.Name, status.State.Running != nil, status.State.Terminated != nil)
	}
	return state
}
