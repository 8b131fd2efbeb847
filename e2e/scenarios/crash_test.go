//go:build e2e

package scenarios_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	for doom, app := range dying.claims {
		if doom.deleted {
			s.run("there is nothing of a claim deleted after a crash at "+doom.point, func(s *scenario) { s.awaitNothingOf(dying.uids[doom], "") })
			continue
		}
		s.run("there is one volume and nothing else after a crash at "+doom.point, func(s *scenario) { s.requireWhole(app, dying.uids[doom]) })
	}
	require.NoError(s, cluster.AwaitRollout(s.ctx, harness.SoteriaNamespace, "soteria"))
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
	// claims are those that killed the controller, once they did.
	claims map[doom]harness.App
	uids   map[doom]types.UID
}

// doom is what becomes of a claim, and where.
type doom struct {
	deleted bool
	point   string
}

func (d doom) String() string {
	if d.deleted {
		return "victim-" + d.point
	}
	return "survivor-" + d.point
}

// survivors are the claims that survive, as a fleet.
func (d *doomed) survivors() fleet {
	f := fleet{namespace: d.source.Namespace, classes: map[string]string{}}
	for doom, app := range d.claims {
		if !doom.deleted {
			f.classes[app.Name] = cmp.Or(d.source.Class, "local")
		}
	}
	return f
}

// crash kills the controller at every point, once for a claim that survives and
// once for one that is deleted before another replica takes over. All claims are
// applied at once, so that the others may be at any point. One that got past its
// point while another one killed the controller makes room for a new one. At the
// very last point that cannot be told from one that is about to kill it, so that
// these claims come one by one.
func (s *scenario) crash(d *doomed) {
	s.Helper()
	d.claims, d.uids = map[doom]harness.App{}, map[doom]types.UID{}
	var left, last []doom
	for _, point := range d.points {
		both := []doom{{point: point}, {point: point, deleted: true}}
		if point == restore.KillCompleted {
			last = both
			continue
		}
		left = append(left, both...)
	}
	for round := 1; len(left) > 0; round++ {
		left = s.crashRound(d, round, left)
	}
	for i := range last {
		require.Empty(s, s.crashRound(d, 1, last[i:i+1]))
	}
}

// crashRound gives those that did not kill the controller.
func (s *scenario) crashRound(d *doomed, round int, dooms []doom) (left []doom) {
	s.Helper()
	alive := map[doom]harness.App{}
	for _, doom := range dooms {
		app := harness.App{
			Namespace: d.source.Namespace, Name: fmt.Sprintf("%s-%d", doom, round), Class: d.source.Class, Size: "64Mi", ClaimOnly: true,
			Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: d.source.Key().String(), restore.KillAtAnnotation: doom.point},
		}
		s.createOnce(app)
		alive[doom], d.uids[doom] = app, s.claim(app).UID
	}
	for len(alive) > 0 {
		pod := s.awaitCrash(alive)
		if pod == "" {
			return slices.Collect(maps.Keys(alive))
		}
		died := s.takeDead(alive, d)
		s.Logf("round %d: %v", round, died)
		require.NotEmpty(s, died, "the controller was at a point")
		for _, doom := range died {
			if doom.deleted {
				s.deleteClaim(d.claims[doom])
			}
		}
		require.NoError(s, cluster.Replace(s.ctx, pod))
	}
	return nil
}

// createOnce makes the claim, however often admission is away. To apply it again
// would have it kill the controller again.
func (s *scenario) createOnce(app harness.App) {
	s.Helper()
	s.await("admission to accept "+app.Key().String(), func(ctx context.Context) (bool, string, error) {
		_, err := cluster.Kubectl(ctx, app.Workload(), "create", "-f", "-")
		if err != nil && strings.Contains(err.Error(), "AlreadyExists") {
			return true, "", nil
		}
		return err == nil, "", err
	})
}

// awaitCrash waits until a replica was killed, and gives its pod; or "", once all
// the claims have been restored.
func (s *scenario) awaitCrash(claims map[doom]harness.App) (pod string) {
	s.Helper()
	s.await("a replica to be killed", func(ctx context.Context) (_ bool, _ string, err error) {
		if pod, err = cluster.Killed(ctx); err != nil || pod != "" {
			return err == nil, "", err
		}
		for doom, app := range claims {
			record, err := cluster.RestoreOf(ctx, app)
			if err != nil || record.Status.Phase != v1alpha1.PhaseCompleted || doom.point == restore.KillCompleted {
				return false, "none was; " + doom.String() + " is on its way", err
			}
		}
		return true, "", nil
	})
	return pod
}

// takeDead takes those out of alive that have killed the controller.
func (s *scenario) takeDead(alive map[doom]harness.App, d *doomed) (died []doom) {
	s.Helper()
	for doom, app := range alive {
		if _, waits := s.claim(app).Annotations[restore.KillAtAnnotation]; !waits {
			delete(alive, doom)
			d.claims[doom] = app
			died = append(died, doom)
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
