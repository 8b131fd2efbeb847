package moverjob

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/mover/report"
	"github.com/soteria-dr/soteria/internal/stall"
)

// Phase is how far a Job has come. The zero value is Pending.
type Phase uint8

// The phases of a Job.
const (
	// Pending: no mover runs yet; the message says what it waits for.
	Pending Phase = iota
	// Running: the mover runs, or has ended and the Job is not settled yet.
	Running
	// Succeeded and Failed are final.
	Succeeded
	Failed
)

// State is what was observed of a Job.
type State struct {
	Phase Phase
	// Message says what a Job waits for or why it failed, in the words of
	// whoever said so last: the mover, the kubelet, the scheduler, the Job
	// controller.
	Message string
	// StartedAt is when the mover began; zero before.
	StartedAt time.Time
	// Pod is the pod that was looked at, "" if there is none. CreatedAt is since when
	// the Job waits for a mover to begin: since that pod was created or, without one,
	// as [PodlessSince] says.
	Pod       string
	CreatedAt time.Time
	// EndedAt is when the last pod of an unfinished Job ended; zero as long as one has
	// not, or there is none.
	EndedAt time.Time
	// FinishedAt is when the mover ended, as the kubelet says; zero where it has not, or
	// is gone.
	FinishedAt time.Time
	// Result is what the mover left, nil if nothing.
	Result *report.Result
	// Good is true of a Job that is not settled yet whose mover has ended well and said
	// so: how the Job ends does not change what the mover did.
	Good bool
}

// Finished reports whether a Job has ended, well or badly. The conditions are
// the API's contract; the counts of pods are not.
func Finished(job *batchv1.Job) (condition batchv1.JobConditionType, finished bool) {
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return c.Type, true
		}
	}
	return "", false
}

// Observe tells how far a Job has come. It reads the Job's pods and, while the
// mover does not run, their events; reader must read the API server itself.
func Observe(ctx context.Context, reader client.Reader, job *batchv1.Job) (State, error) {
	pods, err := PodsOf(ctx, reader, job)
	if err != nil {
		return State{}, err
	}
	return observeWith(ctx, reader, job, pods)
}

// observeWith is [Observe] of a Job whose pods were read, the newest first.
func observeWith(ctx context.Context, reader client.Reader, job *batchv1.Job, pods []corev1.Pod) (State, error) {
	condition, finished := Finished(job)
	switch {
	case finished && condition == batchv1.JobComplete:
		return succeeded(pods), nil
	case finished:
		return failed(job, pods), nil
	case len(pods) == 0:
		message, err := lastWarning(ctx, reader, job)
		return State{Message: cmp.Or(message, "waiting for the Job's pod to be made"), CreatedAt: PodlessSince(job)}, err
	}
	state, err := active(ctx, reader, pods[0])
	state.EndedAt = lastEnd(pods)
	if state.Phase == Pending && !state.EndedAt.IsZero() {
		state.CreatedAt = state.EndedAt // one that was evicted before it began
	}
	return state, err
}

// PodlessSince returns since when a Job without a pod waits for one: since the Job
// controller last changed its status, which it does with every pod that comes or goes,
// by the record that the API server keeps of changes; without that, as in caches that
// leave it out, since the Job was created. It is the zero time where pods were there
// and nothing says when the last one went.
func PodlessSince(job *batchv1.Job) time.Time {
	since := job.CreationTimestamp.Time
	recorded := false
	for _, change := range job.ManagedFields {
		if change.Subresource == "status" && change.Time != nil {
			recorded = true
			if change.Time.After(since) {
				since = change.Time.Time
			}
		}
	}
	if !recorded && !NeverHadPod(job) {
		return time.Time{}
	}
	return since
}

// lastEnd returns when the last of the pods ended, as far as is known; zero where one
// has not.
func lastEnd(pods []corev1.Pod) time.Time {
	var last time.Time
	for i := range pods {
		if !stall.Ended(&pods[i]) {
			return time.Time{}
		}
		if at := endOf(&pods[i]); at.After(last) {
			last = at
		}
	}
	return last
}

