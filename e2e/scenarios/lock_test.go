//go:build e2e

package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestALockedClaimTakesNoVolumeThatLiesAround(t *testing.T) {
	t.Parallel()
	s := begin(t, 15*time.Minute, "e2e-lock-local", "e2e-lock-local-wffc")
	s.together(map[string]func(*scenario){
		"in a class that binds at once":                func(s *scenario) { lockHolds(s, "e2e-lock-local", "local", (*scenario).backUp) },
		"in a class that waits for the first consumer": func(s *scenario) { lockHolds(s, "e2e-lock-local-wffc", "local-wffc", (*scenario).backUp) },
	})
}

func lockHolds(s *scenario, namespace, like string, backUp func(*scenario, harness.App)) {
	const size = "64Mi"
	class := s.ownClass(namespace, like)
	restored := harness.App{Namespace: namespace, Name: "restored", Class: class, Size: size}
	s.start(restored)
	s.write(restored, "backed up")
	backUp(s, restored)
	s.destroy(namespace)

	held := harness.App{Namespace: namespace, Name: "held", Class: class, Size: size, Labels: map[string]string{v1alpha1.RestoreLabel: "required"}}
	s.apply(held.Manifest())
	s.awaitEvent(held, "no backup found of "+namespace+"/held")

	stray := layAround(s, harness.App{Namespace: namespace, Name: "former", Class: class, Size: size, Labels: harness.Unprotected}, "precious")
	s.start(restored)
	require.Equal(s, "backed up", s.story(restored), "a claim is restored beside a volume that lies around")

	control := harness.App{Namespace: namespace, Name: "control", Class: class, Size: size, Labels: harness.Unprotected}
	s.start(control)
	require.Equal(s, stray, s.claim(control).Spec.VolumeName, "a claim that is not protected takes the volume that lies around")
	require.Equal(s, "precious", s.story(control), "nobody wrote to it")
	s.requireWaiting(held)
}

// ownClass makes a storage class like another one, so that no claim of a scenario
// beside this one takes what lies around in it.
func (s *scenario) ownClass(name, like string) string {
	s.Helper()
	class := &storagev1.StorageClass{}
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKey{Name: like}, class))
	class.ObjectMeta = metav1.ObjectMeta{Name: name}
	require.NoError(s, client.IgnoreAlreadyExists(cluster.Create(s.ctx, class)))
	s.after(func(ctx context.Context) error { return client.IgnoreNotFound(cluster.Delete(ctx, class)) })
	return name
}

// layAround makes an Available volume that fits any claim of the app's class and
// size, with a story on it that somebody may miss, and gives its name.
func layAround(s *scenario, app harness.App, story string) string {
	s.Helper()
	s.start(app)
	s.write(app, story)
	volume := s.claim(app).Spec.VolumeName
	s.patchVolume(volume, `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
	s.after(func(ctx context.Context) error {
		return client.IgnoreNotFound(patchVolume(ctx, volume, `{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`))
	})
	_, err := cluster.Kubectl(s.ctx, "", "delete", "-n", app.Namespace, "deploy/"+app.Name, "pvc/"+app.Name)
	require.NoError(s, err)
	s.awaitVolumePhase(volume, corev1.VolumeReleased)
	s.patchVolume(volume, `{"spec":{"claimRef":null}}`)
	s.awaitVolumePhase(volume, corev1.VolumeAvailable)
	return volume
}

func (s *scenario) patchVolume(name, patch string) {
	s.Helper()
	require.NoError(s, patchVolume(s.ctx, name, patch))
}

func patchVolume(ctx context.Context, name, patch string) error {
	volume := &corev1.PersistentVolume{}
	volume.Name = name
	return cluster.Patch(ctx, volume, client.RawPatch(types.MergePatchType, []byte(patch)))
}

func (s *scenario) awaitVolumePhase(name string, phase corev1.PersistentVolumePhase) {
	s.Helper()
	s.await("volume "+name+" to be "+string(phase), func(ctx context.Context) (bool, string, error) {
		var volume corev1.PersistentVolume
		err := cluster.Get(ctx, client.ObjectKey{Name: name}, &volume)
		return volume.Status.Phase == phase, string(volume.Status.Phase), err
	})
}
