package restore_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

// aFill is what a driver makes in the cluster for an attempt.
func aFill(attempt string) (*batchv1.Job, *corev1.Pod) {
	labels := map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleFill, v1alpha1.ClaimUIDLabel: "uid-1"}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "fill-" + attempt, UID: types.UID("job-" + attempt), Labels: labels,
		Annotations: map[string]string{v1alpha1.AttemptAnnotation: attempt}}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "fill-" + attempt + "-x", UID: types.UID("pod-" + attempt), Labels: labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: ptr.To(true)}}},
		Spec: corev1.PodSpec{NodeName: "node-1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	return job, pod
}

func aNode(name string, ready corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(noon)}}},
	}
}

// hangs has attempts stay under way without ever coming further.
func hangs(phase driver.FillPhase) func(int32) *driver.FillState {
	return func(int32) *driver.FillState { return &driver.FillState{Phase: phase, StartedAt: noon} }
}

func (w *world) condition(kind string) *metav1.Condition {
	if r := w.restore(); r != nil {
		return meta.FindStatusCondition(r.Status.Conditions, kind)
	}
	return nil
}

func (w *world) isStalled() bool {
	c := w.condition(v1alpha1.ConditionStalled)
	return c != nil && c.Status == metav1.ConditionTrue
}

// pass makes passes until the clock says so.
func (w *world) pass(d time.Duration) {
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		_, err := w.tick()
		require.NoError(w.t, err)
	}
}

func TestAFillOnALostNodeIsToldOnTheClaimWithinMinutes(t *testing.T) {
	job, pod := aFill("1")
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.fail = hangs(driver.FillRunning)
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	began := w.clock.Now()
	w.until(w.isStalled, "said that it is stalled")
	assert.Less(t, w.clock.Now().Sub(began), 3*time.Minute)
	c := w.condition(v1alpha1.ConditionStalled)
	assert.Equal(t, "NodeLost", c.Reason)
	assert.Contains(t, c.Message, "node node-1, which is gone")
	assert.Contains(t, w.restore().Status.Message, "kubectl delete node node-1")
	told := w.events.about("RestoreStalled")
	require.Len(t, told, 2, "on the claim and on its Restore: %v", told)
	assert.Contains(t, told[0], "Warning RestoreStalled db: Nothing has moved since")
	assert.Contains(t, told[0], "kubectl delete node node-1")
	w.pass(10 * time.Minute)
	assert.Len(t, w.events.about("RestoreStalled"), 2, "told once")
	w.pass(restore.RepeatEvents)
	assert.Len(t, w.events.about("RestoreStalled"), 4, "and again before Kubernetes forgets it")
}

func TestAStallIsToldOnceWhicheverProcessLooks(t *testing.T) {
	job, pod := aFill("1")
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.fail = hangs(driver.FillRunning)
	w.until(w.isStalled, "said that it is stalled")
	for range 5 {
		w.boot()
		w.pass(time.Minute)
	}
	assert.Len(t, w.events.about("RestoreStalled"), 2)

	node := get(w, types.NamespacedName{Name: "node-1"}, &corev1.Node{})
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	require.NoError(t, w.api.Status().Update(t.Context(), node))
	w.pass(2 * time.Minute)
	assert.Equal(t, "Mover", w.condition(v1alpha1.ConditionStalled).Reason)
	assert.Len(t, w.events.about("RestoreStalled"), 4, "another cause is told")
}

func TestAProcessThatTakesOverKnowsHowLongNothingMoved(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = hangs(driver.FillRunning)
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	w.pass(100 * time.Second)
	require.False(t, w.isStalled())
	w.boot()
	w.pass(40 * time.Second)
	assert.True(t, w.isStalled())
}

func TestBytesThatMoveAreProgressHoweverFewOfThemThereAre(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	moved, moving := int64(0), true
	w.fail = func(int32) *driver.FillState {
		if moving {
			moved++
		}
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Progress: driver.Progress{BytesDone: moved, BytesTotal: 1 << 50}}
	}
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	done := len(w.writes)
	w.pass(20 * time.Minute)
	assert.Nil(t, w.condition(v1alpha1.ConditionStalled), "one byte in so many is no percent, and progress")
	assert.LessOrEqual(t, len(w.writes)-done, 21, "it is written once a minute at most")

	moving = false
	w.pass(3 * time.Minute)
	require.True(t, w.isStalled())
	moving = true
	w.pass(30 * time.Second)
	assert.False(t, w.isStalled(), "things move again")
	assert.Equal(t, metav1.ConditionFalse, w.condition(v1alpha1.ConditionStalled).Status)
}

