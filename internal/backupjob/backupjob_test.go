package backupjob_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

var key = types.NamespacedName{Namespace: "ai", Name: "soteria-backup-1"}

func job(ending batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: key.Namespace, Name: key.Name, UID: "job-1",
		Labels:      map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleBackup},
		Annotations: map[string]string{v1alpha1.ClaimAnnotation: "ai/cache"},
	}}
	if ending != "" {
		j.Status.Conditions = []batchv1.JobCondition{{
			Type: ending, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "Job was active longer than specified deadline",
		}}
	}
	return j
}

type call struct {
	started bool
	claim   string
}

type catalog struct{ calls []call }

func (c *catalog) BackupStarted(claim backup.Claim, _ string) {
	c.calls = append(c.calls, call{true, claim.String()})
}

func (c *catalog) BackupEnded(claim backup.Claim, _ string) {
	c.calls = append(c.calls, call{false, claim.String()})
}

func watched(t *testing.T) (*catalog, *controllertest.FakeInformer) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	informers := &informertest.FakeInformers{Scheme: scheme}
	told := &catalog{}
	teller := backupjob.NewTeller(told)
	assert.False(t, teller.Told(), "before it watches it has told nothing")
	require.NoError(t, teller.Watch(t.Context(), informers))
	informer, err := informers.FakeInformerFor(t.Context(), &batchv1.Job{})
	require.NoError(t, err)
	return told, informer
}

func TestTheCatalogIsToldWhenABackupStartsAndEnds(t *testing.T) {
	told, informer := watched(t)
	informer.Add(job(""))
	informer.Update(job(""), job(batchv1.JobComplete))
	assert.Equal(t, []call{{true, "ai/cache"}, {false, "ai/cache"}}, told.calls)
}

func TestAnEndIsToldOnce(t *testing.T) {
	told, informer := watched(t)
	informer.Add(job(batchv1.JobFailed))
	informer.Update(job(batchv1.JobFailed), job(batchv1.JobFailed))
	informer.Delete(job(batchv1.JobFailed))
	assert.Equal(t, []call{{false, "ai/cache"}}, told.calls, "a Job that had ended when first seen may have ended after the listing began")
}

func TestABackupThatIsDeletedWhileItRunsHasEnded(t *testing.T) {
	told, informer := watched(t)
	informer.Add(job(""))
	informer.Delete(job(""))
	assert.Equal(t, []call{{true, "ai/cache"}, {false, "ai/cache"}}, told.calls)
}

func TestJobsThatAreNotBackupsAreNotTold(t *testing.T) {
	told, informer := watched(t)
	other := job("")
	other.Labels = nil
	informer.Add(other)
	nameless := job("")
	nameless.Annotations = nil
	informer.Add(nameless)
	assert.Empty(t, told.calls)
}

type results struct{ counted []string }

func (r *results) BackupFinished(driver, result string) {
	r.counted = append(r.counted, driver+" "+result)
}

func podThatLeft(result report.Result) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: "pod", Labels: map[string]string{batchv1.JobNameLabel: key.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: key.Name, UID: "job-1"}},
		},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name:  moverjob.Container,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: string(result.Encode())}},
		}}},
	}
}

