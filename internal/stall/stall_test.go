package stall_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/stall"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

func aJob(change ...func(*batchv1.Job)) batchv1.Job {
	job := batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: "fill", UID: "job"}}
	for _, c := range change {
		c(&job)
	}
	return job
}

func aPod(change ...func(*corev1.Pod)) corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: "fill-x", UID: "pod", OwnerReferences: []metav1.OwnerReference{{Kind: "Job", UID: "job"}}},
		Spec:       corev1.PodSpec{NodeName: "node-1"}, Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, c := range change {
		c(&pod)
	}
	return pod
}

func aPrime(change ...func(*corev1.PersistentVolumeClaim)) corev1.PersistentVolumeClaim {
	prime := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: "prime", UID: "prime"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast")},
	}
	for _, c := range change {
		c(&prime)
	}
	return prime
}

func bound(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv-1" }

func onItsWay(pod *corev1.Pod)  { pod.Status.Phase = corev1.PodPending }
func underWay(pod *corev1.Pod)  { pod.Status.Phase = corev1.PodRunning }
func nodeless(pod *corev1.Pod)  { pod.Spec.NodeName = "" }
func beingGone(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: noon.Add(-time.Minute)} }

func waits(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install", Image: "registry.example/soteria:1",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
	}
}

// initRuns has the pod wait for an init container that runs.
func initRuns(name string, policy corev1.ContainerRestartPolicy, started *bool) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.InitContainers = []corev1.Container{{Name: name}}
		if policy != "" {
			pod.Spec.InitContainers[0].RestartPolicy = &policy
		}
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: name, Started: started, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}}
	}
}

func onNode(name string) func(*corev1.Pod) { return func(pod *corev1.Pod) { pod.Spec.NodeName = name } }

func warning(uid types.UID, reason, message string) corev1.Event {
	return corev1.Event{Type: corev1.EventTypeWarning, Reason: reason, Message: message, InvolvedObject: corev1.ObjectReference{UID: uid},
		LastTimestamp: metav1.NewTime(noon)}
}

func aNode(ready corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(noon.Add(-time.Minute))},
		}},
	}
}

func anAttachment(change ...func(*storagev1.VolumeAttachment)) storagev1.VolumeAttachment {
	a := storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-1"},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: "csi.example.com", NodeName: "node-1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr.To("pv-1")}},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

type pods = []corev1.Pod
type jobs = []batchv1.Job
type claims = []corev1.PersistentVolumeClaim
type told = []corev1.Event