// endOf returns when a pod that has ended did. What neither a container nor a
// condition tells, the pod's creation must do for.
func endOf(pod *corev1.Pod) time.Time {
	end := pod.CreationTimestamp.Time
	for _, status := range pod.Status.ContainerStatuses {
		if t := status.State.Terminated; t != nil && t.FinishedAt.After(end) {
			end = t.FinishedAt.Time
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.LastTransitionTime.After(end) {
			end = c.LastTransitionTime.Time
		}
	}
	return end
}

// PodsOf returns the pods that the Job controller made for exactly this Job, the
// newest first.
func PodsOf(ctx context.Context, reader client.Reader, job *batchv1.Job) ([]corev1.Pod, error) {
	var list corev1.PodList
	if err := reader.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		return nil, fmt.Errorf("listing the pods of Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return ownedBy(job, list.Items), nil
}

// ownedBy picks the pods that the Job controller made for exactly this Job, the newest
// first.
func ownedBy(job *batchv1.Job, all []corev1.Pod) []corev1.Pod {
	pods := slices.DeleteFunc(slices.Clone(all), func(p corev1.Pod) bool {
		return !slices.ContainsFunc(p.OwnerReferences, isOwner(job))
	})
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return pods
}

func succeeded(pods []corev1.Pod) State {
	state := State{Phase: Succeeded}
	for _, pod := range pods {
		status, found := moverStatus(&pod)
		if !found || status.State.Terminated == nil || status.State.Terminated.ExitCode != 0 {
			continue
		}
		state.take(pod, status)
		return state
	}
	state.Message = "the Job completed, but its pod is gone and the result with it"
	return state
}

func failed(job *batchv1.Job, pods []corev1.Pod) State {
	state, remedy := State{Phase: Failed}, ""
	for _, c := range job.Status.Conditions {
		if c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
			remedy = stall.DeadlineRemedy(job, c)
			state.Message = strings.TrimSpace(c.Reason+": "+c.Message) + remedy
		}
	}
	if len(pods) == 0 {
		return state
	}
	if good, found := endedWell(pods); found {
		return good
	}
	status, found := moverStatus(&pods[0])
	if !found || status.State.Terminated == nil {
		return state
	}
	state.take(pods[0], status)
	switch ended := status.State.Terminated; {
	case state.Result != nil && state.Result.Failed():
		state.Message = state.Result.Summary() + remedy
	case ended.Reason == "OOMKilled":
		state.Message = "the mover was killed for want of memory (OOMKilled); raise its memory limit"
	case ended.ExitCode != 0:
		state.Message = fmt.Sprintf("the mover ended with status %d (%s) and left no result; %s", ended.ExitCode, ended.Reason, state.Message)
	}
	return state
}

// endedWell finds a mover that ended well and said so. Its own end decides, however
// a sidecar beside it ended, by which the Job goes.
func endedWell(pods []corev1.Pod) (State, bool) {
	for i := range pods {
		status, found := moverStatus(&pods[i])
		if !found || status.State.Terminated == nil || status.State.Terminated.ExitCode != 0 {
			continue
		}
		state := State{Phase: Succeeded}
		state.take(pods[i], status)
		if state.Result != nil && !state.Result.Failed() {
			return state, true
		}
	}
	return State{}, false
}

// EndedWell reports whether a pod's mover has ended and left a result of success, which
// is final, whatever becomes of the pod and its Job.
func EndedWell(pod *corev1.Pod) bool {
	_, well := endedWell([]corev1.Pod{*pod})
	return well
}

// SucceededPod returns what the mover of a Job left that has ended well, and reports
// whether there is one, also before the Job is settled. Reader must read the API server
// itself.
func SucceededPod(ctx context.Context, reader client.Reader, job *batchv1.Job) (State, bool, error) {
	pods, err := PodsOf(ctx, reader, job)
	if err != nil {
		return State{}, false, err
	}
	state, found := endedWell(pods)
	return state, found, nil
}

// take reads what a mover that has ended left behind.
func (s *State) take(pod corev1.Pod, status corev1.ContainerStatus) {
	s.Pod = pod.Name
	s.StartedAt, s.FinishedAt = status.State.Terminated.StartedAt.Time, status.State.Terminated.FinishedAt.Time
	if result, err := report.Decode(status.State.Terminated.Message); err == nil {
		s.Result = &result
	}
}

func active(ctx context.Context, reader client.Reader, pod corev1.Pod) (State, error) {
	state := State{Pod: pod.Name, CreatedAt: pod.CreationTimestamp.Time}
	status, found := moverStatus(&pod)
	switch {
	case found && status.State.Running != nil:
		state.Phase = Running
		state.StartedAt = status.State.Running.StartedAt.Time
		return state, nil
	case found && status.State.Terminated != nil:
		return state.ended(pod, status), nil
	}
	state.Message = waiting(&pod)
	if state.Message != "" {
		return state, nil
	}
	message, err := lastWarning(ctx, reader, &pod)
	state.Message = cmp.Or(message, "waiting for the pod to start")
	return state, err
}

// ended reads a mover that has ended in a Job that has not. That is settled in a
// moment, unless another container of the pod runs on, or has ended badly: a sidecar
// that somebody put there does not know that the work is done, and the mover's own end
// decides.
func (s State) ended(pod corev1.Pod, status corev1.ContainerStatus) State {
	s.take(pod, status)
	another := func(c corev1.ContainerStatus) bool { return c.Name != Container && c.State.Running != nil }
	good := status.State.Terminated.ExitCode == 0 && s.Result != nil && !s.Result.Failed()
	s.Good = good
	switch sidecar := slices.IndexFunc(pod.Status.ContainerStatuses, another); {
	case good && pod.Status.Phase == corev1.PodFailed:
		s.Phase = Succeeded
	case sidecar < 0:
		s.Phase, s.Message = Running, "the mover has ended; waiting for the Job to be settled"
	case status.State.Terminated.ExitCode == 0:
		s.Phase, s.Message = Succeeded, ""
	default:
		s.Phase = Failed
		s.Message = fmt.Sprintf("the mover ended with status %d (%s) and left no result", status.State.Terminated.ExitCode, status.State.Terminated.Reason)
		if s.Result != nil && s.Result.Failed() {
			s.Message = s.Result.Summary()
		}
	}
	return s
}

// waiting says what keeps a pod from starting, as far as its status tells: that
// no node suits it, or that a container cannot be made.
func waiting(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return strings.TrimSpace(c.Reason + ": " + c.Message)
		}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := status.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
			return strings.TrimSuffix(w.Reason+": "+w.Message, ": ")
		}
		if t := status.State.Terminated; t != nil && t.ExitCode != 0 {
			return fmt.Sprintf("container %s ended with status %d: %s %s", status.Name, t.ExitCode, t.Reason, t.Message)
		}
	}
	return ""
}

// lastWarning gives the newest warning event about an object, "" if there is
// none. Some trouble is told nowhere else: volumes that cannot be mounted, a
// Secret that does not exist, pods that may not be made.
func lastWarning(ctx context.Context, reader client.Reader, about client.Object) (string, error) {
	var events corev1.EventList
	err := reader.List(ctx, &events, client.InNamespace(about.GetNamespace()), client.MatchingFields{"involvedObject.uid": string(about.GetUID())})
	if err != nil {
		return "", fmt.Errorf("listing the events of %s/%s: %w", about.GetNamespace(), about.GetName(), err)
	}
	var newest *corev1.Event
	for i := range events.Items {
		e := &events.Items[i]
		if e.Type == corev1.EventTypeWarning && (newest == nil || kube.ToldAt(e).After(kube.ToldAt(newest))) {
			newest = e
		}
	}
	if newest == nil {
		return "", nil
	}
	return newest.Reason + ": " + newest.Message, nil
}

func moverStatus(pod *corev1.Pod) (corev1.ContainerStatus, bool) {
	at := slices.IndexFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == Container })
	if at < 0 {
		return corev1.ContainerStatus{}, false
	}
	return pod.Status.ContainerStatuses[at], true
}
