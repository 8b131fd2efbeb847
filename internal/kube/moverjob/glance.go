package moverjob

import (
	"context"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// startsWithin is how long a pod may take to start before its events are looked at, and
// whether a crash left out the Secret that it waits for.
const startsWithin = 10 * time.Second

// glance says from the cache alone how far an attempt is. It settles nothing where
// there may be something to do: no Job, one that is not as it should be, a mover that
// has ended, or one that takes long to begin.
func (f Fills) glance(ctx context.Context, req driver.FillRequest, want *batchv1.Job) (job *batchv1.Job, state State, settled bool) {
	jobs, pods, err := f.cachedOf(ctx, req.ClaimUID)
	if err != nil || len(jobs) != 1 || jobs[0].Name != want.Name {
		return nil, State{}, false
	}
	job = &jobs[0]
	_, finished := Finished(job)
	own := ownedBy(job, pods)
	if finished || job.DeletionTimestamp != nil || len(own) != len(pods) || outdated(job, want) {
		return nil, State{}, false
	}
	state, settled = glanceAt(job, own, f.now())
	return job, state, settled
}

// glanceAt is what the pods of a Job, the newest first, say by themselves.
func glanceAt(job *batchv1.Job, pods []corev1.Pod, now time.Time) (state State, settled bool) {
	if len(pods) == 0 {
		return State{CreatedAt: PodlessSince(job)}, now.Sub(job.CreationTimestamp.Time) < startsWithin
	}
	newest := &pods[0]
	status, found := moverStatus(newest)
	state = State{Pod: newest.Name, CreatedAt: newest.CreationTimestamp.Time}
	switch {
	case found && status.State.Running != nil:
		state.Phase, state.StartedAt = Running, status.State.Running.StartedAt.Time
		return state, true
	case found && status.State.Terminated != nil, newest.DeletionTimestamp != nil, !lastEnd(pods).IsZero():
		return State{}, false
	}
	if state.Message = waiting(newest); state.Message != "" {
		return state, true
	}
	return state, now.Sub(newest.CreationTimestamp.Time) < startsWithin
}

// cachedOf is leftOf as the cache has it; an error where there is none.
func (f Fills) cachedOf(ctx context.Context, claimUID types.UID) ([]batchv1.Job, []corev1.Pod, error) {
	if f.Cache == nil {
		return nil, nil, backup.Errorf(backup.Unavailable, "there is no cache")
	}
	return f.listOf(ctx, f.Cache, claimUID)
}

// Working reports whether the mover of a Job has not ended yet, as far as the Job and
// its pods tell. The pods may be those of other Jobs, too.
func Working(job *batchv1.Job, pods []corev1.Pod) bool {
	if _, finished := Finished(job); finished || job.DeletionTimestamp != nil {
		return false
	}
	own := ownedBy(job, pods)
	return len(own) == 0 || slices.ContainsFunc(own, func(pod corev1.Pod) bool {
		status, found := moverStatus(&pod)
		return !found || status.State.Terminated == nil
	})
}

// Homeless returns since when no node suits the pods of a Job; zero where one has a
// node, or there is none.
func Homeless(job *batchv1.Job, pods []corev1.Pod) (since time.Time) {
	for _, pod := range ownedBy(job, pods) {
		at := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse
		})
		if at < 0 || pod.Spec.NodeName != "" {
			return time.Time{}
		}
		if began := pod.Status.Conditions[at].LastTransitionTime.Time; began.After(since) {
			since = began
		}
	}
	return since
}

// Unstarted returns since when a pod of a Job is there of which no mover has run; zero
// where one has, or there is no pod.
func Unstarted(job *batchv1.Job, pods []corev1.Pod) (since time.Time) {
	own := ownedBy(job, pods)
	if len(own) == 0 || EverRan(job, own) {
		return time.Time{}
	}
	return own[0].CreationTimestamp.Time
}
