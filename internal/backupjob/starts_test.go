package backupjob_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
	"github.com/soteria-dr/soteria/internal/mover/report"
	"github.com/soteria-dr/soteria/internal/stall"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

// placing says where a Job should run, and takes backups again.
type placing struct {
	misplaced bool
	// times is how often the Job was made again before.
	times int
	again []driver.BackupRequest
	err   error
}

func (p *placing) Misplaced(context.Context, *batchv1.Job) (bool, error) { return p.misplaced, nil }

func (p *placing) Request(job *batchv1.Job) driver.BackupRequest {
	return driver.BackupRequest{
		Claim: backup.Claim{Namespace: "ai", Name: "cache"}, Tags: []string{"policy=p"}, RequestedBy: "policy p", Replaces: job.Name, Again: p.times + 1,
	}
}

func (p *placing) Backup(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	p.again = append(p.again, req)
	return driver.BackupStarted{JobName: "another"}, p.err
}

// waitingJob is a backup Job that is made and has not ended.
func waitingJob(change ...func(*batchv1.Job)) *batchv1.Job {
	j := job("")
	j.CreationTimestamp = metav1.NewTime(noon)
	j.Labels[v1alpha1.ManagedByLabel], j.Labels[v1alpha1.ClaimUIDLabel] = v1alpha1.ManagedBy, "claim-1"
	j.Spec.ActiveDeadlineSeconds = ptr.To[int64](3600)
	for _, c := range change {
		c(j)
	}
	return j
}

func withPod(j *batchv1.Job) { j.Status.Active = 1 }

func podOn(node string, change func(*corev1.Pod)) *corev1.Pod {
	pod := podThatLeft(report.Result{Action: "backup"})
	pod.CreationTimestamp, pod.Spec.NodeName, pod.Status = metav1.NewTime(noon), node, corev1.PodStatus{Phase: corev1.PodPending}
	if change != nil {
		change(pod)
	}
	return pod
}

func waits(reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "no such image"}}}}
	}
}

func livingClaim(uid types.UID) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "cache", UID: uid}}
}

func refusal(message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "refused"}, Type: corev1.EventTypeWarning, Reason: "FailedCreate", Message: message,
		InvolvedObject: corev1.ObjectReference{UID: "job-1"}, LastTimestamp: metav1.NewTime(noon),
	}
}

// started is what one look at a Job led to.
type started struct {
	cluster client.Client
	clock   *testclock.FakeClock
	starts  *backupjob.Starts
	placing *placing
	events  *events.FakeRecorder
	counted *results
}

func starting(objects ...client.Object) *started {
	cluster := fake.NewClientBuilder().WithObjects(objects...).WithIndex(&corev1.Event{}, "involvedObject.uid", func(o client.Object) []string {
		return []string{string(o.(*corev1.Event).InvolvedObject.UID)} //nolint:forcetypeassert // indexed by type
	}).Build()
	s := &started{cluster: cluster, clock: testclock.NewFakeClock(noon), placing: &placing{}, events: events.NewFakeRecorder(10), counted: &results{}}
	s.starts = &backupjob.Starts{
		Client: cluster, Reader: cluster, Mover: s.placing, Backuper: s.placing, Timeout: 10 * time.Minute, Clock: s.clock, Log: slog.New(slog.DiscardHandler),
		Outcomes: &backupjob.Outcomes{Client: cluster, Reader: cluster, Driver: "restic", Announcer: backupjob.Announcer{Reader: cluster, Events: s.events, Observer: s.counted}},
	}
	return s
}

func (s *started) look(t *testing.T, after time.Duration) reconcile.Result {
	t.Helper()
	s.clock.SetTime(noon.Add(after))
	result, err := s.starts.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
	require.NoError(t, err)
	return result
}

// job reads the Job; nil if it is gone.
func (s *started) job(t *testing.T) *batchv1.Job {
	t.Helper()
	var j batchv1.Job
	err := s.cluster.Get(t.Context(), key, &j)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(t, err)
	return &j
}

func (s *started) event(t *testing.T) string {
	t.Helper()
	require.Len(t, s.events.Events, 1)
	return <-s.events.Events
}

