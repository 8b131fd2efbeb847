package restic_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

// aFillOf asks for a fill with a real backup.
func aFillOf() driver.FillRequest {
	req := drivertest.Request("data", 1)
	req.Backup = backup.Backup{Driver: "restic", ID: strings.Repeat("ab", 32), Locator: "/data", Claim: claim}
	return req
}

// fillOnce asks once for a fill by a driver with this image.
func fillOnce(t *testing.T, cluster client.Client, image string, req driver.FillRequest) driver.FillState {
	t.Helper()
	state, err := driverIn(t, cluster, func(c *restic.Config) { c.Image = image }).Fill(t.Context(), req)
	require.NoError(t, err)
	return state
}

func theFill(t *testing.T, cluster client.Client) batchv1.Job {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	return jobs.Items[0]
}

// podOf is what the Job controller makes for a Job.
func podOf(job *batchv1.Job, phase corev1.PodPhase) *corev1.Pod {
	labels := map[string]string{batchv1.JobNameLabel: job.Name}
	for key, value := range job.Labels {
		labels[key] = value
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name + "-x", Labels: labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: ptr.To(true)}}},
		Status: corev1.PodStatus{Phase: phase},
	}
}

func TestAFillThatHasNotStartedTakesTheSettingsThatHaveChanged(t *testing.T) {
	const wrong, right = "registry.example/restic:typo", "restic/restic:0.16.4"
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	fillOnce(t, cluster, wrong, aFillOf())
	first := theFill(t, cluster)
	pod := podOf(&first, corev1.PodPending)
	require.NoError(t, cluster.Create(t.Context(), pod))

	state := fillOnce(t, cluster, right, aFillOf())
	assert.Contains(t, state.Message, "is made again with the settings that have changed")
	state = fillOnce(t, cluster, right, aFillOf())
	assert.Contains(t, state.Message, "waiting for pod "+pod.Name, "two never write at once")
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items)

	require.NoError(t, cluster.Delete(t.Context(), pod))
	fillOnce(t, cluster, right, aFillOf())
	again := theFill(t, cluster)
	assert.Equal(t, first.Name, again.Name, "it is the same attempt")
	assert.Equal(t, right, again.Spec.Template.Spec.Containers[0].Image)
}

func TestAFillThatHasNotStartedTakesTheClaimsAnnotationsThatHaveChanged(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, func(c *restic.Config) { c.JobSettings.MaxDeadline = 48 * time.Hour })
	req := aFillOf()
	for _, annotations := range []map[string]string{nil, {v1alpha1.JobDeadlineAnnotation: "30h"}, {v1alpha1.JobDeadlineAnnotation: "30h"}} {
		req.Annotations = annotations
		_, err := d.Fill(t.Context(), req)
		require.NoError(t, err)
	}
	job := theFill(t, cluster)
	assert.EqualValues(t, 30*time.Hour/time.Second, *job.Spec.ActiveDeadlineSeconds)
}

func TestAFillThatHasRunStaysAsItIs(t *testing.T) {
	for name, run := range map[string]func(*testing.T, client.Client, *batchv1.Job){
		"its pod runs": func(t *testing.T, cluster client.Client, job *batchv1.Job) {
			t.Helper()
			require.NoError(t, cluster.Create(t.Context(), podOf(job, corev1.PodRunning)))
		},
		"a pod of it failed, and is gone": func(t *testing.T, cluster client.Client, job *batchv1.Job) {
			t.Helper()
			job.Status.Failed = 1
			require.NoError(t, cluster.Status().Update(t.Context(), job))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
			fillOnce(t, cluster, "restic/restic:0.16.3", aFillOf())
			job := theFill(t, cluster)
			run(t, cluster, &job)
			fillOnce(t, cluster, "restic/restic:0.16.4", aFillOf())
			left := theFill(t, cluster)
			assert.Equal(t, job.UID, left.UID)
		})
	}
}

func TestAFillIsTheSameWhateverItsPlaceIsLaterSaidToBe(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	req := aFillOf()
	req.Placement, req.CheckRoom = driver.Placement{NodeSelector: map[string]string{"disk": "fast"}}, true
	fillOnce(t, cluster, "restic/restic:0.16.4", req)
	job := theFill(t, cluster)
	for _, later := range []driver.FillRequest{aFillOf(), req} {
		fillOnce(t, cluster, "restic/restic:0.16.4", later)
		left := theFill(t, cluster)
		assert.Equal(t, job.UID, left.UID)
	}
}

func TestAFillOfAVersionThatNotedNoSettingsStaysAsItIs(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	fillOnce(t, cluster, "restic/restic:0.16.3", aFillOf())
	job := theFill(t, cluster)
	delete(job.Annotations, v1alpha1.SettingsAnnotation)
	require.NoError(t, cluster.Update(t.Context(), &job))
	fillOnce(t, cluster, "restic/restic:0.16.4", aFillOf())
	left := theFill(t, cluster)
	assert.Equal(t, job.UID, left.UID)
}