func TestAVolumeThatIsNeverMadeIsToldInTheProvisionersWords(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.unprovided = true
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	require.NoError(t, w.api.Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "e"}, Type: corev1.EventTypeWarning, Reason: "ProvisioningFailed", Message: "pool is full",
		InvolvedObject: corev1.ObjectReference{UID: w.prime().UID}, LastTimestamp: metav1.NewTime(noon),
	}))
	w.pass(3 * time.Minute)
	require.True(t, w.isStalled())
	assert.Equal(t, "Provisioner", w.condition(v1alpha1.ConditionStalled).Reason)
	assert.Contains(t, w.events.about("RestoreStalled")[0], "pool is full")
	w.unprovided = false
	w.react()
	w.until(w.completed, "completed")
	assert.False(t, w.isStalled())
}

func TestAVolumeThatIsNotDetachedIsTold(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionTrue))
	w.onWrite = func(int) {
		var list storagev1.VolumeAttachmentList
		require.NoError(t, w.api.List(t.Context(), &list))
		for i := range list.Items {
			list.Items[i].Annotations = map[string]string{"prime": "kept"}
			require.NoError(t, w.api.Update(t.Context(), &list.Items[i]))
		}
	}
	w.undetached = true
	w.until(w.isStalled, "said that it is stalled")
	assert.Equal(t, v1alpha1.PhaseHandingOver, w.restore().Status.Phase)
	assert.Equal(t, "Attacher", w.condition(v1alpha1.ConditionStalled).Reason)
	assert.Contains(t, w.condition(v1alpha1.ConditionStalled).Message, "still attached to node node-1")
	w.undetached = false
	w.onWrite = nil
	w.until(w.completed, "completed")
}

func TestARemovalThatWaitsForAPodOnALostNodeIsTold(t *testing.T) {
	job, pod := aFill("1")
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	w.unreleased = true
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.pass(3 * time.Minute)
	require.True(t, w.isStalled())
	assert.Equal(t, "NodeLost", w.condition(v1alpha1.ConditionStalled).Reason)
	assert.Contains(t, w.restore().Status.Message, "node-1")
	require.Len(t, w.events.about("RestoreStalled"), 1)
	assert.Contains(t, w.events.about("RestoreStalled")[0], "kubectl delete node node-1")
	w.unreleased = false
	w.until(func() bool { return nothingLeft(w) }, "cleaned up once the pod is gone")
}

func TestTheDeadlineCountsWhileAPodHangs(t *testing.T) {
	job, pod := aFill("1")
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "Job was active longer than specified deadline"}}
	pod.Finalizers = []string{"kubelet/gone"}
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.fail = hangs(driver.FillRunning)
	w.until(func() bool { return w.restore() != nil && w.restore().Status.RetryAt != nil }, "failed the attempt")
	assert.Contains(t, w.restore().Status.Message, "attempt 1 failed: DeadlineExceeded")
	assert.NotEmpty(t, w.events.about("TransferFailed"))
}

// bounded is a world whose fill has hung on node-1, to which its volume is bound.
func bounded(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := newWorld(t, append(objects, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())...)
	w.fail = func(attempt int32) *driver.FillState {
		if attempt == 1 {
			return hangs(driver.FillRunning)(attempt)
		}
		return nil
	}
	return w
}

func TestAFillWhoseVolumeIsOnANodeThatIsGoneBeginsAnewElsewhere(t *testing.T) {
	out := aNode("node-1", corev1.ConditionUnknown)
	out.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute}}
	for name, nodes := range map[string][]client.Object{
		"deleted":                {aNode("node-2", corev1.ConditionTrue)},
		"tainted out of service": {aNode("node-2", corev1.ConditionTrue), out},
	} {
		t.Run(name, func(t *testing.T) {
			w := bounded(t, nodes...)
			w.until(func() bool { return len(w.requests) > 1 }, "began")
			first := w.prime().UID
			w.until(w.completed, "completed")
			assertRestored(t, w, settings[0])
			assert.EqualValues(t, 2, w.restore().Status.Attempt)
			assert.Len(t, w.backends, 1, "what the first attempt had written is gone")
			assert.NotEmpty(t, first)
		})
	}
}

func TestAFillIsNotAbandonedWhileAPodMayStillWrite(t *testing.T) {
	job, pod := aFill("1")
	w := bounded(t, job, pod, aNode("node-2", corev1.ConditionTrue)) // node-1 is gone, its pod is not
	w.until(w.isStalled, "said that it is stalled")
	prime := w.prime().UID
	w.pass(5 * time.Minute)
	assert.Equal(t, prime, w.prime().UID)
	assert.EqualValues(t, 1, w.restore().Status.Attempt)
	require.NoError(t, w.api.Delete(t.Context(), pod))
	w.until(w.completed, "completed once the pod is gone")
	assertRestored(t, w, settings[0])
}

