//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
)

const (
	inprocess        = "e2e-inprocess"
	inprocessDefault = "e2e-inprocess-default"
	// refusing is how a refusal of the policies begins.
	refusing = "denied request: soteria: "
)

func TestInsideTheAPIServerProtectedClaimsWaitWithoutAnyReplica(t *testing.T) {
	s := begin(t, 12*time.Minute, inprocess, inprocessDefault)
	backedUp := harness.App{Namespace: inprocess, Name: "backed-up", Size: "64Mi"}
	late := harness.App{Namespace: inprocessDefault, Name: "late", Size: "64Mi", Class: "local-wffc", Labels: harness.Unprotected}
	s.seed(backedUp, "backed up")
	s.seed(late, "backed up late")
	s.lose(backedUp)
	s.lose(late)
	s.apply(namespaceManifest(inprocessDefault, "auto")) // now, since an app's manifest has a namespace without the label

	s.gateInsideTheAPIServer()
	s.after(func(ctx context.Context) error { return cluster.ScaleSoteria(ctx, 2) })
	require.NoError(s, cluster.ScaleSoteria(s.ctx, 0))

	first := harness.App{Namespace: inprocess, Name: "first", Size: "64Mi"}
	missing := harness.App{Namespace: inprocess, Name: "missing", Size: "64Mi", Labels: label("required")}
	s.run("no protected claim is refused, and none is started", func(s *scenario) {
		for _, app := range []harness.App{backedUp, late, first, missing} {
			s.apply(app.Workload())
		}
		s.run("others start", requireOthersStart)
		for _, app := range []harness.App{backedUp, late, first, missing} {
			s.requireWaiting(app)
			require.Equal(s, kube.NamedLock(app.Namespace, app.Name), s.claim(app).Spec.VolumeName)
			require.Empty(s, s.claim(app).Annotations[v1alpha1.VerdictAnnotation], "nobody has judged it")
			s.apply(app.Workload())
		}
	})
	s.run("what nobody can do right by is refused", requireRefusedInside)

	require.NoError(s, cluster.ScaleSoteria(s.ctx, 2))
	s.run("with Soteria back, they are restored, started or held", func(s *scenario) {
		for _, want := range []struct {
			app            harness.App
			story, verdict string
		}{
			{backedUp, "backed up", "Restore (BackupFound)"},
			{late, "backed up late", "Restore (BackupFound)"},
			{first, "", "Fresh (NoBackupExists)"},
		} {
			s.awaitRunning(want.app)
			s.awaitCompleted(want.app)
			require.Equal(s, want.story, s.story(want.app), want.app.Name)
			require.Equal(s, want.verdict, s.claim(want.app).Annotations[v1alpha1.VerdictAnnotation], want.app.Name)
		}
		s.awaitEvent(missing, "no backup found of "+inprocess+"/missing")
		s.requireWaiting(missing)
		require.Equal(s, "Hold (RequiredBackupMissing)", s.claim(missing).Annotations[v1alpha1.VerdictAnnotation])
	})
	s.run("a claim that is made again is restored beside its earlier volume, which is kept", func(s *scenario) { requireEarlierLifeKept(s, backedUp) })
}

// gateInsideTheAPIServer has the policies take the place of Soteria's webhook,
// until the end of the scenario.
func (s *scenario) gateInsideTheAPIServer() {
	s.Helper()
	const policies = "policies/inprocess"
	// Once the policies are gone: a claim that they lock never meets the webhook.
	s.after(cluster.RestoreWebhook)
	s.after(func(ctx context.Context) error {
		_, err := cluster.Kubectl(ctx, "", "delete", "--ignore-not-found", "-k", policies)
		return err
	})
	_, err := cluster.Kubectl(s.ctx, "", "apply", "-k", policies)
	require.NoError(s, err)
	s.await("the API server to lock claims", func(ctx context.Context) (bool, string, error) {
		probe := aProbe("auto")
		err := cluster.Create(ctx, probe, client.DryRunAll)
		return probe.Spec.VolumeName == kube.NamedLock(inprocess, probe.Name), "volume name " + probe.Spec.VolumeName, err
	})
	s.await("the API server to refuse claims", func(ctx context.Context) (bool, string, error) {
		err := cluster.Create(ctx, aProbe("skip"), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), refusing), fmt.Sprint(err), nil
	})

	require.NoError(s, cluster.RemoveWebhook(s.ctx))
}

