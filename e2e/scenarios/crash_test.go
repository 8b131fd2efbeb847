//go:build e2e

package scenarios_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/restore"
)

const crashes = "e2e-crash"

func TestACrashLosesNothingAndLeavesNothing(t *testing.T) {
	s := begin(t, 20*time.Minute, crashes)
	stored, err := cluster.StoredVolumes()
	require.NoError(s, err)
	source := harness.App{Namespace: crashes, Name: "source", Size: "64Mi", Labels: harness.Unprotected}
	s.seed(source, "crash-proof")

	dying := doomed{source: source, points: restore.KillPoints()}
	s.together(map[string]func(*scenario){
		"the controller is killed at every point":   func(s *scenario) { s.crash(&dying) },
		"the pod that moves the data is killed too": func(s *scenario) { s.killMover(moverKilled) },
	})
	for _, point := range dying.points {
		s.run("there is one volume and nothing else after a crash at "+point, func(s *scenario) {
			survivor := dying.survivor(point)
			s.requireWhole(survivor, dying.uids[survivor.Name])
		})
		s.run("there is nothing of a claim deleted after a crash at "+point, func(s *scenario) {
			s.awaitNothingOf(dying.uids[dying.victim(point).Name], "")
		})
	}
	survivors := dying.survivors()
	survivors.classes[moverKilled.Name] = "local"
	s.take(survivors)
	for name, story := range s.stories(survivors) {
		require.Equal(s, "crash-proof", story, name)
	}
	s.destroy(crashes)
	s.await("the storage of all volumes to be gone", func(context.Context) (bool, string, error) {
		now, err := cluster.StoredVolumes()
		leaked := slices.DeleteFunc(now, func(handle string) bool { return slices.Contains(stored, handle) })
		return len(leaked) == 0, fmt.Sprintf("%d that no claim has: %s", len(leaked), strings.Join(leaked, ", ")), err
	})
}

// moverKilled is an app whose restore loses its pod.
var moverKilled = harness.App{
	Namespace: crashes, Name: "mover-killed", Size: "64Mi", ClaimOnly: true,
	Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: crashes + "/source"},
}

// doomed are claims whose restores kill the controller: two for each point, one
// that survives it and one that is deleted while the controller is dead.
type doomed struct {
	// source is the app whose backup they get, of whose namespace and class they
	// are.
	source harness.App
	points []string
	// uids are the claims', by name, once they are applied.
	uids map[string]types.UID
}

func (d *doomed) survivor(point string) harness.App { return d.claim("survivor", point) }

func (d *doomed) victim(point string) harness.App { return d.claim("victim", point) }

func (d *doomed) claim(fate, point string) harness.App {
	return harness.App{
		Namespace: d.source.Namespace, Name: fate + "-" + point, Class: d.source.Class, Size: "64Mi", ClaimOnly: true,
		Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: d.source.Key().String(), restore.KillAtAnnotation: point},
	}
}

// survivors are the claims that survive, as a fleet.
func (d *doomed) survivors() fleet {
	f := fleet{namespace: d.source.Namespace, classes: map[string]string{}}
	for _, point := range d.points {
		f.classes[d.survivor(point).Name] = cmp.Or(d.source.Class, "local")
	}
	return f
}

// crash applies all the claims at once. Each kills the controller once, when its
// restore is at its point, whatever the others are at; each time, the victims
// among those that were at theirs are deleted before another replica takes over.
func (s *scenario) crash(d *doomed) {
	s.Helper()
	var manifests []string
	alive := map[string]harness.App{}
	for _, point := range d.points {
		for _, app := range []harness.App{d.survivor(point), d.victim(point)} {
			alive[app.Name] = app
			manifests = append(manifests, app.Workload())
		}
	}
	s.apply(strings.Join(manifests, "---\n"))
	d.uids = map[string]types.UID{}
	for name, app := range alive {
		d.uids[name] = s.claim(app).UID
	}
	for crashed := 1; len(alive) > 0; crashed++ {
		pod, err := cluster.AwaitKilled(s.ctx)
		require.NoError(s, err)
		died := s.takeKilled(alive)
		s.Logf("crash %d: %s", crashed, strings.Join(died, ", "))
		require.NotEmpty(s, died, "the controller was at a point")
		for _, name := range died {
			if strings.HasPrefix(name, "victim-") {
				s.deleteClaim(harness.App{Namespace: d.source.Namespace, Name: name})
			}
		}
		require.NoError(s, cluster.Replace(s.ctx, pod))
	}
}

