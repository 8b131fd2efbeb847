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
)

const (
	// endGrace is how long after its deadline a Job may take to be ended.
	endGrace = 5 * time.Minute
	// lostAfter is how long a node may be away before its pods count as lost: as
	// long as Kubernetes itself waits until it evicts them.
	lostAfter = 5 * time.Minute
	// outOfService is the taint with which a person says that a node is down, so
	// that Kubernetes lets go of its pods and volumes.
	outOfService = corev1.TaintNodeOutOfService + "=nodeshutdown:NoExecute"
)

// NeverHadPod reports whether, as far as the Job's status tells, no pod was made
// for it. A Job that was made a moment ago looks the same: [PodsOf] tells for
// certain.
func NeverHadPod(job *batchv1.Job) bool {
	s := job.Status
	uncounted := s.UncountedTerminatedPods
	return s.Active == 0 && s.Succeeded == 0 && s.Failed == 0 && ptr.Deref(s.Terminating, 0) == 0 &&
		(uncounted == nil || len(uncounted.Succeeded)+len(uncounted.Failed) == 0)
}

// PastDeadline reports whether an unfinished Job should have been ended by now.
// Every Job of Soteria's has a deadline: one without is none of them, and counts
// as past it.
func PastDeadline(job *batchv1.Job, now time.Time) bool {
	if job.Spec.ActiveDeadlineSeconds == nil {
		return true
	}
	began := job.CreationTimestamp.Time
	if job.Status.StartTime != nil {
		began = job.Status.StartTime.Time
	}
	deadline := time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second
	return now.After(began.Add(deadline + endGrace))
}

// Stuck says why an unfinished Job does no work and may be passed over by others,
// with what a person can do; "" where it may work. Reader must read the API server
// itself; it is asked about Jobs alone that had time to start.
func Stuck(ctx context.Context, reader client.Reader, job *batchv1.Job, now time.Time, startTimeout time.Duration) (string, error) {
	name := job.Namespace + "/" + job.Name
	old := now.Sub(job.CreationTimestamp.Time) > startTimeout
	switch {
	case PastDeadline(job, now):
		return fmt.Sprintf("Job %s is past its deadline and was not ended; look at its pods, and delete it", name), nil
	case old && ptr.Deref(job.Spec.Suspend, false):
		return fmt.Sprintf("Job %s is suspended", name), nil
	case old && NeverHadPod(job):
		return fmt.Sprintf("Job %s never got a pod; its events say why: kubectl -n %s describe job %s", name, job.Namespace, job.Name), nil
	case now.Sub(job.CreationTimestamp.Time) < lostAfter:
		return "", nil
	}
	pods, err := PodsOf(ctx, reader, job)
	if err != nil {
		return "", err
	}
	for i := range pods {
		lost, err := LostNode(ctx, reader, &pods[i], now)
		if err != nil || lost != "" {
			return lost, err
		}
	}
	return "", nil
}

// LostNode says that the node of a pod is gone, and what to do; "" where it is
// not, or the pod has no node or has ended. Reader must read the API server
// itself.
func LostNode(ctx context.Context, reader client.Reader, pod *corev1.Pod, now time.Time) (string, error) {
	ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	if pod.Spec.NodeName == "" || ended {
		return "", nil
	}
	var node corev1.Node
	err := reader.Get(ctx, types.NamespacedName{Name: pod.Spec.NodeName}, &node)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("pod %s/%s was on node %s, which does not exist any more; Kubernetes removes the pod by itself", pod.Namespace, pod.Name, pod.Spec.NodeName), nil
	case err != nil:
		return "", backup.Errorf(backup.Unavailable, "reading Node %s: %w", pod.Spec.NodeName, err)
	}
	for _, c := range node.Status.Conditions {
		if c.Type != corev1.NodeReady || c.Status == corev1.ConditionTrue || now.Sub(c.LastTransitionTime.Time) < lostAfter {
			continue
		}
		return fmt.Sprintf("node %s of pod %s/%s has not been ready since %s; bring it back, delete it (kubectl delete node %s), or taint it: kubectl taint node %s %s",
			node.Name, pod.Namespace, pod.Name, c.LastTransitionTime.UTC().Format(time.RFC3339), node.Name, node.Name, outOfService), nil
	}
	return "", nil
}