func TestAFinishedBackupBecomesAnEventOnItsClaimOnce(t *testing.T) {
	const snapshot = "0123456789abcdef"
	cases := map[string]struct {
		ending batchv1.JobConditionType
		pod    *corev1.Pod
		result backupjob.Result
		event  string
	}{
		"complete": {batchv1.JobComplete, podThatLeft(report.Result{Action: "backup", Snapshot: snapshot, Backup: &report.Backup{Files: 3, Bytes: 300, FilesNew: 1, BytesAdded: 42}}),
			backupjob.Succeeded, "Normal BackupCompleted backup 01234567 by Job soteria-backup-1 is complete: 3 files of 300 bytes, 1 of them new or changed, 42 bytes added"},
		"complete, and more is to be known": {batchv1.JobComplete, podThatLeft(report.Result{Action: "backup", Snapshot: snapshot, Backup: &report.Backup{Files: 3, Notes: []string{"backup abcdef01 is accepted"}, Unrecorded: "restic: no room"}}),
			backupjob.Succeeded, "Normal BackupCompleted backup 01234567 by Job soteria-backup-1 is complete: 3 files of 0 bytes, 0 of them new or changed, 0 bytes added; backup abcdef01 is accepted; how it ended could not be recorded beside it, so that a restore will call it unknown: restic: no room"},
		"it lost most of the data": {batchv1.JobComplete, podThatLeft(report.Result{Action: "backup", Snapshot: snapshot, Partial: true, Backup: &report.Backup{Files: 1, Void: "1 files and 9 bytes, where backup abcdef01 of 2026-01-02T03:04:05Z holds 400 files and 9000 bytes"}}),
			backupjob.Failed, "Warning BackupFailed backup 01234567 by Job soteria-backup-1 lost most of the data: it holds 1 files and 9 bytes, where backup abcdef01 of 2026-01-02T03:04:05Z holds 400 files and 9000 bytes. It is saved and does not count: look at the claim's data and restore it if it was lost; if it is right, annotate the claim with soteria.dev/accept-backup=01234567, by which the next backup goes"},
		"partial says how much it holds": {batchv1.JobComplete, podThatLeft(report.Result{Action: "backup", Snapshot: snapshot, Partial: true, Problems: []string{"/data/x: no"}, ProblemCount: 1, Backup: &report.Backup{Files: 3, Bytes: 5}}),
			backupjob.Partial, "Warning BackupPartial backup 01234567 by Job soteria-backup-1 lacks files that could not be read (it holds 3 files of 5 bytes): /data/x: no"},
		"partial says which files": {batchv1.JobComplete, podThatLeft(report.Result{Action: "backup", Snapshot: snapshot, Partial: true, Problems: []string{"/data/secret: permission denied"}, ProblemCount: 1}),
			backupjob.Partial, "Warning BackupPartial backup 01234567 by Job soteria-backup-1 lacks files that could not be read: /data/secret: permission denied"},
		"failed, in the tool's words": {batchv1.JobFailed, podThatLeft(report.Result{Action: "backup", Error: "wrong password", Kind: "credentials"}),
			backupjob.Failed, "Warning BackupFailed backup by Job soteria-backup-1 failed: wrong password"},
		"failed without a word from the mover": {batchv1.JobFailed, nil,
			backupjob.Failed, "Warning BackupFailed backup by Job soteria-backup-1 failed: DeadlineExceeded: Job was active longer than specified deadline"},
		"complete, its pod gone": {batchv1.JobComplete, nil,
			backupjob.Succeeded, "Normal BackupCompleted backup by Job soteria-backup-1 is complete"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{job(tc.ending), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "cache"}}}
			if tc.pod != nil {
				objects = append(objects, tc.pod)
			}
			cluster := fake.NewClientBuilder().WithObjects(objects...).Build()
			recorder := events.NewFakeRecorder(10)
			counted := &results{}
			outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Announcer: backupjob.Announcer{Reader: cluster, Events: recorder, Observer: counted}, Driver: "restic"}
			for range 2 {
				_, err := outcomes.Reconcile(context.Background(), reconcile.Request{NamespacedName: key})
				require.NoError(t, err)
			}
			assert.Equal(t, []string{"restic " + string(tc.result)}, counted.counted)
			require.Len(t, recorder.Events, 1)
			assert.Equal(t, tc.event, <-recorder.Events)
		})
	}
}