func TestWhoHoldsUpAWait(t *testing.T) {
	unscheduled := func(pod *corev1.Pod) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient cpu."}}
	}
	gone := map[string]*corev1.Node{"node-1": aNode(corev1.ConditionUnknown)}
	tests := map[string]struct {
		world       stall.World
		cause       stall.Cause
		says, doing string
	}{
		"a pod on a node that stopped reporting": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(underWay)}, Nodes: gone},
			stall.NodeLost, "node node-1, which is gone", "kubectl delete node node-1) or taint it (kubectl taint node node-1 node.kubernetes.io/out-of-service",
		},
		"a pod that hangs Terminating on such a node": {
			stall.World{Pods: pods{aPod(underWay, beingGone)}, Nodes: gone}, stall.NodeLost, "pod soteria-system/fill-x is on node node-1", "goes on elsewhere",
		},
		"a pod on a node that does not exist": {
			stall.World{Pods: pods{aPod(underWay)}, Nodes: map[string]*corev1.Node{"node-1": nil}}, stall.NodeLost, "does not exist any more", "by itself",
		},
		"a volume that is attached to a lost node": {
			stall.World{Attachments: []storagev1.VolumeAttachment{anAttachment()}, Nodes: gone}, stall.NodeLost, "volume pv-1 is on node node-1", "kubectl delete node",
		},
		"a volume that was to be made on a lost node": {
			stall.World{Claims: claims{aPrime(func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{stall.SelectedNodeAnnotation: "node-1"}
			})}, Nodes: gone}, stall.NodeLost, "the volume of claim soteria-system/prime", "kubectl delete node",
		},
		"a quota": {
			stall.World{Jobs: jobs{aJob()}, Events: told{warning("job", "FailedCreate", `pods "fill-x" is forbidden: exceeded quota: compute, requested: limits.cpu=1`)}},
			stall.Quota, "exceeded quota: compute", "describe resourcequota",
		},
		"a policy": {
			stall.World{Jobs: jobs{aJob()}, Events: told{warning("job", "FailedCreate", `admission webhook "validate.kyverno.svc" denied the request: no root`)}},
			stall.Policy, "validate.kyverno.svc", "except Soteria's Jobs",
		},
		"a Pod Security level": {
			stall.World{Jobs: jobs{aJob()}, Events: told{warning("job", "FailedCreate", `pods "x" is forbidden: violates PodSecurity "restricted:latest"`)}},
			stall.Policy, "PodSecurity", "policy",
		},
		"a Job that is suspended": {
			stall.World{Jobs: jobs{aJob(func(j *batchv1.Job) { j.Spec.Suspend = ptr.To(true) })}}, stall.JobController, "suspended", "patch job fill",
		},
		"no node suits": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(nodeless, unscheduled)}, Claims: claims{aPrime()}}, stall.Scheduler, "3 Insufficient cpu", "SOTERIA_JOB_NODE_SELECTOR",
		},
		"an image that cannot be pulled": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(waits("ImagePullBackOff", "Back-off pulling image"))}}, stall.Kubelet, "ImagePullBackOff", "pull image registry.example/soteria:1",
		},
		"a container that cannot be made": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(waits("CreateContainerConfigError", "secret not found"))}}, stall.Kubelet, "secret not found", "describe pod fill-x",
		},
		"a volume that cannot be mounted": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(onItsWay)}, Events: told{warning("pod", "FailedMount", "wrong fs type")}}, stall.Kubelet, "wrong fs type", "describe pod",
		},
		"a volume that cannot be attached, says an event": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(onItsWay)}, Events: told{warning("pod", "FailedAttachVolume", "Multi-Attach error")}}, stall.Attacher, "Multi-Attach error", "describe pod",
		},
		"a volume that cannot be attached, says the attachment": {
			stall.World{Pods: pods{aPod(onItsWay)}, Attachments: []storagev1.VolumeAttachment{anAttachment(func(a *storagev1.VolumeAttachment) {
				a.Status.AttachError = &storagev1.VolumeError{Message: "no slot left"}
			})}}, stall.Attacher, "no slot left", "describe volumeattachment csi-1",
		},
		"a volume that is not detached": {
			stall.World{Attachments: []storagev1.VolumeAttachment{anAttachment()}, Claims: claims{aPrime(bound)}}, stall.Attacher, "still attached to node node-1", "csi.example.com",
		},
		"a provisioner that fails": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(nodeless, unscheduled)}, Claims: claims{aPrime()}, Events: told{warning("prime", "ProvisioningFailed", "pool is full")}},
			stall.Provisioner, "pool is full", "describe pvc prime",
		},
		"a provisioner that is silent": {
			stall.World{Claims: claims{aPrime(func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{"volume.kubernetes.io/storage-provisioner": "csi.example.com"}
			})}}, stall.Provisioner, "csi.example.com has made no volume", "storage class fast",
		},
		"a pod that is not ended": {
			stall.World{Pods: pods{aPod(underWay, beingGone)}, Nodes: map[string]*corev1.Node{"node-1": aNode(corev1.ConditionTrue)}}, stall.Kubelet, "node node-1 has not ended it", "kubelet",
		},
		"a pod that is kept by a finalizer": {
			stall.World{Pods: pods{aPod(beingGone, func(p *corev1.Pod) { p.Status.Phase, p.Finalizers = corev1.PodFailed, []string{"example.com/keep"} })}},
			stall.JobController, "example.com/keep", "what put them there",
		},
		"a volume that cannot be deleted": {
			stall.World{Volumes: []corev1.PersistentVolume{{ObjectMeta: metav1.ObjectMeta{Name: "pv-1", UID: "pv"}, Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeFailed}}},
				Events: told{warning("pv", "VolumeFailedDelete", "volume in use")}}, stall.Provisioner, "volume in use", "describe pv pv-1",
		},
		"a mover that reports nothing": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(underWay)}, Claims: claims{aPrime(bound)}}, stall.Mover, "reports no progress", "logs fill-x",
		},
		"a Job without a pod":       {stall.World{Jobs: jobs{aJob()}, Claims: claims{aPrime(bound)}}, stall.JobController, "has no pod", "kube-controller-manager"},
		"a pod without a node":      {stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(nodeless)}}, stall.Scheduler, "has no node", "scheduler"},
		"a pod that does not start": {stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod()}}, stall.Kubelet, "does not start pod", "node node-1"},
		"nothing that can be seen":  {stall.World{Waits: "restoring in Longhorn"}, stall.Unknown, "restoring in Longhorn", "log"},
		"an injected init container that hangs": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(initRuns("vault-agent-init", "", ptr.To(true)))}}, stall.Kubelet, "container vault-agent-init", "SOTERIA_JOB_ANNOTATIONS",
		},
		"a sidecar that never starts": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(initRuns("istio-proxy", corev1.ContainerRestartPolicyAlways, ptr.To(false)))}}, stall.Kubelet, "container istio-proxy", "-c istio-proxy",
		},
		"a sidecar that has started holds nothing up": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(initRuns("istio-proxy", corev1.ContainerRestartPolicyAlways, ptr.To(true)))}}, stall.Kubelet, "does not start pod", "node node-1",
		},
		"a shared volume on a lost node, and a pod with a trouble of its own": {
			stall.World{Shared: true, Jobs: jobs{aJob()}, Pods: pods{aPod(waits("ImagePullBackOff", "no such image"), onNode("node-2"))}, Claims: claims{aPrime(bound)},
				Attachments: []storagev1.VolumeAttachment{anAttachment()}, Nodes: gone}, stall.Kubelet, "no such image", "pull image",
		},
		"a shared volume on a lost node, that cannot be attached elsewhere": {
			stall.World{Shared: true, Jobs: jobs{aJob()}, Pods: pods{aPod(onNode("node-2"))}, Claims: claims{aPrime(bound)},
				Events:      told{warning("pod", "FailedAttachVolume", "Multi-Attach error")},
				Attachments: []storagev1.VolumeAttachment{anAttachment()}, Nodes: gone}, stall.NodeLost, "volume pv-1 is on node node-1", "kubectl delete node",
		},
		"a scheduler that gave up waiting for a volume": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(nodeless, func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "SchedulerError",
					Message: `running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded`}}
			})}, Claims: claims{aPrime(func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{stall.SelectedNodeAnnotation: "node-2"}
			})}}, stall.Provisioner, "binding volumes", "storage class fast",
		},
		"a claim of a class that waits for a pod, of which no one was asked yet": {
			stall.World{Claims: claims{aPrime()}, Waits: "waiting for another claim of the pod"}, stall.Unknown, "another claim of the pod", "log",
		},
		"a scheduling gate": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(nodeless, func(p *corev1.Pod) {
				p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "kueue.x-k8s.io/admission"}}
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "SchedulingGated", Message: "Scheduling is blocked"}}
			})}}, stall.Policy, "SchedulingGated", "kueue.x-k8s.io/admission",
		},
		"a backup system that does the work itself": {
			stall.World{System: "Longhorn", Waits: "ReplicaSchedulingFailure: no disk has room"}, stall.BackupSystem, "no disk has room", "see what Longhorn says",
		},
		"a refusal that was lifted since": {
			stall.World{Jobs: jobs{aJob()}, Pods: pods{aPod(underWay)}, Events: told{warning("job", "FailedCreate", "exceeded quota")}}, stall.Mover, "no progress", "logs",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.world.Now, test.world.Since = noon, noon.Add(-stall.Patience)
			found, stalled := stall.Diagnose(test.world)
			require.True(t, stalled)
			assert.Equal(t, test.cause, found.Cause, found.Message)
			assert.Contains(t, found.Message, test.says)
			assert.Contains(t, found.Remedy, test.doing)
		})
	}
}

