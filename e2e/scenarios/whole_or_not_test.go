//go:build e2e

package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestSnapshotsThatOthersMadeComeBackWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const namespace = "e2e-others"
	s := begin(t, 12*time.Minute, namespace)
	backUp := func(claim string, files map[string]string, paths ...string) {
		args := append([]string{"backup", "--host", "elsewhere", "--tag", "namespace=" + namespace, "--tag", "pvc=" + claim}, paths...)
		_, err := cluster.ResticOn(s.ctx, files, "restic-"+claim, repository, args...)
		require.NoError(s, err)
		require.NoError(s, cluster.AwaitRestorable(s.ctx, namespace, claim))
	}
	app := func(name string) harness.App { return harness.App{Namespace: namespace, Name: name, Size: "64Mi"} }

	s.run("a dot, with an inner folder of the volume's name", func(s *scenario) {
		backUp("dot", map[string]string{"story": "outer", "data/story": "inner"}, ".")
		s.apply(app("dot").Manifest())
		s.awaitRunning(app("dot"))
		require.Equal(s, "outerinner", s.shell(app("dot"), "cat /data/story /data/data/story"))
	})
	s.run("a dot, of a volume with one folder of that name alone, until a person settles it", func(s *scenario) {
		backUp("doubt", map[string]string{"data/story": "inner"}, ".")
		s.apply(app("doubt").Manifest())
		s.awaitEvent(app("doubt"), v1alpha1.RestoreRootAnnotation)
		s.requireWaiting(app("doubt"))
		_, err := cluster.Kubectl(s.ctx, "", "annotate", "-n", namespace, "pvc/doubt", v1alpha1.RestoreRootAnnotation+"=top")
		require.NoError(s, err)
		s.awaitRunning(app("doubt"))
		require.Equal(s, "inner", s.shell(app("doubt"), "cat /data/data/story"))
	})
	s.run("two paths are not pinned", func(s *scenario) {
		backUp("two", map[string]string{"a": "1", "b": "2"}, "/data/a", "/data/b")
		s.apply(app("two").Manifest())
		s.awaitEvent(app("two"), "cannot be restored: it is of 2 paths")
		s.requireWaiting(app("two"))
	})
}

func TestANewVolumeThatIsNotEmptyIsNeitherEmptiedNorDeleted(t *testing.T) {
	t.Parallel()
	const namespace, class = "e2e-occupied", "e2e-occupied"
	s := begin(t, 12*time.Minute, namespace)
	s.apply(`apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ` + class + `}
provisioner: local.csi.soteria.dev
reclaimPolicy: Delete
volumeBindingMode: Immediate
parameters: {holds: photos}
`)
	s.after(func(ctx context.Context) error {
		_, err := cluster.Kubectl(ctx, "", "delete", "storageclass", class)
		return err
	})
	restored := harness.App{Namespace: namespace, Name: "restored", Size: "64Mi"}
	s.seed(restored, "a story")
	s.destroy(namespace)
	restored.Class = class
	s.apply(restored.Manifest())
	s.awaitEvent(restored, "it holds photos")
	s.requireWaiting(restored)
	volumes := s.occupied(class)
	require.Len(s, volumes, 1)
	s.destroy(namespace)
	for _, volume := range volumes {
		s.keptWithItsData(volume)
	}
}

// occupied are the volumes that Soteria found to hold data.
func (s *scenario) occupied(class string) (found []corev1.PersistentVolume) {
	s.Helper()
	var list corev1.PersistentVolumeList
	require.NoError(s, cluster.List(s.ctx, &list))
	for _, volume := range list.Items {
		if volume.Annotations[v1alpha1.ForeignDataAnnotation] != "" && volume.Spec.CSI != nil && volume.Spec.ClaimRef.Namespace == harness.SoteriaNamespace {
			s.Logf("volume %s of %s holds data from before", volume.Name, class)
			found = append(found, volume)
		}
	}
	return found
}

// keptWithItsData requires that a volume and what it held are there, and then clears
// both away, as a person does.
func (s *scenario) keptWithItsData(volume corev1.PersistentVolume) {
	s.Helper()
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKeyFromObject(&volume), &volume))
	require.Equal(s, corev1.PersistentVolumeReclaimRetain, volume.Spec.PersistentVolumeReclaimPolicy)
	stored, err := cluster.StoredVolumes()
	require.NoError(s, err)
	require.Contains(s, stored, volume.Spec.CSI.VolumeHandle)
	s.patchVolume(volume.Name, `{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`)
	s.await("the volume to go", func(ctx context.Context) (bool, string, error) {
		err := cluster.Get(ctx, client.ObjectKeyFromObject(&volume), &volume)
		return err != nil, string(volume.Status.Phase), client.IgnoreNotFound(err)
	})
}

func TestAClaimSmallerThanItsBackupSaysSoInSizes(t *testing.T) {
	t.Parallel()
	const namespace = "e2e-small"
	s := begin(t, 10*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "shrunk", Size: "200Mi"}
	s.seed(app, "a story")
	s.destroy(namespace)
	app.Size = "64Mi"
	s.apply(app.Manifest())
	s.awaitEvent(app, "the claim asks for 64Mi; the backup ")
	s.awaitEvent(app, "was taken of a volume of 200Mi")
	s.awaitRunning(app)
	require.Equal(s, "a story", s.story(app), "a story fits")
}
