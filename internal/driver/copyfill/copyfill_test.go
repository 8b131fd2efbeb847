//nolint:contextcheck // what the backup system does is no part of the call that it reacts to
package copyfill_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/copyfill"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const system = "soteria-system"

// world is a cluster and a backup system that makes volumes.
type world struct {
	t      *testing.T
	api    client.Client
	filler *copyfill.Filler

	// made are the backup system's volumes: how often each was looked at.
	made    map[string]int
	making  int
	fails   bool
	lingers bool
}

var _ driver.VolumeMaker = (*world)(nil)

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, batchv1.AddToScheme(scheme))
	w := &world{t: t, made: map[string]int{}}
	w.api = fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&batchv1.Job{}, &corev1.PersistentVolumeClaim{}).
		WithIndex(&corev1.Event{}, "involvedObject.uid", func(client.Object) []string { return nil }).Build()
	w.filler = copyfill.New(copyfill.Config{SoteriaImage: "soteria:test", Parameters: map[string]string{"numberOfReplicas": "1"}},
		w, moverjob.Fills{Client: w.api, Reader: w.api, Namespace: system}, nil)
	return w
}

func (*world) Provisioner() string { return "csi.example.com" }

func (w *world) MakeVolume(_ context.Context, req driver.VolumeRequest) (driver.VolumeState, error) {
	w.requireMarker()
	require.Equal(w.t, map[string]string{"numberOfReplicas": "1"}, req.Class.Parameters)
	require.NotEqual(w.t, types.UID("uid-of-data"), req.Target.UID, "a volume of the claim's own uid would be handed to it")
	name := fmt.Sprintf("%s-%d", req.Target.UID, req.Attempt)
	if _, begun := w.made[name]; !begun {
		w.making++
	}
	w.made[name]++
	if w.fails {
		return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillFailed, Message: "all replicas failed"}}, nil
	}
	if w.made[name] < 2 {
		return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillRunning, Message: "12 %"}}, nil
	}
	return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillDone}, Volume: &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{
		Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
		AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "csi.example.com", VolumeHandle: name}},
	}}}, nil
}

func (w *world) DiscardVolume(_ context.Context, uid types.UID) (bool, error) {
	w.requireMarker()
	if w.lingers {
		return false, nil
	}
	for name := range w.made {
		if len(name) > len(uid) && name[:len(uid)] == string(uid) {
			delete(w.made, name)
		}
	}
	return true, nil
}

// requireMarker holds whenever a volume is made or deleted: something in the
// cluster tells that it exists.
func (w *world) requireMarker() {
	require.True(w.t, w.stage() != nil || w.volume() != nil, "nothing tells of the volume")
}

func get[T client.Object](w *world, key types.NamespacedName, object T) T {
	err := w.api.Get(w.t.Context(), key, object)
	if apierrors.IsNotFound(err) {
		var none T
		return none
	}
	require.NoError(w.t, err)
	return object
}

func (w *world) stage() *corev1.PersistentVolumeClaim {
	return get(w, types.NamespacedName{Namespace: system, Name: "stage-uid-of-data"}, &corev1.PersistentVolumeClaim{})
}

func (w *world) volume() *corev1.PersistentVolume {
	return get(w, types.NamespacedName{Name: "stage-uid-of-data"}, &corev1.PersistentVolume{})
}

func (w *world) job() *batchv1.Job {
	var jobs batchv1.JobList
	require.NoError(w.t, w.api.List(w.t.Context(), &jobs))
	if len(jobs.Items) == 0 {
		return nil
	}
	return &jobs.Items[0]
}

// bind does what the volume binder does.
func (w *world) bind() {
	if claim, volume := w.stage(), w.volume(); claim != nil && volume != nil {
		claim.Status.Phase = corev1.ClaimBound
		require.NoError(w.t, w.api.Status().Update(w.t.Context(), claim))
	}
}

