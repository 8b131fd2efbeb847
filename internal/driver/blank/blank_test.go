package blank_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/blank"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const system = "soteria-system"

func fillerIn(t *testing.T) (*blank.Filler, client.Client) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, batchv1.AddToScheme(scheme))
	c := fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&batchv1.Job{}).
		WithIndex(&corev1.Event{}, "involvedObject.uid", func(client.Object) []string { return nil }).Build()
	return blank.New(blank.Config{SoteriaImage: "soteria:test", JobNodeSelector: map[string]string{"disk": "fast"}},
		moverjob.Fills{Client: c, Reader: c, Namespace: system}), c
}

func theJob(t *testing.T, c client.Client) *batchv1.Job {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, c.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	return &jobs.Items[0]
}

func TestABlankIsProvedWithoutResticOrCredentials(t *testing.T) {
	f, c := fillerIn(t)
	req := drivertest.Request("data", 1)
	req.Placement.NodeSelector = map[string]string{"zone": "a"}
	state, err := f.Fill(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, driver.FillPending, state.Phase)

	pod := theJob(t, c).Spec.Template.Spec
	assert.Empty(t, pod.InitContainers)
	require.Len(t, pod.Containers, 1)
	assert.Equal(t, "soteria:test", pod.Containers[0].Image)
	assert.Empty(t, pod.Containers[0].Command, "the image's own entry point")
	assert.Equal(t, []string{"mover", "blank", "--target", "/restore"}, pod.Containers[0].Args)
	assert.Equal(t, map[string]string{"disk": "fast", "zone": "a"}, pod.NodeSelector)
	for _, v := range pod.Volumes {
		assert.Nil(t, v.Secret)
	}
	var secrets corev1.SecretList
	require.NoError(t, c.List(t.Context(), &secrets))
	assert.Empty(t, secrets.Items)
}

func TestABlankIsDoneWhenTheVolumeWasSeenToBeEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		how     batchv1.JobConditionType
		code    int32
		message string
		phase   driver.FillPhase
		says    string
	}{
		"it is empty":  {batchv1.JobComplete, 0, `{"action":"blank","seconds":0,"restored":{"files":0,"bytes":0},"expected":{"files":0,"bytes":0}}`, driver.FillDone, ""},
		"it is not":    {batchv1.JobFailed, 1, `{"action":"blank","kind":"driver_failed","error":"the new volume is not empty: it holds a"}`, driver.FillFailed, "it holds a"},
		"nobody knows": {batchv1.JobComplete, 0, ``, driver.FillFailed, "left no counts"},
	} {
		t.Run(name, func(t *testing.T) {
			f, kube := fillerIn(t)
			req := drivertest.Request("data", 1)
			_, err := f.Fill(t.Context(), req)
			require.NoError(t, err)
			job := theJob(t, kube)
			job.Status.Conditions = []batchv1.JobCondition{{Type: c.how, Status: corev1.ConditionTrue}}
			require.NoError(t, kube.Status().Update(t.Context(), job))
			require.NoError(t, kube.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: system, Name: "pod", Labels: map[string]string{batchv1.JobNameLabel: job.Name},
					OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID}},
				},
				Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
					Name: moverjob.Container, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: c.code, Message: c.message}},
				}}},
			}))
			state, err := f.Fill(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, c.phase, state.Phase)
			assert.Contains(t, state.Message, c.says)
			assert.Equal(t, driver.Counts{}, state.Restored)

			_, err = f.Release(t.Context(), req.ClaimUID)
			require.NoError(t, err)
			gone, err := f.Release(t.Context(), req.ClaimUID)
			require.NoError(t, err)
			assert.True(t, gone)
		})
	}
}
