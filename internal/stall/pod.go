package stall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// maxWords bounds what is quoted of others.
const maxWords = 400

func quote(words string) string { return backup.Clip(strings.TrimSpace(words), maxWords) }

// overdueGrace is how long after its deadline a Job may take to be ended.
const overdueGrace = 5 * time.Minute

// Overdue says why a Job has failed although its pods are not gone, as those on a
// lost node are not; "" where it has not, or has ended.
func Overdue(job *batchv1.Job, now time.Time) string {
	if finished(job) {
		return ""
	}
	for _, c := range job.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobFailureTarget:
			return quote(c.Reason+": "+c.Message) + DeadlineRemedy(job, c)
		case c.Type == batchv1.JobSuccessCriteriaMet:
			return ""
		}
	}
	if job.Spec.ActiveDeadlineSeconds == nil {
		return ""
	}
	began := job.CreationTimestamp.Time
	if job.Status.StartTime != nil {
		began = job.Status.StartTime.Time
	}
	deadline := time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second
	if began.IsZero() || now.Before(began.Add(deadline+overdueGrace)) {
		return ""
	}
	return fmt.Sprintf("DeadlineExceeded: Job %s ran longer than %s, and its pod could not be ended", job.Name, deadline)
}

// shortestDeadline is the least that a Job of Soteria's is given: one with less was
// ended by that, since it did not begin.
const shortestDeadline = time.Minute

// DeadlineRemedy says, to be put behind that a Job ran out of time, which settings give
// it more; "" where that is not why the condition holds, or none does.
func DeadlineRemedy(job *batchv1.Job, why batchv1.JobCondition) string {
	deadline := time.Duration(ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0)) * time.Second
	if why.Reason != batchv1.JobReasonDeadlineExceeded || deadline < shortestDeadline {
		return ""
	}
	switch job.Labels[v1alpha1.RoleLabel] {
	case v1alpha1.RoleFill, v1alpha1.RoleBackup:
		return fmt.Sprintf("; it may take no longer than %s: raise SOTERIA_JOB_DEADLINE, or for this claim its annotation %s", deadline, v1alpha1.JobDeadlineAnnotation)
	case v1alpha1.RoleTest:
		return fmt.Sprintf("; it may take no longer than %s: raise SOTERIA_JOB_DEADLINE", deadline)
	default:
		return ""
	}
}

// refused finds a Job whose pod may not be made.
func refused(w World) (Stall, bool) {
	for i := range w.Jobs {
		job := &w.Jobs[i]
		pod := podOf(w, job)
		if finished(job) || pod != nil && !Ended(pod) {
			continue
		}
		e := newestWarning(w, string(job.UID), "FailedCreate")
		if e == nil || pod != nil && kube.ToldAt(e).Before(pod.CreationTimestamp.Time) {
			continue // not refused, or that has passed since
		}
		found := Stall{Message: fmt.Sprintf("Job %s/%s gets no pod: %s", job.Namespace, job.Name, quote(e.Message))}
		found.Cause, found.Remedy, found.Hopeless = refusal(e.Message, job)
		return found, true
	}
	return Stall{}, false
}