func TestABackupThatCannotStartFailsInMinutesWithTheCause(t *testing.T) {
	cases := map[string]struct {
		objects []client.Object
		within  time.Duration
		says    []string
	}{
		"for a quota that asks for what is not set": {
			[]client.Object{waitingJob(), refusal(`Error creating: pods "x" is forbidden: failed quota: q: must specify limits.cpu for: mover`)}, 3 * time.Minute,
			[]string{"must specify limits.cpu", "SOTERIA_JOB_LIMITS"},
		},
		"for a LimitRange": {
			[]client.Object{waitingJob(), refusal(`Error creating: pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`)}, 3 * time.Minute,
			[]string{"maximum memory usage", "LimitRange", "soteria.dev/job-resources"},
		},
		"for Pod Security": {
			[]client.Object{waitingJob(), refusal(`Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest"`)}, 3 * time.Minute,
			[]string{"violates PodSecurity", "baseline"},
		},
		"for an image that cannot be had": {
			[]client.Object{waitingJob(withPod), podOn("a", waits("ImagePullBackOff")), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}}}, 3 * time.Minute,
			[]string{"ImagePullBackOff: no such image", "SOTERIA_JOB_PULL_SECRETS"},
		},
		"for what may pass, after a while": {
			[]client.Object{waitingJob(withPod), podOn("", nil)}, 11 * time.Minute,
			[]string{"has no node, and nothing says why", "see that the scheduler works"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := starting(append(tc.objects, livingClaim("claim-1"))...)
			assert.NotZero(t, s.look(t, time.Minute).RequeueAfter, "a minute is no time")
			assert.Empty(t, s.events.Events)
			s.look(t, tc.within)
			told := s.event(t)
			assert.Contains(t, told, "Warning BackupFailed backup by Job soteria-backup-1 did not start within")
			for _, words := range tc.says {
				assert.Contains(t, told, words)
			}
			assert.Equal(t, []string{"restic failed"}, s.counted.counted)
			assert.Equal(t, int64(1), ptr.Deref(s.job(t).Spec.ActiveDeadlineSeconds, 0), "Kubernetes ends the Job")
			s.look(t, tc.within+time.Second)
			assert.Equal(t, []string{"restic failed"}, s.counted.counted, "it is told once")
		})
	}
}

func TestAMoverThatRunsIsLeftAlone(t *testing.T) {
	pod := podOn("", func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	})
	s := starting(waitingJob(withPod), pod, livingClaim("claim-1"))
	assert.NotZero(t, s.look(t, 50*time.Minute).RequeueAfter)
	assert.Empty(t, s.events.Events)
	assert.Equal(t, int64(3600), *s.job(t).Spec.ActiveDeadlineSeconds)
}

func TestAMoverThatEndedBesideASidecarHasEnded(t *testing.T) {
	pod := podThatLeft(report.Result{Action: "backup", Snapshot: "0123456789abcdef", Backup: &report.Backup{Files: 3}})
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "istio-proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})
	s := starting(waitingJob(withPod), pod, livingClaim("claim-1"))
	s.look(t, time.Minute)
	assert.Contains(t, s.event(t), "Normal BackupCompleted backup 01234567 by Job soteria-backup-1 is complete")
	assert.Nil(t, s.job(t), "the Job goes, and the sidecar with it")
}

func TestAJobThatNeverHadAPodHoldsNoClaim(t *testing.T) {
	cases := map[string]struct {
		objects []client.Object
		gone    bool
	}{
		"its claim is gone":                         {[]client.Object{waitingJob()}, true},
		"its claim was made again":                  {[]client.Object{waitingJob(), livingClaim("claim-2")}, true},
		"its claim lives":                           {[]client.Object{waitingJob(), livingClaim("claim-1")}, false},
		"it has a pod":                              {[]client.Object{waitingJob(withPod), podOn("", nil)}, false},
		"it has a pod that its status lacks as yet": {[]client.Object{waitingJob(), podOn("", nil)}, false},
		"a pod of it has failed":                    {[]client.Object{waitingJob(func(j *batchv1.Job) { j.Status.Failed = 1 })}, false},
		"it is not Soteria's":                       {[]client.Object{waitingJob(func(j *batchv1.Job) { delete(j.Labels, v1alpha1.ManagedByLabel) })}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := starting(tc.objects...)
			s.look(t, time.Second)
			assert.Equal(t, tc.gone, s.job(t) == nil)
		})
	}
}

