package restic_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
)

var began = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// driverSoon is a driver of a named cluster at a time after began.
func driverSoon(t *testing.T, cluster client.Client, after time.Duration) *restic.Driver {
	t.Helper()
	config := validConfig()
	inACluster(&config)
	config.JobTTL, config.CacheDir, config.Program = time.Hour, t.TempDir(), "/nowhere/restic"
	d, err := restic.New(config, restic.Cluster{Client: cluster, Reader: cluster, MayMake: nobodyWaits, Clock: testclock.NewFakePassiveClock(began.Add(after))})
	require.NoError(t, err)
	return d
}

// hanging creates a Job again as one that began at a known time, with a pod on a node
// that does not exist if it has one.
func hanging(t *testing.T, cluster client.Client, role string, withPod bool) *batchv1.Job {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs, client.MatchingLabels{v1alpha1.RoleLabel: role}))
	require.Len(t, jobs.Items, 1)
	job := &jobs.Items[0]
	require.NoError(t, cluster.Delete(t.Context(), job.DeepCopy()))
	job.ResourceVersion, job.CreationTimestamp = "", metav1.NewTime(began)
	require.NoError(t, cluster.Create(t.Context(), job))
	if withPod {
		require.NoError(t, cluster.Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: job.Namespace, Name: job.Name + "-x", Labels: map[string]string{batchv1.JobNameLabel: job.Name},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: ptr.To(true)}},
			},
			Spec: corev1.PodSpec{NodeName: "lost"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
				Name: "mover", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began)}},
			}}},
		}))
	}
	return job
}

func TestACopyOfTheMemoryThatHangsSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		pod     bool
		after   time.Duration
		waiting bool
		says    string
	}{
		"it has no pod yet":  {false, time.Minute, true, "waiting for the Job's pod to be made"},
		"it gets no pod":     {false, 3 * time.Minute, true, "never got a pod; its events say why: kubectl -n soteria-system describe job"},
		"it runs":            {true, 3 * time.Minute, false, ""},
		"its node is gone":   {true, 6 * time.Minute, true, "is on node lost, which does not exist any more"},
		"it cannot be ended": {true, 36 * time.Minute, true, "DeadlineExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, secretWith(fullSecret())).Build()
			require.NoError(t, driverSoon(t, cluster, 0).Start(t.Context(), repositoryID, remembered(1)))
			hanging(t, cluster, v1alpha1.RoleMemory, c.pod)
			if !c.pod || c.after < 5*time.Minute {
				require.NoError(t, cluster.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lost"}}))
			}
			last, err := driverSoon(t, cluster, c.after).Last(t.Context())
			require.NoError(t, err)
			assert.Equal(t, keeper.UnderWay, last.Phase)
			assert.Equal(t, c.waiting, last.Waiting)
			assert.Contains(t, last.Message, c.says)
		})
	}
}

func TestACopyThatHangsIsRemovedOnceTwoOthersWereBegun(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	require.NoError(t, driverSoon(t, cluster, 0).Start(t.Context(), repositoryID, remembered(1)))
	first := hanging(t, cluster, v1alpha1.RoleMemory, false)
	require.NoError(t, driverSoon(t, cluster, time.Minute).Start(t.Context(), repositoryID, remembered(2)))
	require.NoError(t, driverSoon(t, cluster, 2*time.Minute).Start(t.Context(), repositoryID, remembered(3)))
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(first), &batchv1.Job{}), "it may still end")
	require.NoError(t, driverSoon(t, cluster, 36*time.Minute).Start(t.Context(), repositoryID, remembered(4)))
	assert.Error(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(first), &batchv1.Job{}))
}

func TestARestoreTestThatHangsSaysWhyAndDoesNotHoldTheNext(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	started, err := driverSoon(t, cluster, 0).Test(t.Context(), testRequest())
	require.NoError(t, err)
	job := hanging(t, cluster, v1alpha1.RoleTest, true)
	deadline := time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second

	later := driverSoon(t, cluster, 10*time.Minute)
	tests, err := later.Tests(t.Context())
	require.NoError(t, err)
	require.Len(t, tests, 1)
	assert.Equal(t, driver.FillRunning, tests[0].Phase)
	assert.Contains(t, tests[0].Message, "is on node lost, which does not exist any more")
	_, err = later.Test(t.Context(), testRequest())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.ErrorContains(t, err, "is on node lost")
	assert.ErrorContains(t, err, "kubectl -n soteria-system delete job "+started.JobName)

	past := driverSoon(t, cluster, deadline+6*time.Minute)
	tests, err = past.Tests(t.Context())
	require.NoError(t, err)
	assert.Equal(t, driver.FillFailed, tests[0].Phase)
	assert.Contains(t, tests[0].Message, "DeadlineExceeded")
	again, err := past.Test(t.Context(), testRequest())
	require.NoError(t, err)
	assert.NotEqual(t, started.JobName, again.JobName)
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: again.Namespace, Name: again.JobName}, &batchv1.Job{}))
}