// worlds draws what may be observed, in any combination.
func worlds(t *rapid.T) stall.World {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abc: é")), 0, 900, -1)
	maybe := func(name string) bool { return rapid.Bool().Draw(t, name) }
	w := stall.World{Now: noon, Since: noon.Add(-time.Duration(rapid.Int64Range(0, int64(5*time.Minute)).Draw(t, "waited"))), Waits: text.Draw(t, "waits"), Nodes: map[string]*corev1.Node{}}
	if maybe("job") {
		w.Jobs = jobs{aJob(func(j *batchv1.Job) { j.Spec.Suspend = ptr.To(maybe("suspended")) })}
	}
	if maybe("pod") {
		pod := aPod(waits(rapid.SampledFrom([]string{"", "ContainerCreating", "ErrImagePull", "Other"}).Draw(t, "waiting"), text.Draw(t, "why")))
		pod.Spec.NodeName = rapid.SampledFrom([]string{"", "node-1", "node-2"}).Draw(t, "node")
		pod.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodFailed, corev1.PodSucceeded}).Draw(t, "phase")
		if maybe("deleted") {
			beingGone(&pod)
		}
		if maybe("says that it moves nothing") {
			quiet := aMover()
			pod.Spec.Containers, pod.Status.ContainerStatuses, pod.Status.Conditions = quiet.Spec.Containers, quiet.Status.ContainerStatuses, quiet.Status.Conditions
		}
		w.Pods = pods{pod}
	}
	if maybe("claim") {
		w.Claims = claims{aPrime()}
		if maybe("bound") {
			bound(&w.Claims[0])
		}
	}
	if maybe("attached") {
		w.Attachments = []storagev1.VolumeAttachment{anAttachment()}
	}
	switch rapid.IntRange(0, 3).Draw(t, "node state") {
	case 0:
		w.Nodes["node-1"] = nil
	case 1:
		w.Nodes["node-1"] = aNode(corev1.ConditionUnknown)
	case 2:
		w.Nodes["node-1"] = aNode(corev1.ConditionTrue)
	}
	for range rapid.IntRange(0, 3).Draw(t, "events") {
		w.Events = append(w.Events, warning(rapid.SampledFrom([]types.UID{"job", "pod", "prime", "other"}).Draw(t, "about"),
			rapid.SampledFrom([]string{"FailedCreate", "FailedMount", "FailedAttachVolume", "ProvisioningFailed"}).Draw(t, "reason"), text.Draw(t, "message")))
	}
	return w
}