func TestABackupWhoseAppMovedIsMadeAgainThere(t *testing.T) {
	s := starting(waitingJob(withPod), podOn("", nil), livingClaim("claim-1"))
	s.placing.misplaced = true
	s.look(t, time.Minute)
	assert.NotNil(t, s.job(t), "the app may be moving still")
	assert.Empty(t, s.placing.again)
	s.look(t, 2*time.Minute)
	assert.Nil(t, s.job(t))
	require.Len(t, s.placing.again, 1)
	assert.Equal(t, []string{"policy=p"}, s.placing.again[0].Tags)
	assert.Equal(t, "soteria-backup-1", s.placing.again[0].Replaces)
	assert.Contains(t, s.event(t), "Warning BackupMadeAgain backup by Job soteria-backup-1 did not start, since the pod that uses the claim moved to another node; it is made again there by Job another")
}

func TestABackupIsMadeAgainThreeTimesAndThenFailsWithTheCause(t *testing.T) {
	s := starting(waitingJob(withPod), podOn("", nil), livingClaim("claim-1"))
	s.placing.misplaced, s.placing.times = true, 3
	s.look(t, 3*time.Minute)
	assert.Contains(t, s.event(t), "Warning BackupStalled")
	s.look(t, 11*time.Minute)
	assert.Contains(t, s.event(t), "Warning BackupFailed")
	assert.NotNil(t, s.job(t))
	assert.Empty(t, s.placing.again)
}

func TestABackupThatCannotBeMadeAgainIsTold(t *testing.T) {
	s := starting(waitingJob(withPod), podOn("", nil), livingClaim("claim-1"))
	s.placing.misplaced, s.placing.err = true, backup.Errorf(backup.Conflict, "the claim is being deleted")
	s.look(t, 3*time.Minute)
	assert.Contains(t, s.event(t), "moved to another node, and could not be made again there: the claim is being deleted")
}

// drained makes a Job one whose only pod was drained away: the Job's pod failure policy
// does not count it.
func drained(at time.Time) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.StartTime = &metav1.Time{Time: noon}
		j.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "batch/v1", Subresource: "status",
			Time: &metav1.Time{Time: at},
		}}
	}
}

func TestADrainedBackupIsNotFailedBeforeItsNextPodIsMade(t *testing.T) {
	for name, j := range map[string]*batchv1.Job{
		"by the record of changes":    waitingJob(drained(noon.Add(time.Hour - time.Second))),
		"where there is no record":    waitingJob(func(j *batchv1.Job) { j.Status.Failed = 1 }),
		"as the record says it ended": waitingJob(drained(noon.Add(time.Hour-time.Second)), func(j *batchv1.Job) { j.Status.Failed = 1 }),
	} {
		t.Run(name, func(t *testing.T) {
			j.Spec.ActiveDeadlineSeconds = ptr.To[int64](24 * 3600)
			changes := j.ManagedFields
			j.ManagedFields = nil // as a cache has it
			s := starting(j, livingClaim("claim-1"))
			s.starts.Reader = recorded{s.cluster, changes}
			s.look(t, time.Hour)
			s.look(t, time.Hour+time.Minute)
			assert.Empty(t, s.events.Events)
			assert.Equal(t, int64(24*3600), *s.job(t).Spec.ActiveDeadlineSeconds)
			s.look(t, time.Hour+3*time.Minute)
			assert.Contains(t, s.event(t), "Warning BackupStalled", "and from then on it is as any other")
			s.look(t, time.Hour+11*time.Minute)
			assert.Contains(t, s.event(t), "Warning BackupFailed")
		})
	}
}

// recorded is an API server that keeps a record of changes, which the fake hides.
type recorded struct {
	client.Client
	changes []metav1.ManagedFieldsEntry
}

func (r recorded) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	err := r.Client.Get(ctx, key, o, opts...)
	if _, isJob := o.(*batchv1.Job); isJob {
		o.SetManagedFields(r.changes)
	}
	return err
}

func failedPod(p *corev1.Pod) {
	p.Status.Phase = corev1.PodFailed
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
}