func TestAFillIsNotAbandonedWhileItsNodeMayComeBack(t *testing.T) {
	for name, nodes := range map[string][]client.Object{
		"the node does not report": {aNode("node-1", corev1.ConditionUnknown), aNode("node-2", corev1.ConditionTrue)},
		"no node is seen at all":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := bounded(t, nodes...)
			w.until(w.isStalled, "said that it is stalled")
			prime := w.prime().UID
			w.pass(5 * time.Minute)
			assert.Equal(t, prime, w.prime().UID)
		})
	}
}

func TestWhatCannotBeObservedHidesNothingThatCan(t *testing.T) {
	job, pod := aFill("1")
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.fail = hangs(driver.FillRunning)
	w.unreadable = func(list client.ObjectList) error {
		if _, isEvents := list.(*corev1.EventList); isEvents {
			return errors.New("events is forbidden")
		}
		return nil
	}
	w.until(w.isStalled, "said that it is stalled")
	assert.Equal(t, "NodeLost", w.condition(v1alpha1.ConditionStalled).Reason)
}

func TestNothingIsGatheredBeforeAWaitIsLong(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	looked := 0
	w.unreadable = func(list client.ObjectList) error {
		if _, isEvents := list.(*corev1.EventList); isEvents {
			looked++
		}
		return nil
	}
	w.until(w.completed, "completed")
	assert.Zero(t, looked)
}

// beginsUnscheduled makes the Job of the first attempt, placed as it was asked for, and
// its pod, which has no node.
func (w *world) beginsUnscheduled() (job *batchv1.Job, unscheduled *corev1.Pod) {
	w.t.Helper()
	job, unscheduled = aFill("1")
	job.Annotations[v1alpha1.PlacementAnnotation] = w.requests[0].Placement.Fingerprint()
	unscheduled.Spec.NodeName, unscheduled.Status.Phase = "", corev1.PodPending
	require.NoError(w.t, w.api.Create(w.t.Context(), job))
	w.create(unscheduled)
	return job, unscheduled
}

func TestAFillThatWasPlacedForAPodThatIsGoneIsPlacedAgain(t *testing.T) {
	w := lateWorld(t)
	pod := aConsumer("db-0", "db")
	pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "lost"}
	w.create(pod)
	w.unprovided = true
	w.fail = func(attempt int32) *driver.FillState {
		if attempt == 1 || w.unprovided {
			return hangs(driver.FillPending)(attempt)
		}
		return nil
	}
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	job, unscheduled := w.beginsUnscheduled()
	w.pass(4 * time.Minute)
	require.EqualValues(t, 1, w.restore().Status.Attempt, "it waits as long as its pod does")
	require.Equal(t, "Scheduler", w.condition(v1alpha1.ConditionStalled).Reason)

	require.NoError(t, w.api.Delete(t.Context(), pod))
	moved := aConsumer("db-1", "db")
	moved.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "found"}
	w.create(moved)
	w.pass(time.Minute)
	assert.Contains(t, w.events.about("TransferFailed")[0], "is gone or has changed")
	require.NoError(t, w.api.Delete(t.Context(), job))
	require.NoError(t, w.api.Delete(t.Context(), unscheduled))
	w.unprovided = false
	w.until(w.completed, "completed")
	again := slices.IndexFunc(w.requests, func(r driver.FillRequest) bool { return r.Attempt == 2 })
	require.Positive(t, again)
	assert.Equal(t, map[string]string{corev1.LabelHostname: "found"}, w.requests[again].Placement.NodeSelector)
}

func TestPlacementsAreToldApart(t *testing.T) {
	a := driver.Placement{NodeSelector: map[string]string{"a": "1", "b": "2"}}
	assert.Equal(t, a.Fingerprint(), driver.Placement{NodeSelector: map[string]string{"b": "2", "a": "1"}}.Fingerprint())
	assert.NotEqual(t, a.Fingerprint(), driver.Placement{NodeSelector: map[string]string{"a": "1"}}.Fingerprint())
	assert.Equal(t, "any", driver.Placement{}.Fingerprint())
}