func TestEveryLongWaitHasACauseAndARemedyAndNoShortOneHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worlds(t)
		found, stalled := stall.Diagnose(w)
		if stalled != (w.Now.Sub(w.Since) >= stall.Patience) {
			t.Fatalf("told: %t after %s", stalled, w.Now.Sub(w.Since))
		}
		if !stalled {
			return
		}
		if !containsCause(found.Cause) || strings.TrimSpace(found.Message) == "" && w.Waits == "" || found.Remedy == "" {
			t.Fatalf("says too little: %+v", found)
		}
		onLost := len(w.Attachments) > 0
		for _, pod := range w.Pods {
			onLost = onLost || pod.Spec.NodeName == "node-1" && pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded
		}
		node, looked := w.Nodes["node-1"]
		lost := looked && (node == nil || node.Status.Conditions[0].Status == corev1.ConditionUnknown)
		if (onLost && lost) != (found.Cause == stall.NodeLost) {
			t.Fatalf("a lost node explains all that hangs on it, and nothing else: %+v", found)
		}
	})
}

func containsCause(cause stall.Cause) bool {
	for _, each := range stall.Causes() {
		if each == cause {
			return true
		}
	}
	return false
}

func TestWhatChangesByTheMinuteDoesNotMakeAnotherStall(t *testing.T) {
	diagnose := func(reason, message string) stall.Stall {
		found, stalled := stall.Diagnose(stall.World{Now: noon, Since: noon.Add(-time.Hour), Pods: pods{aPod(waits(reason, message))}})
		require.True(t, stalled)
		return found
	}
	a, b := diagnose("ErrImagePull", "not found"), diagnose("ImagePullBackOff", "Back-off pulling image")
	assert.Equal(t, a.Remedy, b.Remedy)
	assert.Equal(t, a.Cause, b.Cause)
	assert.NotEqual(t, a.Remedy, diagnose("CreateContainerConfigError", "secret").Remedy)
}

func TestAJobIsOverdueWhateverItsPodsDo(t *testing.T) {
	condition := func(kind batchv1.JobConditionType) func(*batchv1.Job) {
		return func(j *batchv1.Job) {
			j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "too long"})
		}
	}
	began := func(ago time.Duration) func(*batchv1.Job) {
		return func(j *batchv1.Job) {
			j.Spec.ActiveDeadlineSeconds, j.Status.StartTime = ptr.To[int64](3600), &metav1.Time{Time: noon.Add(-ago)}
		}
	}
	for name, test := range map[string]struct {
		job  batchv1.Job
		want string
	}{
		"given up by its controller, its pods not gone": {aJob(condition(batchv1.JobFailureTarget)), "DeadlineExceeded: too long"},
		"failed for good":        {aJob(condition(batchv1.JobFailureTarget), condition(batchv1.JobFailed)), ""},
		"under way":              {aJob(began(time.Hour)), ""},
		"long past its deadline": {aJob(began(2 * time.Hour)), "ran longer than 1h0m0s"},
		"complete":               {aJob(began(2*time.Hour), condition(batchv1.JobComplete)), ""},
		"without a deadline":     {aJob(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == "" {
				assert.Empty(t, stall.Overdue(&test.job, noon))
				return
			}
			assert.Contains(t, stall.Overdue(&test.job, noon), test.want)
		})
	}
}