func TestABackupWhoseNextPodIsRefusedFailsWithTheCause(t *testing.T) {
	once := waitingJob(func(j *batchv1.Job) { j.Status.Failed = 1 })
	s := starting(once, podOn("a", failedPod), livingClaim("claim-1"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}},
		refusal(`Error creating: pods "x" is forbidden: failed quota: q: must specify limits.cpu for: mover`))
	s.look(t, time.Minute)
	assert.Empty(t, s.events.Events)
	s.look(t, 3*time.Minute)
	told := s.event(t)
	assert.Contains(t, told, "Warning BackupFailed")
	assert.Contains(t, told, "must specify limits.cpu")
}

func TestABackupThatGetsNoFurtherPodIsTold(t *testing.T) {
	s := starting(waitingJob(func(j *batchv1.Job) { j.Status.Failed = 1 }), podOn("a", failedPod), livingClaim("claim-1"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	s.look(t, time.Minute)
	assert.Empty(t, s.events.Events)
	s.look(t, 3*time.Minute)
	assert.Contains(t, s.event(t), "has got no further pod since pod pod ended, and nothing says why")
}

func TestABackupThatIsSavedAndNotSettledIsToldAndNotFailed(t *testing.T) {
	saved := podThatLeft(report.Result{Action: "backup", Snapshot: "0123456789abcdef", Backup: &report.Backup{Files: 3}})
	saved.CreationTimestamp, saved.Status.Phase = metav1.NewTime(noon), corev1.PodSucceeded
	s := starting(waitingJob(withPod), saved, livingClaim("claim-1"))
	s.look(t, time.Minute)
	assert.Empty(t, s.events.Events)
	s.look(t, 3*time.Minute)
	assert.Contains(t, s.event(t), "Warning BackupStalled")
	s.look(t, 30*time.Minute)
	assert.Empty(t, s.events.Events)
	assert.Empty(t, s.counted.counted)
}

func TestABackupOnANodeThatIsGoneIsTold(t *testing.T) {
	running := func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(noon),
	}}}}
	s := starting(waitingJob(withPod), podOn("a", running), livingClaim("claim-1"), node)
	s.look(t, time.Minute)
	assert.Empty(t, s.events.Events, "it may come back")
	s.look(t, 3*time.Minute)
	told := s.event(t)
	assert.Contains(t, told, "Warning BackupStalled backup by Job soteria-backup-1 has not come further since 2026-04-12T12:00:00Z: pod ai/")
	assert.Contains(t, told, "is on node a, which is gone")
	assert.Contains(t, told, "kubectl taint node a node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
	s.look(t, 7*time.Minute)
	assert.Empty(t, s.events.Events, "once an hour is enough")
	stalled, err := backupjob.StalledJobs(t.Context(), s.cluster, "restic")
	require.NoError(t, err)
	require.Len(t, stalled, 1)
	assert.Equal(t, stall.NodeLost, stalled[0].Cause)
	assert.Equal(t, backup.Claim{Namespace: "ai", Name: "cache"}, stalled[0].Claim)

	s.look(t, 64*time.Minute)
	assert.Contains(t, s.event(t), "Warning BackupStalled", "Kubernetes forgets events after an hour")
}

func TestABackupThatComesFurtherAgainIsNotShownAsStalled(t *testing.T) {
	s := starting(waitingJob(withPod), podOn("a", nil), livingClaim("claim-1"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	s.look(t, 3*time.Minute)
	assert.Contains(t, s.event(t), "node a does not start pod")
	assert.NotEmpty(t, s.job(t).Annotations[v1alpha1.StalledAnnotation])

	var pod corev1.Pod
	require.NoError(t, s.cluster.Get(t.Context(), client.ObjectKeyFromObject(podOn("a", nil)), &pod))
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	require.NoError(t, s.cluster.Status().Update(t.Context(), &pod))
	s.look(t, 4*time.Minute)
	assert.Empty(t, s.job(t).Annotations[v1alpha1.StalledAnnotation])
	assert.Empty(t, s.events.Events)
}

func TestABackupThatIsBeingDeletedAndIsNotGoneIsTold(t *testing.T) {
	going := func(p *corev1.Pod) {
		p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: noon}, []string{"example.com/keep"}
	}
	deleted := waitingJob(withPod, func(j *batchv1.Job) {
		j.DeletionTimestamp, j.Finalizers = &metav1.Time{Time: noon}, []string{"foregroundDeletion"}
	})
	s := starting(deleted, podOn("a", going), livingClaim("claim-1"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	s.look(t, time.Minute)
	assert.Empty(t, s.events.Events)
	s.look(t, 3*time.Minute)
	told := s.event(t)
	assert.Contains(t, told, "Warning BackupStalled")
	assert.Contains(t, told, "should be gone since 2026-04-12T12:00:00Z, and node a has not ended it")
}

// movesNothing is a pod whose mover began at noon and says since a time that it moves
// nothing.
func movesNothing(since time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.UID = "pod-1"
		p.Spec.Containers = []corev1.Container{{Name: moverjob.Container, ReadinessProbe: &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: pulse.Command(moverjob.ScratchFolder)}},
		}}}
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: moverjob.Container, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}},
		}}
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.ContainersReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(since.Add(pulse.Delay)),
		}}
	}
}