// refusals are what to do about a Job whose pod may not be made, by words of the API
// server. The first that fits counts. The namespace takes the place of %s. What passes
// by itself, such as a quota that others fill, is left to the Job controller, which
// tries again.
var refusals = []struct {
	words  []string
	cause  Cause
	remedy string
	passes bool
}{
	{[]string{"failed calling webhook"}, Policy, "see that the webhook which is named answers; the pod is made in namespace %s", true},
	{[]string{"admission webhook", "ValidatingAdmissionPolicy"}, Policy, "let the policy that is named except Soteria's Jobs in namespace %s", false},
	{[]string{"being terminated"}, JobController, "namespace %s is being deleted: what uses its claims cannot be backed up any more", false},
	{[]string{"service account"}, JobController, "make the service account that is named in namespace %s, or set SOTERIA_JOB_SERVICE_ACCOUNT to one that is in each namespace", false},
	{[]string{"to match these scopes"}, Quota, "make a ResourceQuota in namespace %s that allows the priority class, or set SOTERIA_JOB_PRIORITY_CLASS to another one", false},
	{[]string{"RuntimeClass"}, Policy, "see what sets a runtime class on Soteria's Jobs in namespace %s, or make the one that is named", false},
	{[]string{"must specify"}, Quota, "set what the quota of namespace %s asks for in SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim in its annotation " + v1alpha1.JobResourcesAnnotation, false},
	{[]string{"exceeded quota", "failed quota"}, Quota, "make room in the ResourceQuota of namespace %[1]s (kubectl -n %[1]s describe resourcequota), " +
		"or lower SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim its annotation " + v1alpha1.JobResourcesAnnotation, true},
	{[]string{"must be less than or equal to"}, Policy, "set SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS so that none asks for more than its limit, which the LimitRange of namespace %s may set, " +
		"or for this claim its annotation " + v1alpha1.JobResourcesAnnotation, false},
	{[]string{"usage per", "limit to request ratio"}, Policy, "the LimitRange of namespace %s refuses it: set SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim its annotation " + v1alpha1.JobResourcesAnnotation, false},
	{[]string{"PodSecurity"}, Policy, "movers need the Pod Security level baseline in namespace %s; let its policy except Soteria's Jobs", false},
	{[]string{"priority class", "PriorityClass"}, JobController, "set SOTERIA_JOB_PRIORITY_CLASS to a class that exists; the pod is made in namespace %s", false},
	{[]string{"denied", "is forbidden"}, Policy, "let the policy that is named except Soteria's Jobs in namespace %s", false},
	{[]string{""}, JobController, "correct what it names; see kubectl -n %s get events", false},
}

// refusal tells from the API server's words who refused a Job's pod.
func refusal(words string, job *batchv1.Job) (cause Cause, remedy string, hopeless bool) {
	for _, r := range refusals {
		if slices.ContainsFunc(r.words, func(each string) bool { return strings.Contains(words, each) }) {
			return r.cause, orElse(outOfRoom(words, job), fmt.Sprintf(r.remedy, job.Namespace)), !r.passes
		}
	}
	return JobController, "", true
}

func suspended(w World) (Stall, bool) {
	for i := range w.Jobs {
		if job := &w.Jobs[i]; !finished(job) && ptr.Deref(job.Spec.Suspend, false) {
			return Stall{
				Cause: JobController, Message: fmt.Sprintf("Job %s/%s is suspended", job.Namespace, job.Name),
				Remedy: fmt.Sprintf("have whatever suspends Jobs leave it alone: kubectl -n %s patch job %s -p '{\"spec\":{\"suspend\":false}}'", job.Namespace, job.Name),
			}, true
		}
	}
	return Stall{}, false
}

func unschedulable(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		if Ended(pod) || pod.DeletionTimestamp != nil {
			continue
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				found := Stall{Message: fmt.Sprintf("pod %s/%s has no node: %s", pod.Namespace, pod.Name, quote(c.Reason+": "+c.Message))}
				found.Cause, found.Remedy = nodeless(w, pod, c)
				return found, true
			}
		}
	}
	return Stall{}, false
}

// nodeless says who keeps a pod from getting a node, and what to do.
func nodeless(w World, pod *corev1.Pod, why corev1.PodCondition) (Cause, string) {
	if why.Reason == corev1.PodReasonSchedulingGated {
		var gates []string
		for _, gate := range pod.Spec.SchedulingGates {
			gates = append(gates, gate.Name)
		}
		return Policy, fmt.Sprintf("have what sets the scheduling gate %s let the pod go on, or leave Soteria's Jobs in namespace %s alone", quote(strings.Join(gates, ", ")), pod.Namespace)
	}
	// The scheduler gave up waiting for the volume that it asked for.
	if claim := withoutVolume(w); claim != nil && strings.Contains(why.Message, "binding volumes") {
		return Provisioner, provisionerRemedy(claim)
	}
	return Scheduler, "add a node that suits it, or change what rules nodes out: the constraints of the claim's pod, SOTERIA_JOB_NODE_SELECTOR, or what else runs there"
}