func TestANodeIsOutOfServiceWhenAPersonSaysSo(t *testing.T) {
	node := aNode(corev1.ConditionUnknown)
	assert.False(t, stall.OutOfService(node))
	node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute}}
	assert.True(t, stall.OutOfService(node))
}

func TestANodeIsLostOnlyWhereItIsGoneOrSilentAndElseItsKubeletSaysWhy(t *testing.T) {
	tainted := aNode(corev1.ConditionTrue)
	tainted.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnreachable, TimeAdded: &metav1.Time{Time: noon}}}
	notReady := aNode(corev1.ConditionFalse)
	notReady.Status.Conditions[0].Reason, notReady.Status.Conditions[0].Message = "KubeletNotReady", "container runtime is down"
	for name, test := range map[string]struct {
		node  *corev1.Node
		cause stall.Cause
		says  string
	}{
		"works":                  {aNode(corev1.ConditionTrue), "", ""},
		"does not exist":         {nil, stall.NodeLost, "does not exist any more"},
		"is silent":              {aNode(corev1.ConditionUnknown), stall.NodeLost, "its kubelet has not reported since"},
		"cannot be reached":      {tainted, stall.NodeLost, "its kubelet has not reported since 2026"},
		"says that it is broken": {notReady, stall.Kubelet, "KubeletNotReady: container runtime is down"},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, gone := stall.LostNode("node-1", test.node, "pod a/b")
			assert.Equal(t, test.says != "", gone)
			if gone {
				assert.Equal(t, test.cause, found.Cause)
				assert.Equal(t, test.cause == stall.NodeLost && test.node != nil, strings.Contains(found.Remedy, "kubectl delete node"))
				assert.Contains(t, found.Message, "pod a/b is on node node-1")
				assert.Contains(t, found.Message, test.says)
				assert.NotEmpty(t, found.Remedy)
			}
		})
	}
}

func TestWorkOnANodeThatReportsThatItIsNotReadyMayGoOn(t *testing.T) {
	pod := aPod(underWay)
	pod.Spec.NodeName = "node-1"
	w := stall.World{Now: noon.Add(time.Hour), Pods: pods{pod}, Nodes: map[string]*corev1.Node{"node-1": aNode(corev1.ConditionFalse)}}
	assert.Zero(t, stall.SilentSince(w))
	w.Nodes["node-1"] = aNode(corev1.ConditionUnknown)
	assert.NotZero(t, stall.SilentSince(w))
}

func TestOnlyARefusalThatDoesNotPassByItselfIsHopeless(t *testing.T) {
	for words, hopeless := range map[string]bool{
		`pods "x" is forbidden: failed quota: q: must specify limits.cpu`:                        true,
		`pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4`:              false,
		`failed calling webhook "validate.kyverno.svc-fail": connect: connection refused`:        false,
		`admission webhook "validate.kyverno.svc" denied the request: you must specify an owner`: true,
	} {
		found, stalled := stall.Diagnose(stall.World{
			Now: noon, Since: noon.Add(-time.Hour), Jobs: jobs{aJob()}, Events: told{warning("job", "FailedCreate", words)},
		})
		require.True(t, stalled)
		assert.Equal(t, hopeless, found.Hopeless, words)
	}
}