func TestABackupIsToldWhenItsMoverHasEndedWellAndNotOnlyWhenItsJobIsSettled(t *testing.T) {
	well := report.Result{Action: "backup", Snapshot: "0123456789abcdef"}
	running := podThatLeft(well)
	running.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	failed := podThatLeft(report.Result{Action: "backup", Error: "no room", Kind: "driver_failed"})
	failed.Status.ContainerStatuses[0].State.Terminated.ExitCode = 1
	wordless := podThatLeft(well)
	wordless.Status.ContainerStatuses[0].State.Terminated.Message = ""
	another := podThatLeft(well)
	another.OwnerReferences[0].UID = "the Job before"
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		told []string
	}{
		"it ended well":          {podThatLeft(well), []string{"restic succeeded"}},
		"it runs":                {running, nil},
		"it failed, for now":     {failed, nil},
		"it left no result":      {wordless, nil},
		"it was of another Job":  {another, nil},
		"there is no pod so far": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{job("")}
			if c.pod != nil {
				objects = append(objects, c.pod)
			}
			cluster := fake.NewClientBuilder().WithObjects(objects...).WithStatusSubresource(&batchv1.Job{}).Build()
			counted := &results{}
			outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Announcer: backupjob.Announcer{Reader: cluster, Events: events.NewFakeRecorder(10), Observer: counted}, Driver: "restic"}
			_, err := outcomes.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
			require.NoError(t, err)
			assert.Equal(t, c.told, counted.counted)

			var settled batchv1.Job
			require.NoError(t, cluster.Get(t.Context(), key, &settled))
			assert.Equal(t, c.told != nil, backupjob.Saved(&settled))
			settled.Status = job(batchv1.JobComplete).Status
			require.NoError(t, cluster.Status().Update(t.Context(), &settled))
			_, err = outcomes.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
			require.NoError(t, err)
			assert.Len(t, counted.counted, 1, "it is told once, at the latest when the Job is settled")
		})
	}
}

func TestAJobThatChangesWhileItIsToldIsLookedAtAgain(t *testing.T) {
	changed := errors.NewConflict(schema.GroupResource{Resource: "jobs"}, key.Name, nil)
	conflicts := 1
	cluster := fake.NewClientBuilder().WithObjects(job(""), podThatLeft(report.Result{Action: "backup", Snapshot: "0123456789abcdef"})).
		WithInterceptorFuncs(interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if conflicts > 0 {
				conflicts--
				return changed
			}
			return c.Patch(ctx, o, patch, opts...)
		}}).Build()
	counted := &results{}
	outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Announcer: backupjob.Announcer{Reader: cluster, Events: events.NewFakeRecorder(10), Observer: counted}, Driver: "restic"}
	again, err := outcomes.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
	require.NoError(t, err)
	assert.Positive(t, again.RequeueAfter)
	assert.Empty(t, counted.counted)
	_, err = outcomes.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
	require.NoError(t, err)
	assert.Equal(t, []string{"restic succeeded"}, counted.counted)
}

func TestTheCatalogIsToldThatABackupHasEndedOnceItIsKnown(t *testing.T) {
	told, informer := watched(t)
	informer.Add(job(""))
	ended := job("")
	ended.Annotations["soteria.dev/told"] = string(backupjob.Partial)
	informer.Update(job(""), ended)
	failed := job("")
	failed.UID, failed.Annotations["soteria.dev/told"] = "job-2", string(backupjob.Failed)
	informer.Add(failed)
	assert.Equal(t, []call{{true, "ai/cache"}, {false, "ai/cache"}, {true, "ai/cache"}}, told.calls, "one that was told to have failed may run on")
}

func TestARunningBackupIsNotToldYet(t *testing.T) {
	cluster := fake.NewClientBuilder().WithObjects(job("")).Build()
	counted := &results{}
	outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Announcer: backupjob.Announcer{Reader: cluster, Events: events.NewFakeRecorder(1), Observer: counted}}
	_, err := outcomes.Reconcile(context.Background(), reconcile.Request{NamespacedName: key})
	require.NoError(t, err)
	assert.Empty(t, counted.counted)
}
