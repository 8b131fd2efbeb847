//go:build e2e

package scenarios_test

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// protectedClaims are what the guards are tried on; no policy asks about them.
var protectedClaims = gate{name: "guard", labels: harness.Protected}

func guardHolds(s *scenario) {
	const namespace, labelled = "e2e-guard", "e2e-guard-labelled"
	s.own(namespace, labelled)
	s.apply(namespaceManifest(labelled, "auto"))
	s.run("in the API server", func(s *scenario) {
		s.guarded("policies/kyverno/guard/plain/guard.yaml", "ValidatingAdmissionPolicy 'soteria-guard'", namespace, labelled)
	})
	s.run("in Kyverno", func(s *scenario) {
		s.guarded("policies/kyverno/guard/guard.yaml", "vpol.validate.kyverno.svc", namespace, labelled)
	})
}

// guarded shows that a guard has a claim refused that no webhook of Soteria's saw,
// and lets those through that one did. by is how a refusal names the guard.
func (s *scenario) guarded(file, by, namespace, labelled string) {
	guard, err := cluster.File(file)
	require.NoError(s, err)
	s.withoutWebhook()
	s.installText(guard, claimOf(protectedClaims, namespace, "unseen"), by)
	// The guard is seen to be gone only where no webhook has it let the claim through.
	s.after(cluster.RemoveWebhook)

	unprotected := gate{labels: harness.Unprotected}
	s.run("without Soteria's webhook a protected claim is refused", func(s *scenario) {
		for _, unseen := range []*corev1.PersistentVolumeClaim{
			claimOf(protectedClaims, namespace, "unseen"),
			claimOf(gate{labels: map[string]string{v1alpha1.BackupLabel: "daily"}}, namespace, "unseen-daily"),
			claimOf(unprotected, labelled, "unseen-by-namespace"),
		} {
			require.ErrorContains(s, s.try(unseen), by)
		}
	})
	s.run("and so is one with a stamp of an earlier life", func(s *scenario) {
		claim := claimOf(protectedClaims, namespace, "copied")
		claim.Annotations = map[string]string{
			v1alpha1.VerdictAnnotation:  "Fresh (NoBackupExists)",
			v1alpha1.JudgedAtAnnotation: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		}
		require.ErrorContains(s, s.try(claim), "soteria: this claim is protected")
	})
	s.run("but no other claim, nor one that says why it may start empty", func(s *scenario) {
		require.NoError(s, s.try(claimOf(unprotected, namespace, "unprotected")))
		skipped := claimOf(gate{labels: map[string]string{v1alpha1.RestoreLabel: "skip"}}, namespace, "skipped")
		skipped.Annotations = map[string]string{v1alpha1.SkipReasonAnnotation: "scratch space"}
		require.NoError(s, s.try(skipped))
	})
	s.run("with Soteria's webhook it is created", func(s *scenario) {
		require.NoError(s, cluster.RestoreWebhook(s.ctx))
		claim := claimOf(protectedClaims, namespace, "seen")
		s.await("a verdict", func(context.Context) (bool, string, error) { return true, "", s.try(claim.DeepCopy()) })
		unnamed := claimOf(protectedClaims, namespace, "")
		unnamed.GenerateName = "seen-"
		require.NoError(s, s.try(unnamed))
	})
}

func hygieneHolds(s *scenario) {
	const namespace, labelled = "e2e-hygiene", "e2e-hygiene-labelled"
	s.own(namespace, labelled)
	s.apply(namespaceManifest(labelled, "auto"))
	unprotected := claimOf(gate{labels: harness.Unprotected}, namespace, "unprotected")

	s.run("it warns of a label without effect", func(s *scenario) {
		s.kustomized("policies/kyverno/hygiene")
		app := harness.App{Namespace: metav1.NamespaceSystem, Name: "in-vain", Size: "1Mi", ClaimOnly: true}
		s.await("the warning", func(ctx context.Context) (bool, string, error) {
			warnings, err := cluster.Submit(ctx, app.Workload(), "apply", "--dry-run=server")
			return warnings != "" && err == nil, warnings, err
		})
		require.NoError(s, s.try(unprotected.DeepCopy()), "nothing is refused")
	})
	s.run("enforced, it refuses", func(s *scenario) {
		s.kustomized("policies/kyverno/hygiene-enforce")
		s.await("a claim that nothing protects to be refused", func(context.Context) (bool, string, error) {
			return s.try(unprotected.DeepCopy()) != nil, "it is let through", nil
		})
		s.await("a label without effect to be refused", func(context.Context) (bool, string, error) {
			return s.try(claimOf(protectedClaims, metav1.NamespaceSystem, "in-vain")) != nil, "it is let through", nil
		})
		s.await("a namespace to keep its label", func(ctx context.Context) (bool, string, error) {
			_, err := cluster.Kubectl(ctx, "", "label", "--dry-run=server", "namespace", labelled, v1alpha1.RestoreLabel+"-")
			return err != nil, "the label can be taken away", nil
		})
		_, err := cluster.Kubectl(s.ctx, "", "label", "--dry-run=server", "--overwrite", "namespace", labelled, v1alpha1.RestoreLabel+"=required")
		require.NoError(s, err)
		require.NoError(s, s.try(claimOf(gate{labels: harness.Unprotected}, labelled, "by-namespace")))
	})
}

// kustomized applies a folder until the scenario's part is over.
func (s *scenario) kustomized(folder string) {
	s.Helper()
	s.after(func(ctx context.Context) error {
		_, err := cluster.Kubectl(ctx, "", "delete", "--ignore-not-found", "-k", folder)
		return err
	})
	s.await(folder+" to be accepted", func(ctx context.Context) (bool, string, error) {
		_, err := cluster.Kubectl(ctx, "", "apply", "-k", folder)
		return true, "", err
	})
}