func TestARefusalSaysWhatHelps(t *testing.T) {
	for words, want := range map[string]struct {
		cause  stall.Cause
		remedy string
	}{
		`pods "x" is forbidden: error looking up service account shop/backup: serviceaccount "backup" not found`:                                {stall.JobController, "SOTERIA_JOB_SERVICE_ACCOUNT"},
		`pods "x" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [system-cluster-critical]}]`:                       {stall.Quota, "SOTERIA_JOB_PRIORITY_CLASS"},
		`pods "x" is forbidden: cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000`:                             {stall.Policy, "LimitRange"},
		`Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "128Mi": must be less than or equal to memory limit of 64Mi`: {stall.Policy, "LimitRange"},
		`pods "x" is forbidden: unable to create new content in namespace shop because it is being terminated`:                                  {stall.JobController, "is being deleted"},
		`pods "x" is forbidden: no PriorityClass with name high was found`:                                                                      {stall.JobController, "SOTERIA_JOB_PRIORITY_CLASS"},
		`pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found`:                                                                  {stall.Policy, "runtime class"},
		`pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`:                                                    {stall.Policy, "LimitRange"},
		`admission webhook "policy.example" denied the request: service account must not be default`:                                            {stall.Policy, "let the policy"},
	} {
		found, _ := stall.Diagnose(stall.World{Now: noon, Since: noon.Add(-time.Hour), Jobs: jobs{aJob()}, Events: told{warning("job", "FailedCreate", words)}})
		assert.Equal(t, want.cause, found.Cause, words)
		assert.Contains(t, found.Remedy, want.remedy, words)
	}
}

func TestAnErrorThatTheAPIServerRefusesWithSaysWhoAndWhatHelps(t *testing.T) {
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "prime", errors.New("exceeded quota: q, requested: requests.storage=1Gi"))
	err := backup.Errorf(backup.Unavailable, "making the prime: %w", refused)
	assert.Equal(t, stall.Quota, stall.CauseOf(err))
	assert.Contains(t, stall.RemedyOf(err, "soteria-system"), "ResourceQuota of namespace soteria-system")
	other := backup.Errorf(backup.Unavailable, "the store does not answer")
	assert.Equal(t, stall.BackupSystem, stall.CauseOf(other))
	assert.Empty(t, stall.RemedyOf(other, "soteria-system"))
}

func TestTwoWarningsThatAlternateAndAskForTheSameAreToldOnce(t *testing.T) {
	var last stall.Told
	told := 0
	for i := range 60 { // half an hour
		reason := []string{"FailedMount", "FailedAttachVolume"}[i/2%2]
		now := noon.Add(time.Duration(i) * 30 * time.Second)
		found, _ := stall.Diagnose(stall.World{Now: now, Since: noon.Add(-time.Hour), Jobs: jobs{aJob()}, Pods: pods{aPod()}, Events: []corev1.Event{warning("pod", reason, "Multi-Attach error")}})
		var news bool
		if last, news = last.News(found, now, time.Hour); news {
			told++
		}
	}
	assert.Equal(t, 1, told)
}
func TestAJobWhosePodsHaveAllEndedWaitsForItsNextOne(t *testing.T) {
	over := aPod(func(p *corev1.Pod) {
		p.Status.Phase, p.CreationTimestamp = corev1.PodFailed, metav1.NewTime(noon.Add(-time.Hour))
	})
	evicted := *over.DeepCopy()
	evicted.Status.Reason, evicted.Status.Message = "Evicted", "The node was low on resource: ephemeral-storage."
	refused := warning("job", "FailedCreate", `Error creating: pods "x" is forbidden: failed quota: q: must specify limits.cpu for: mover`)
	refused.LastTimestamp = metav1.NewTime(noon.Add(-30 * time.Minute))
	passed := refused
	passed.LastTimestamp = metav1.NewTime(noon.Add(-2 * time.Hour))
	for name, c := range map[string]struct {
		pods  []corev1.Pod
		event corev1.Event
		cause stall.Cause
		says  string
	}{
		"which is refused":           {[]corev1.Pod{over}, refused, stall.Quota, "must specify limits.cpu"},
		"which no one makes":         {[]corev1.Pod{over}, passed, stall.JobController, "has got no further pod since pod fill-x ended, and nothing says why"},
		"after one that was evicted": {[]corev1.Pod{evicted}, passed, stall.JobController, "since pod fill-x ended (Evicted: The node was low on resource: ephemeral-storage.), and"},
		"which is there and waits":   {[]corev1.Pod{over, aPod(func(p *corev1.Pod) { p.Name = "next" })}, refused, stall.Kubelet, "does not start pod"},
	} {
		t.Run(name, func(t *testing.T) {
			found, stalled := stall.Diagnose(stall.World{
				Now: noon, Since: noon.Add(-time.Hour), Shared: true, Jobs: []batchv1.Job{aJob()}, Pods: c.pods, Events: []corev1.Event{c.event},
				Nodes: map[string]*corev1.Node{"node-1": aNode(corev1.ConditionTrue)},
			})
			require.True(t, stalled)
			assert.Equal(t, c.cause, found.Cause)
			assert.Contains(t, found.Message, c.says)
		})
	}
}