// aProbe is a claim to ask the API server about.
func aProbe(restore string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: inprocess, Name: "probe", Labels: label(restore)},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}
}

// lose deletes an app with its claim.
func (s *scenario) lose(app harness.App) {
	s.Helper()
	_, err := cluster.Kubectl(s.ctx, "", "delete", "-n", app.Namespace, "deploy/"+app.Name, "pvc/"+app.Name)
	require.NoError(s, err)
}

func requireOthersStart(s *scenario) {
	s.start(harness.App{Namespace: inprocess, Name: "ordinary", Size: "64Mi", Labels: harness.Unprotected})
	skipped := harness.App{
		Namespace: inprocess, Name: "skipped", Size: "64Mi", Labels: label("skip"),
		Annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"},
	}
	s.start(skipped)
	require.Equal(s, "Fresh (Skipped)", s.claim(skipped).Annotations[v1alpha1.VerdictAnnotation])

	generated := harness.App{Namespace: inprocess, Name: "generated-", Size: "64Mi", ClaimOnly: true}
	_, err := cluster.Submit(s.ctx, generated.Workload(), "create")
	require.NoError(s, err)
	s.await("the claim with a generated name to be Bound", func(ctx context.Context) (bool, string, error) {
		var claims corev1.PersistentVolumeClaimList
		if err := cluster.List(ctx, &claims, client.InNamespace(inprocess)); err != nil {
			return false, "", err
		}
		for _, claim := range claims.Items {
			if claim.GenerateName == generated.Name {
				verdict := claim.Annotations[v1alpha1.VerdictAnnotation]
				return claim.Status.Phase == corev1.ClaimBound && verdict == "Fresh (GeneratedName)", string(claim.Status.Phase) + ", " + verdict, nil
			}
		}
		return false, "it is not there", nil
	})
}

func requireRefusedInside(s *scenario) {
	for says, app := range map[string]harness.App{
		"needs a reason: add the annotation soteria.dev/skip-reason": {Name: "no-reason", Labels: label("skip")},
		"it must be auto, required or skip":                          {Name: "mistyped", Labels: label("requierd")},
		"give it a name (metadata.name)":                             {Name: "unnamed-", Annotations: from(inprocess + "/backed-up")},
	} {
		app.Namespace, app.ClaimOnly = inprocess, true
		_, err := cluster.Submit(s.ctx, app.Workload(), "create")
		require.ErrorContains(s, err, refusing)
		require.ErrorContains(s, err, says)
	}
}

// requireEarlierLifeKept makes an app's claim again while the volume that it had
// is retained under the name that its lock needs.
func requireEarlierLifeKept(s *scenario, app harness.App) {
	lock := s.claim(app).Spec.VolumeName
	s.write(app, "written since the backup")
	earlier := s.claim(app).UID
	s.patchVolume(lock, `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
	s.lose(app)
	s.apply(app.Workload())
	s.awaitRunning(app)
	s.awaitCompleted(app)
	require.Equal(s, lock, s.claim(app).Spec.VolumeName)
	require.Equal(s, "backed up", s.story(app))

	var kept corev1.PersistentVolumeList
	require.NoError(s, cluster.List(s.ctx, &kept, client.MatchingLabels{
		v1alpha1.RoleLabel: v1alpha1.RoleRetained, v1alpha1.ClaimUIDLabel: string(earlier),
	}))
	require.Len(s, kept.Items, 1)
	volume := kept.Items[0]
	s.after(func(ctx context.Context) error {
		return client.IgnoreNotFound(patchVolume(ctx, volume.Name, `{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`))
	})
	require.Equal(s, earlier, volume.Spec.ClaimRef.UID)
	s.awaitVolumePhase(volume.Name, corev1.VolumeReleased)
	s.awaitEvent(app, "is kept, as volume "+volume.Name)

	s.patchVolume(volume.Name, `{"spec":{"claimRef":null}}`)
	s.awaitVolumePhase(volume.Name, corev1.VolumeAvailable)
	reader := harness.App{
		Namespace: inprocess, Name: "reader", Size: "64Mi", Labels: harness.Unprotected, Spec: []string{"volumeName: " + volume.Name},
	}
	s.start(reader)
	require.Equal(s, "written since the backup", s.story(reader), "the earlier data is there")
}