// takeKilled takes those apps out of alive whose restores were at their points,
// and names them.
func (s *scenario) takeKilled(alive map[string]harness.App) (died []string) {
	s.Helper()
	for name, app := range alive {
		if _, waits := s.claim(app).Annotations[restore.KillAtAnnotation]; !waits {
			delete(alive, name)
			died = append(died, name)
		}
	}
	return died
}

func (s *scenario) deleteClaim(app harness.App) {
	s.Helper()
	_, err := cluster.Kubectl(s.ctx, "", "delete", "--wait=false", "-n", app.Namespace, "pvc/"+app.Name)
	require.NoError(s, err)
}

// killMover deletes the pod that moves the data to the app's volume, and
// requires that another one does it.
func (s *scenario) killMover(app harness.App) {
	s.Helper()
	s.awaitAccepted(app)
	claim := s.claim(app)
	s.await("the mover's pod", func(ctx context.Context) (bool, string, error) {
		var pods corev1.PodList
		err := cluster.List(ctx, &pods, client.InNamespace(harness.SoteriaNamespace), client.MatchingLabels{v1alpha1.ClaimUIDLabel: string(claim.UID)})
		if err != nil || len(pods.Items) == 0 || pods.Items[0].Spec.NodeName == "" {
			return false, fmt.Sprintf("%d pods", len(pods.Items)), err
		}
		return true, "", cluster.Delete(ctx, &pods.Items[0], client.GracePeriodSeconds(0))
	})
	s.requireWhole(app, claim.UID)
	done, err := cluster.RestoreOf(s.ctx, app)
	require.NoError(s, err)
	require.Greater(s, done.Status.Attempt, int32(1), "the first attempt failed")
}

// requireWhole requires that the claim gets Bound, to one volume, and that
// nothing else of the restore is left but its record.
func (s *scenario) requireWhole(app harness.App, uid types.UID) {
	s.Helper()
	s.awaitBound(app)
	s.awaitCompleted(app)
	claim := s.claim(app)
	require.Equal(s, uid, claim.UID)
	record, err := cluster.RestoreOf(s.ctx, app)
	require.NoError(s, err)
	s.awaitNothingOf(uid, claim.Spec.VolumeName, record.Name)

	volumes, err := cluster.VolumesOf(s.ctx, app.Namespace)
	require.NoError(s, err)
	volumes = slices.DeleteFunc(volumes, func(v corev1.PersistentVolume) bool { return v.Spec.ClaimRef.UID != uid })
	require.Len(s, volumes, 1)
	require.Equal(s, claim.Spec.VolumeName, volumes[0].Name)
	require.Equal(s, corev1.PersistentVolumeReclaimDelete, volumes[0].Spec.PersistentVolumeReclaimPolicy, "the volume will go with its claim")
}

// awaitNothingOf waits until nothing of Soteria's serves the claim any more but
// the objects of these names.
func (s *scenario) awaitNothingOf(claim types.UID, but ...string) {
	s.Helper()
	s.await("nothing to be left of the restore", func(ctx context.Context) (bool, string, error) {
		var left []string
		for _, kind := range []schema.GroupVersionKind{
			corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), corev1.SchemeGroupVersion.WithKind("PersistentVolume"),
			corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithKind("Secret"),
			batchv1.SchemeGroupVersion.WithKind("Job"), v1alpha1.GroupVersion.WithKind("Restore"),
		} {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(kind)
			if err := cluster.List(ctx, list, client.MatchingLabels{v1alpha1.ClaimUIDLabel: string(claim)}); err != nil {
				return false, "", err
			}
			for _, object := range list.Items {
				if !slices.Contains(but, object.Name) {
					left = append(left, kind.Kind+" "+object.Name)
				}
			}
		}
		return len(left) == 0, strings.Join(left, ", "), nil
	})
}