// pending makes the Job of the first attempt and its pod, which has a node and does
// not start.
func (w *world) pending(reason string) (*batchv1.Job, *corev1.Pod) {
	w.t.Helper()
	job, pod := aFill("1")
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
		{Name: "mover", Image: "restic:typo", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "not found"}}},
	}}
	require.NoError(w.t, w.api.Create(w.t.Context(), job))
	w.create(pod)
	return job, pod
}

func TestAnAttemptThatNeverStartsIsGivenUpForTheNext(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		within time.Duration
	}{
		"what keeps it does not pass by itself": {"ImagePullBackOff", 5 * time.Minute},
		"the start time-out has passed":         {"RegistryUnavailable", 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionTrue))
			w.fail = func(attempt int32) *driver.FillState {
				if attempt == 1 {
					return hangs(driver.FillPending)(attempt)
				}
				return nil
			}
			job, pod := w.pending(c.reason)
			w.until(func() bool { return len(w.requests) > 1 }, "began")
			began := w.clock.Now()
			w.until(w.isStalled, "said that it is stalled")
			assert.Empty(t, w.events.about("TransferFailed"), "the stall is told first")
			w.until(func() bool { return w.restore().Status.RetryAt != nil }, "gave the attempt up")
			assert.Less(t, w.clock.Now().Sub(began), c.within)
			assert.Contains(t, w.restore().Status.Message, "it has not started for")
			assert.Contains(t, w.events.about("TransferFailed")[0], c.reason)
			require.NoError(t, w.api.Delete(t.Context(), job))
			require.NoError(t, w.api.Delete(t.Context(), pod))
			w.until(w.completed, "completed")
			assert.EqualValues(t, 2, w.restore().Status.Attempt)
			assertRestored(t, w, settings[0])
		})
	}
}

func TestAnAttemptThatHasRunIsNotGivenUpBecauseItsNextPodDoesNotStart(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionTrue))
	w.fail = hangs(driver.FillPending)
	job, _ := w.pending("ImagePullBackOff")
	job.Status.Failed = 1
	require.NoError(t, w.api.Status().Update(t.Context(), job))
	w.until(w.isStalled, "said that it is stalled")
	w.pass(time.Hour)
	assert.EqualValues(t, 1, w.restore().Status.Attempt)
	assert.Empty(t, w.events.about("TransferFailed"))
}

func TestAFillThatFindsNoNodeIsTriedForTheOtherPodsThatWait(t *testing.T) {
	w := lateWorld(t)
	stuck := aConsumer("db-old", "db")
	stuck.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour))
	stuck.Spec.NodeSelector = map[string]string{"disk": "none-such"}
	w.create(stuck)
	w.unprovided = true
	w.fail = func(attempt int32) *driver.FillState {
		if attempt == 1 {
			return hangs(driver.FillPending)(attempt)
		}
		return nil
	}
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	job, unscheduled := w.beginsUnscheduled()
	corrected := aConsumer("db-new", "db")
	corrected.CreationTimestamp = metav1.NewTime(noon.Add(time.Minute))
	corrected.Spec.NodeSelector = map[string]string{"disk": "fast"}
	w.create(corrected)
	w.until(func() bool { return w.restore().Status.RetryAt != nil }, "gave the old pod's place up")
	assert.Less(t, w.clock.Now().Sub(noon), 6*time.Minute)
	assert.Contains(t, w.events.about("TransferFailed")[0], "found no node where pod db-old may run; pod db-new waits for the claim too")
	require.NoError(t, w.api.Delete(t.Context(), job))
	require.NoError(t, w.api.Delete(t.Context(), unscheduled))
	w.unprovided = false
	w.until(w.completed, "completed")
	last := w.requests[len(w.requests)-1]
	assert.EqualValues(t, 2, last.Attempt)
	again := slices.IndexFunc(w.requests, func(r driver.FillRequest) bool { return r.Attempt == 2 })
	assert.Equal(t, corrected.Spec.NodeSelector, w.requests[again].Placement.NodeSelector)
}

func TestAClaimWhoseRecordIsDeletedWhileAPodHangsIsTold(t *testing.T) {
	job, pod := aFill("1")
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), job, pod, aNode("node-1", corev1.ConditionUnknown))
	w.fail = hangs(driver.FillRunning)
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	w.unreleased = true
	require.NoError(t, w.api.Delete(t.Context(), w.restore()))
	w.pass(5 * time.Minute)
	told := w.events.about("RestoreStalled")
	require.Len(t, told, 2, "on the claim and on its new Restore: %v", told)
	assert.Contains(t, told[0], "kubectl delete node node-1")
	w.unreleased, w.fail = false, nil
	require.NoError(t, w.api.Delete(t.Context(), job))
	require.NoError(t, w.api.Delete(t.Context(), pod))
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}