func (w *world) fill(attempt int32) driver.FillState {
	w.t.Helper()
	state, err := w.filler.Fill(w.t.Context(), drivertest.Request("data", attempt))
	require.NoError(w.t, err)
	return state
}

// copying fills until the Job is there.
func (w *world) copying(attempt int32) {
	w.t.Helper()
	for range 20 {
		w.fill(attempt)
		if w.job() != nil {
			return
		}
		w.bind()
	}
	require.Fail(w.t, "the copy never began")
}

func (w *world) release() {
	w.t.Helper()
	for range 20 {
		gone, err := w.filler.Release(w.t.Context(), "uid-of-data")
		require.NoError(w.t, err)
		if gone {
			return
		}
	}
	require.Fail(w.t, "never released")
}

func TestABackupIsRestoredAsideAndCopied(t *testing.T) {
	w := newWorld(t)
	assert.Contains(t, w.fill(1).Message, "12 %", "the backup system's own words")
	w.copying(1)

	volume := w.volume()
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, volume.Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, w.stage().UID, volume.Spec.ClaimRef.UID)
	assert.Equal(t, v1alpha1.RoleStage, volume.Labels[v1alpha1.RoleLabel])
	pod := w.job().Spec.Template.Spec
	assert.Equal(t, []string{"mover", "copy", "--source", "/source", "--target", "/restore", "--mark", "uid-of-prime-data"}, pod.Containers[0].Args)
	mounted := map[string]bool{}
	for _, v := range pod.Volumes {
		if v.PersistentVolumeClaim != nil {
			mounted[v.PersistentVolumeClaim.ClaimName] = v.PersistentVolumeClaim.ReadOnly
		}
	}
	assert.Equal(t, map[string]bool{"prime-data": false, "stage-uid-of-data": true}, mounted, "what is copied from is mounted read-only")

	w.release()
	assert.Nil(t, w.job())
	assert.Nil(t, w.stage())
	assert.Nil(t, w.volume())
	assert.Empty(t, w.made)
	assert.Equal(t, 1, w.making)
}

func TestWhatIsMadeGoesAgainFromEveryState(t *testing.T) {
	for steps := range 8 {
		t.Run(fmt.Sprintf("after %d steps", steps), func(t *testing.T) {
			w := newWorld(t)
			for range steps {
				w.fill(1)
				w.bind()
			}
			w.release()
			assert.Nil(t, w.stage())
			assert.Nil(t, w.volume())
			assert.Empty(t, w.made)
		})
	}
}

func TestAnAttemptRestoresTheVolumeAnew(t *testing.T) {
	w := newWorld(t)
	w.copying(1)
	require.NoError(t, w.api.Delete(t.Context(), w.job()))
	w.copying(2)
	assert.Equal(t, 2, w.making)
	assert.Len(t, w.made, 1, "that of the first attempt is gone")
	_, err := w.filler.Fill(t.Context(), drivertest.Request("data", 1))
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "an attempt that is past does not come back")
}

func TestAVolumeThatCannotBeRestoredFailsTheAttempt(t *testing.T) {
	w := newWorld(t)
	w.fails = true
	w.fill(1)
	state := w.fill(1)
	assert.Equal(t, driver.FillFailed, state.Phase)
	assert.Equal(t, "all replicas failed", state.Message)
}

func TestTheMarkStaysUntilTheVolumeIsGone(t *testing.T) {
	w := newWorld(t)
	w.copying(1)
	w.lingers = true
	for range 10 {
		gone, err := w.filler.Release(t.Context(), "uid-of-data")
		require.NoError(t, err)
		require.False(t, gone)
	}
	assert.NotNil(t, w.volume())
	w.lingers = false
	w.release()
}

func TestObjectsOfTheStagesNameThatAreSomebodyElsesAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	theirs := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "stage-uid-of-data"}}
	require.NoError(t, w.api.Create(t.Context(), theirs))
	w.fill(1)
	w.release()
	assert.NotNil(t, w.stage())
	assert.Zero(t, w.making)
}