// containers finds a container that the kubelet cannot start. The two words for an
// image that cannot be pulled alternate, and are one.
func containers(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		if Ended(pod) {
			continue
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			waiting := status.State.Waiting
			if waiting == nil || waiting.Reason == "" || waiting.Reason == "PodInitializing" || waiting.Reason == "ContainerCreating" {
				continue
			}
			return Stall{
				Cause: Kubelet, Remedy: containerRemedy(waiting.Reason, status.Image, pod), Hopeless: slices.Contains(hopeless, waiting.Reason),
				Message: fmt.Sprintf("container %s of pod %s/%s does not start: %s", status.Name, pod.Namespace, pod.Name, quote(waiting.Reason+": "+waiting.Message)),
			}, true
		}
	}
	return Stall{}, false
}

// hopeless are the kubelet's reasons that do not pass by themselves.
var hopeless = []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"}

func containerRemedy(reason, image string, pod *corev1.Pod) string {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable":
		return fmt.Sprintf("see that node %s can pull image %s: its name (SOTERIA_RESTIC_IMAGE, SOTERIA_IMAGE), the registry, and SOTERIA_JOB_PULL_SECRETS", pod.Spec.NodeName, image)
	case "CreateContainerConfigError", "CreateContainerError":
		return fmt.Sprintf("correct what is named; see kubectl -n %s describe pod %s", pod.Namespace, pod.Name)
	default:
		return fmt.Sprintf("see kubectl -n %s describe pod %s", pod.Namespace, pod.Name)
	}
}

// podWarning finds what is told of a pod that does not run in events alone, such as
// a volume that cannot be mounted.
func podWarning(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		if Ended(pod) || pod.DeletionTimestamp != nil || isRunning(pod) {
			continue
		}
		e := newestWarning(w, string(pod.UID), "")
		if e == nil {
			continue
		}
		cause := Kubelet
		switch e.Reason {
		case "FailedAttachVolume":
			cause = Attacher
		case "FailedScheduling":
			cause = Scheduler
		}
		return Stall{
			Cause: cause, Message: fmt.Sprintf("pod %s/%s does not start: %s", pod.Namespace, pod.Name, quote(e.Reason+": "+e.Message)),
			Remedy: fmt.Sprintf("correct what is named; see kubectl -n %s describe pod %s", pod.Namespace, pod.Name),
		}, true
	}
	return Stall{}, false
}

// terminating finds a pod that should be gone.
func terminating(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		if pod.DeletionTimestamp == nil || w.Now.Before(pod.DeletionTimestamp.Time) {
			continue
		}
		found := Stall{
			Cause:   Kubelet,
			Message: fmt.Sprintf("pod %s/%s should be gone since %s, and node %s has not ended it", pod.Namespace, pod.Name, pod.DeletionTimestamp.UTC().Format(time.RFC3339), pod.Spec.NodeName),
			Remedy:  fmt.Sprintf("look at node %s: its kubelet and container runtime", pod.Spec.NodeName),
		}
		if Ended(pod) || pod.Spec.NodeName == "" {
			found.Cause = JobController
			found.Message = fmt.Sprintf("pod %s/%s has ended and is kept by its finalizers %s", pod.Namespace, pod.Name, strings.Join(pod.Finalizers, ", "))
			found.Remedy = "see that what put them there works; batch.kubernetes.io/job-tracking is the kube-controller-manager's"
		}
		return found, true
	}
	return Stall{}, false
}

func running(w World) (Stall, bool) {
	for i := range w.Pods {
		pod := &w.Pods[i]
		switch {
		case !isRunning(pod):
		case !quietSince(pod).IsZero():
			return quiet(w, pod), true
		default:
			return Stall{
				Cause: Mover, Message: fmt.Sprintf("pod %s/%s runs and reports no progress", pod.Namespace, pod.Name),
				Remedy: fmt.Sprintf("it may be reading the repository's index or checking what it wrote; see kubectl -n %s logs %s, and whether the backup store answers", pod.Namespace, pod.Name),
			}, true
		}
	}
	return Stall{}, false
}

