package moverjob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// settled identifies what the operator, and a claim's annotations, settle of a Job:
// its images, resources, account, deadline and the like, but not where it runs and
// what it moves, which is not known any more once it exists.
func (s Spec) settled() string {
	s.NodeSelector, s.Tolerations, s.Affinity, s.Room, s.Args = nil, nil, nil, nil, nil
	text, err := json.Marshal([]any{podSpec(s), s.Deadline, s.Settings.podLabels(nil), s.Settings.podAnnotations(nil)})
	if err != nil {
		return "" // nothing in it can fail to be encoded
	}
	const length = 16
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:length]
}

// replaceOutdated deletes a Job that was made with other settings than those that hold
// now, so that it is made with them: they may be what keeps it from starting. One
// whose mover has run stays as it is. It says what there is to wait for then.
func (f Fills) replaceOutdated(ctx context.Context, job, want *batchv1.Job, pods []corev1.Pod) (waitsFor string, err error) {
	if !outdated(job, want) || EverRan(job, pods) {
		return "", nil
	}
	return fmt.Sprintf("Job %s, which has not started, is made again with the settings that have changed", job.Name), f.delete(ctx, job)
}

// outdated reports whether a Job was made with other settings than those that hold now.
func outdated(job, want *batchv1.Job) bool {
	was := job.Annotations[v1alpha1.SettingsAnnotation]
	return was != "" && was != want.Annotations[v1alpha1.SettingsAnnotation]
}

// EverRan reports whether a mover of the Job has run, as far as the Job's status and
// those of its pods that are left tell.
func EverRan(job *batchv1.Job, pods []corev1.Pod) bool {
	if _, ended := Finished(job); ended || job.Status.Failed+job.Status.Succeeded > 0 {
		return true
	}
	return slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
		status, found := moverStatus(&pod)
		begun := found && (status.State.Running != nil || status.State.Terminated != nil)
		return begun || pod.Status.Phase != corev1.PodPending && pod.Status.Phase != ""
	})
}

// podLeft says that a pod of an earlier Job of that name is left: one of those of the
// claim, or one that lacks their labels.
func (f Fills) podLeft(ctx context.Context, want *batchv1.Job, ofClaim []corev1.Pod) (waitsFor string, err error) {
	pods := corev1.PodList{Items: ofClaim}
	if len(ofClaim) == 0 {
		if err := f.Reader.List(ctx, &pods, client.InNamespace(want.Namespace), client.MatchingLabels{batchv1.JobNameLabel: want.Name}); err != nil {
			return "", backup.Errorf(backup.Unavailable, "listing the pods of Job %s/%s: %w", want.Namespace, want.Name, err)
		}
	}
	if len(pods.Items) == 0 {
		return "", nil
	}
	return fmt.Sprintf("waiting for pod %s of a Job that is gone to go", pods.Items[0].Name), nil
}