func TestABackupThatMovesNothingIsToldAndShownUntilItMovesAgain(t *testing.T) {
	const words = `nothing has moved since 2026-04-12T13:00:00Z: restic waits for the repository, which a restic on host "nas" (process 7) has locked for itself alone`
	said := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "unhealthy"}, Type: corev1.EventTypeWarning, Reason: "Unhealthy", Message: "Readiness probe failed: " + words,
		InvolvedObject: corev1.ObjectReference{UID: "pod-1", FieldPath: "spec.containers{mover}"}, LastTimestamp: metav1.NewTime(noon.Add(62 * time.Minute)),
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	s := starting(waitingJob(withPod), podOn("a", movesNothing(noon.Add(time.Hour))), livingClaim("claim-1"), node, said)
	assert.NotZero(t, s.look(t, 61*time.Minute+50*time.Second).RequeueAfter)
	assert.Empty(t, s.events.Events, "two minutes have not passed")

	s.look(t, 62*time.Minute)
	told := s.event(t)
	assert.Contains(t, told, "Warning BackupStalled backup by Job soteria-backup-1 has not come further since 2026-04-12T13:00:00Z: pod ai/pod runs and moves nothing: "+words)
	assert.Contains(t, told, "no other restic holds the repository for long")
	stalled, err := backupjob.StalledJobs(t.Context(), s.cluster, "restic")
	require.NoError(t, err)
	require.Len(t, stalled, 1)
	assert.Equal(t, stall.Mover, stalled[0].Cause)
	assert.NotNil(t, s.job(t), "it may go on by itself, and its deadline ends it")
	assert.EqualValues(t, 3600, *s.job(t).Spec.ActiveDeadlineSeconds)

	s.setPod(t, func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = true })
	s.look(t, 63*time.Minute)
	assert.Empty(t, s.job(t).Annotations[v1alpha1.StalledAnnotation])
	assert.Empty(t, s.events.Events)
}

func TestABackupJobOfAnEarlierVersionIsNeverSaidToMoveNothing(t *testing.T) {
	earlier := func(p *corev1.Pod) {
		movesNothing(noon)(p)
		p.Spec.Containers[0].ReadinessProbe = nil
	}
	s := starting(waitingJob(withPod), podOn("a", earlier), livingClaim("claim-1"), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	s.look(t, 30*time.Minute)
	assert.Empty(t, s.events.Events)
	assert.Empty(t, s.job(t).Annotations[v1alpha1.StalledAnnotation])
}

// setPod changes the status of the pod of the Job.
func (s *started) setPod(t *testing.T, change func(*corev1.Pod)) {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, s.cluster.Get(t.Context(), client.ObjectKeyFromObject(podOn("a", nil)), &pod))
	change(&pod)
	require.NoError(t, s.cluster.Status().Update(t.Context(), &pod))
}

func TestAJobOfAnotherNamespaceDoesNotSpeakForAClaim(t *testing.T) {
	mark := stall.Mark{Cause: stall.Quota, Message: "words of a stranger"}
	s := starting(waitingJob(func(j *batchv1.Job) {
		j.Annotations[v1alpha1.ClaimAnnotation], j.Annotations[v1alpha1.StalledAnnotation] = "other/cache", mark.Text()
	}))
	stalled, err := backupjob.StalledJobs(t.Context(), s.cluster, "restic")
	require.NoError(t, err)
	assert.Empty(t, stalled)
}