// quiet says what a mover waits for that moves nothing.
func quiet(w World, pod *corev1.Pod) Stall {
	found := Stall{
		Cause: Mover, Message: fmt.Sprintf("pod %s/%s runs and moves nothing", pod.Namespace, pod.Name),
		Remedy: fmt.Sprintf("see that the backup store and the volume answer, and that no other restic holds the repository for long, such as a prune "+
			"(one that died is passed over half an hour later, or once a person runs restic unlock); see kubectl -n %s logs %s", pod.Namespace, pod.Name),
	}
	if words := quietWords(w, pod); words != "" {
		found.Message += ": " + words
	}
	return found
}

// podless finds a Job that has no pod, or none that has not ended, and a pod that has
// no node while no one says why.
func podless(w World) (Stall, bool) {
	for i := range w.Jobs {
		job := &w.Jobs[i]
		pod := podOf(w, job)
		switch {
		case finished(job):
		case pod == nil:
			return Stall{
				Cause: JobController, Message: fmt.Sprintf("Job %s/%s has no pod, and nothing says why", job.Namespace, job.Name),
				Remedy: "see that the kube-controller-manager works",
			}, true
		case Ended(pod):
			return Stall{
				Cause: JobController, Message: fmt.Sprintf("Job %s/%s has got no further pod since pod %s ended%s, and nothing says why", job.Namespace, job.Name, pod.Name, endReason(pod)),
				Remedy: "see that the kube-controller-manager works",
			}, true
		case pod.Spec.NodeName == "":
			return Stall{
				Cause: Scheduler, Message: fmt.Sprintf("pod %s/%s has no node, and nothing says why", pod.Namespace, pod.Name),
				Remedy: "see that the scheduler works",
			}, true
		case initialising(pod) != "":
			name := initialising(pod)
			return Stall{
				Cause: Kubelet, Message: fmt.Sprintf("container %s of pod %s/%s has to end or be ready before the mover starts, and is not", name, pod.Namespace, pod.Name),
				Remedy: fmt.Sprintf("see kubectl -n %s logs %s -c %s; if something puts it into the pods of Soteria's Jobs, decline that with SOTERIA_JOB_ANNOTATIONS or SOTERIA_JOB_LABELS", pod.Namespace, pod.Name, name),
			}, true
		default:
			return Stall{
				Cause: Kubelet, Message: fmt.Sprintf("node %s does not start pod %s/%s, and nothing says why", pod.Spec.NodeName, pod.Namespace, pod.Name),
				Remedy: fmt.Sprintf("look at node %s: its kubelet and container runtime", pod.Spec.NodeName),
			}, true
		}
	}
	return Stall{}, false
}

// initialising returns the name of the init container that runs while the others wait
// for it: an ordinary one until it ends, a sidecar until it has started; "" where none
// does.
func initialising(pod *corev1.Pod) string {
	sidecar := func(name string) bool {
		return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
			return c.Name == name && ptr.Deref(c.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways
		})
	}
	for _, status := range pod.Status.InitContainerStatuses {
		ready := sidecar(status.Name) && ptr.Deref(status.Started, false)
		if status.State.Running != nil && !ready {
			return status.Name
		}
	}
	return ""
}

// endReason says, in brackets, why a pod as a whole ended, as one that was evicted did;
// "" where only its containers tell.
func endReason(pod *corev1.Pod) string {
	if pod.Status.Reason == "" {
		return ""
	}
	return " (" + quote(strings.TrimSuffix(pod.Status.Reason+": "+pod.Status.Message, ": ")) + ")"
}

func isRunning(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil
}

func finished(job *batchv1.Job) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
}

// podOf returns a pod of the Job, one that has not ended if there is one.
func podOf(w World, job *batchv1.Job) *corev1.Pod {
	var found *corev1.Pod
	for i := range w.Pods {
		owned := slices.ContainsFunc(w.Pods[i].OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == job.UID })
		if owned && (found == nil || Ended(found)) {
			found = &w.Pods[i]
		}
	}
	return found
}
