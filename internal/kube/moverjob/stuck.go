package moverjob

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/stall"
)

// lostAfter is how long a node may be away before its pods count as lost: as long
// as Kubernetes itself waits until it evicts them.
const lostAfter = 5 * time.Minute

// NeverHadPod reports whether, as far as the Job's status tells, no pod was made
// for it. A Job that was made a moment ago looks the same: [PodsOf] tells for
// certain.
func NeverHadPod(job *batchv1.Job) bool {
	s := job.Status
	uncounted := s.UncountedTerminatedPods
	return s.Active == 0 && s.Succeeded == 0 && s.Failed == 0 && ptr.Deref(s.Terminating, 0) == 0 &&
		(uncounted == nil || len(uncounted.Succeeded)+len(uncounted.Failed) == 0)
}

// Stuck says why an unfinished Job does no work and may be passed over by others,
// with what a person can do; "" where it may work. Reader must read the API server
// itself; it is asked about Jobs alone that had time to start. Every Job of Soteria's
// has a deadline: one without is none of them, and does no work.
func Stuck(ctx context.Context, reader client.Reader, job *batchv1.Job, now time.Time, startTimeout time.Duration) (string, error) {
	name := job.Namespace + "/" + job.Name
	old := now.Sub(job.CreationTimestamp.Time) > startTimeout
	overdue := stall.Overdue(job, now)
	switch {
	case job.Spec.ActiveDeadlineSeconds == nil:
		return fmt.Sprintf("Job %s has no deadline, so it is none of Soteria's; delete it", name), nil
	case overdue != "":
		return fmt.Sprintf("Job %s was not ended: %s; look at its pods, and delete it", name, overdue), nil
	case old && ptr.Deref(job.Spec.Suspend, false):
		return fmt.Sprintf("Job %s is suspended", name), nil
	case !old && now.Sub(job.CreationTimestamp.Time) < lostAfter:
		return "", nil
	}
	pods, err := PodsOf(ctx, reader, job)
	if err != nil {
		return "", err
	}
	since, err := idleSince(ctx, reader, job, pods)
	if err != nil {
		return "", err
	}
	if !since.IsZero() && now.Sub(since) > startTimeout {
		return idle(job, since), nil
	}
	for i := range pods {
		lost, err := lostNode(ctx, reader, &pods[i], now)
		if err != nil || lost != "" {
			return lost, err
		}
	}
	return "", nil
}

// Over says why and since when an unfinished Job counts as ended, so that another may
// begin in its place; "" where it does not: it has failed or is past its deadline, and
// each of its pods has ended, never began to move data, or is on a node that is lost.
// What runs on such a node may write something still, so it proves nothing about what
// the Job has saved or will. Reader must read the API server itself.
func Over(ctx context.Context, reader client.Reader, job *batchv1.Job, now time.Time) (why string, since time.Time, err error) {
	overdue := stall.Overdue(job, now)
	if overdue == "" {
		return "", time.Time{}, nil
	}
	pods, err := PodsOf(ctx, reader, job)
	if err != nil || len(pods) == 0 {
		return "", time.Time{}, err // without pods nothing keeps it from being ended
	}
	for i := range pods {
		status, _ := moverStatus(&pods[i])
		if stall.Ended(&pods[i]) || status.State.Running == nil && status.State.Terminated == nil {
			continue
		}
		lost, err := lostNode(ctx, reader, &pods[i], now)
		if err != nil || lost == "" {
			return "", time.Time{}, err
		}
	}
	return overdue, overSince(job), nil
}

// overSince returns when a Job that is overdue failed or its deadline passed.
func overSince(job *batchv1.Job) time.Time {
	for _, c := range job.Status.Conditions {
		if c.Type == batchv1.JobFailureTarget && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	began := job.CreationTimestamp.Time
	if job.Status.StartTime != nil {
		began = job.Status.StartTime.Time
	}
	return began.Add(time.Duration(ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0)) * time.Second)
}

// idleSince returns since when no pod of a Job has been there that could work; zero
// where there is one, or nothing tells.
func idleSince(ctx context.Context, reader client.Reader, job *batchv1.Job, pods []corev1.Pod) (time.Time, error) {
	if len(pods) > 0 {
		return lastEnd(pods), nil
	}
	return Podless(ctx, reader, job)
}

// Podless returns what [PodlessSince] says of a Job as the API server has it: what
// comes from a cache may lack the record of changes. Reader must read the API server
// itself.
func Podless(ctx context.Context, reader client.Reader, job *batchv1.Job) (time.Time, error) {
	var fresh batchv1.Job
	err := reader.Get(ctx, client.ObjectKeyFromObject(job), &fresh)
	switch {
	case apierrors.IsNotFound(err), err == nil && fresh.UID != job.UID:
		return PodlessSince(job), nil // it is gone, and so is the question
	case err != nil:
		return time.Time{}, backup.Errorf(backup.Unavailable, "reading Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return PodlessSince(&fresh), nil
}

// idle says that a Job has had no pod for long.
func idle(job *batchv1.Job, since time.Time) string {
	what := "has had no pod since " + since.UTC().Format(time.RFC3339)
	if NeverHadPod(job) && since.Sub(job.CreationTimestamp.Time) < time.Minute {
		what = "never got a pod"
	}
	return fmt.Sprintf("Job %s/%s %s; its events say why: kubectl -n %s describe job %s", job.Namespace, job.Name, what, job.Namespace, job.Name)
}

// lostNode says that the node of a pod is gone for good, and what to do; "" where it
// may come back, or the pod has no node or has ended. Reader must read the API server
// itself.
func lostNode(ctx context.Context, reader client.Reader, pod *corev1.Pod, now time.Time) (string, error) {
	if pod.Spec.NodeName == "" || stall.Ended(pod) {
		return "", nil
	}
	node := &corev1.Node{}
	err := reader.Get(ctx, types.NamespacedName{Name: pod.Spec.NodeName}, node)
	switch {
	case apierrors.IsNotFound(err):
		node = nil
	case err != nil:
		return "", backup.Errorf(backup.Unavailable, "reading Node %s: %w", pod.Spec.NodeName, err)
	}
	found, since, gone := stall.LostNode(pod.Spec.NodeName, node, fmt.Sprintf("pod %s/%s", pod.Namespace, pod.Name))
	if !gone || now.Sub(since) < lostAfter {
		return "", nil
	}
	return found.Message + "; " + found.Remedy, nil
}