func TestAMadeVolumeThatComesFurtherInSlowStepsIsNotCalledStalled(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aMadeBackup()) }
	stopped := time.Duration(0)
	w.fail = func(int32) *driver.FillState {
		at := w.clock.Now().Sub(noon)
		if stopped > 0 {
			at = stopped
		}
		step := int64(at / (4 * time.Minute)) // a percent of 1 TiB at 45 MB/s
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Progress: driver.Progress{BytesDone: step * (10 << 30), BytesTotal: 1 << 40}}
	}
	w.until(func() bool { return len(w.made) > 0 }, "began")
	w.pass(2 * time.Hour)
	assert.Empty(t, w.events.about("RestoreStalled"))
	stopped = w.clock.Now().Sub(noon)
	w.pass(30 * time.Minute)
	assert.True(t, w.isStalled(), "one that stops is told all the same")
}

func TestAStallThatComesAndGoesIsNotToldEachTime(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(int32) *driver.FillState {
		step := int64(w.clock.Now().Sub(noon) / (4 * time.Minute))
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Progress: driver.Progress{BytesDone: 1 + step, BytesTotal: 1 << 40}}
	}
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	w.pass(time.Hour)
	assert.NotEmpty(t, w.events.about("RestoreStalled"))
	assert.LessOrEqual(t, len(w.events.about("RestoreStalled")), 8, "as seldom as one that lasts")
}

func TestAnEvictedFillThatBeginsAgainComesFurther(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(int32) *driver.FillState {
		const evicted = 10 * time.Minute
		at := w.clock.Now().Sub(noon)
		if at > evicted { // a new pod begins from nothing
			at -= evicted
		}
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Progress: driver.Progress{BytesDone: int64(at / time.Second), BytesTotal: 1 << 40}}
	}
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	w.pass(18 * time.Minute)
	assert.Empty(t, w.events.about("RestoreStalled"))
}

func TestProgressThatIsReadOnlyNowAndThenIsNone(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	looks := int64(0)
	w.fail = func(int32) *driver.FillState {
		looks++
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Progress: driver.Progress{BytesDone: 70 * (looks % 2), BytesTotal: 100}}
	}
	w.until(func() bool { return len(w.requests) > 1 }, "began")
	w.pass(5 * time.Minute)
	assert.True(t, w.isStalled(), "the same bytes again are no progress")
}

func TestAFillThatMayNotAskForTheRoomOfItsPodGoesOnWithoutIt(t *testing.T) {
	w := lateWorld(t)
	pod := aConsumer("db-0", "db")
	pod.Spec.NodeSelector = map[string]string{"disk": "fast"}
	pod.Spec.Containers = []corev1.Container{{Name: "db", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("48Gi")}}}}
	w.create(pod)
	w.unprovided = true
	w.fail = func(attempt int32) *driver.FillState {
		if attempt == 1 {
			return hangs(driver.FillPending)(attempt)
		}
		return nil
	}
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	require.Equal(t, "48Gi", w.requests[0].Placement.Room.Memory().String())
	job, _ := aFill("1")
	job.Annotations[v1alpha1.PlacementAnnotation] = w.requests[0].Placement.Fingerprint()
	require.NoError(t, w.api.Create(t.Context(), job))
	require.NoError(t, w.api.Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "e"}, Type: corev1.EventTypeWarning, Reason: "FailedCreate",
		Message:        `pods "fill-1-x" is forbidden: maximum memory usage per Container is 8Gi, but limit is 48Gi`,
		InvolvedObject: corev1.ObjectReference{UID: job.UID}, LastTimestamp: metav1.NewTime(noon),
	}))
	w.until(func() bool { return w.restore().Status.RetryAt != nil }, "gave the room up")
	assert.Less(t, w.clock.Now().Sub(noon), 4*time.Minute)
	told := w.events.about("TransferFailed")[0]
	assert.Contains(t, told, "the room that the claim's pod needs (memory 48Gi)")
	assert.Contains(t, told, "usage per Container is 8Gi")
	require.NoError(t, w.api.Delete(t.Context(), job))
	w.unprovided = false
	w.until(w.completed, "completed")
	again := slices.IndexFunc(w.requests, func(r driver.FillRequest) bool { return r.Attempt == 2 })
	assert.Nil(t, w.requests[again].Placement.Room)
	assert.Equal(t, pod.Spec.NodeSelector, w.requests[again].Placement.NodeSelector, "where the pod may run still counts")
	assert.EqualValues(t, 2, w.restore().Status.Attempt)
}
