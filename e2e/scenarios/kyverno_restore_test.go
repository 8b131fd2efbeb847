//go:build e2e

package scenarios_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
)

// restoredByKyverno is the recovery where Soteria's own webhook is not installed.
func restoredByKyverno(s *scenario) {
	const namespace = "e2e-kyverno-restore"
	s.own(namespace)
	apps, trees := map[string]harness.App{}, map[string]string{}
	for _, g := range gates {
		if !g.locks {
			continue
		}
		app := harness.App{Namespace: namespace, Name: g.name, Class: "local-wffc"}
		s.start(app)
		apps[g.name], trees[g.name] = app, tree(s, app)
		s.backUp(app)
	}
	s.destroy(namespace)
	s.apply(namespaceManifest(namespace, ""))
	s.withoutWebhook()
	require.NoError(s, cluster.AwaitKnown(s.ctx))

	for _, g := range gates {
		app, seeded := apps[g.name]
		if !seeded {
			continue
		}
		s.run(g.name, func(s *scenario) {
			policy, err := cluster.File(g.file)
			require.NoError(s, err)
			mislabelled := claimOf(gate{labels: map[string]string{"soteria.dev/restore": "yes"}}, namespace, "mislabelled")
			s.installText(policy, mislabelled, "")
			s.await("claims with a backup to be locked", func(context.Context) (bool, string, error) {
				claim := claimOf(g, namespace, app.Name)
				err := s.try(claim)
				return claim.Spec.VolumeName != "", "it is let through", err
			})
			fresh := harness.App{Namespace: namespace, Name: g.name + "-new", Size: "64Mi", ClaimOnly: true}
			s.awaitAccepted(fresh)
			require.Empty(s, s.claim(fresh).Spec.DataSourceRef, "what has no backup is left alone")
			s.awaitAccepted(app)
			s.awaitRunning(app)
			require.Equal(s, trees[g.name], list(s, app), "every byte and attribute")
			s.awaitCompleted(app)
		})
	}
}

// kyvernoSignsIn is /exists that answers only those who sign in.
func kyvernoSignsIn(s *scenario) {
	const namespace = "e2e-kyverno-signin"
	s.own(namespace)
	s.withoutWebhook()
	token := rand.Text()
	s.configure(map[string]string{"SOTERIA_EXISTS_AUTH_REQUIRED": "true", "SOTERIA_AUTH_BEARER_TOKENS": "kyverno:" + token})
	claim := claimOf(gate{labels: harness.Protected}, namespace, "new")
	mislabelled := claimOf(gate{labels: map[string]string{"soteria.dev/restore": "yes"}}, namespace, "mislabelled")
	created := func(s *scenario) {
		s.await("the claim to be accepted", func(context.Context) (bool, string, error) { return true, "", s.try(claim.DeepCopy()) })
	}
	refused := func(s *scenario, says string) {
		s.await("the claim to be refused", func(context.Context) (bool, string, error) {
			err := s.try(claim.DeepCopy())
			return err != nil && strings.Contains(err.Error(), says), fmt.Sprint(err), nil
		})
	}

	s.run("without a token the claim is refused", func(s *scenario) {
		policy, err := cluster.File("policies/kyverno/cel/restore.yaml")
		require.NoError(s, err)
		s.installText(policy, mislabelled, "")
		refused(s, "answered with status 401")
	})
	s.run("with a token out of a Secret it is created", func(s *scenario) {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: harness.KyvernoNamespace, Name: "soteria-token"},
			StringData: map[string]string{"token": token},
		}
		require.NoError(s, cluster.Create(s.ctx, secret))
		s.after(func(ctx context.Context) error { return client.IgnoreNotFound(cluster.Delete(ctx, secret)) })
		policy, err := cluster.Kubectl(s.ctx, "", "kustomize", "policies/kyverno/cel-signed-in")
		require.NoError(s, err)
		s.installText(policy, mislabelled, "")
		created(s)
	})
	s.run("a ClusterPolicy's call is refused until Soteria may review tokens, and then let in", func(s *scenario) {
		policy, err := cluster.File("policies/kyverno/classic/restore.yaml")
		require.NoError(s, err)
		s.installText(policy, mislabelled, "")
		refused(s, "")
		const right = "deploy/components/kyverno-signin/tokenreviews.yaml"
		s.after(func(ctx context.Context) error {
			_, err := cluster.Kubectl(ctx, "", "delete", "--ignore-not-found", "-f", right)
			return err
		})
		_, err = cluster.Kubectl(s.ctx, "", "apply", "-f", right)
		require.NoError(s, err)
		created(s)
	})
}

// creations is how many claims the time of a creation is the median of.
const creations = 21

// creationsTimed prints figures and asserts none.
func creationsTimed(s *scenario) {
	const namespace = "e2e-kyverno-latency"
	s.own(namespace)
	s.timed("Soteria's webhook, no backup", gate{labels: harness.Protected}, namespace, "new")
	s.timed("no gate: the claim is not protected", gate{labels: harness.Unprotected}, namespace, "new")
	s.withoutWebhook()
	s.timed("Kyverno without policies", gate{labels: harness.Protected}, namespace, "new")
	stub := s.serveExists()
	for _, g := range gates {
		s.run(g.name, func(s *scenario) {
			s.install(g, stub.url, namespace)
			s.timed(g.name+", no backup", g, namespace, "false")
			s.timed(g.name+", a backup", g, namespace, "true")
			s.timed(g.name+", the claim is not protected", gate{labels: harness.Unprotected}, namespace, "other")
		})
	}
}

// timed prints the median time that the dry run of a creation takes.
func (s *scenario) timed(what string, g gate, namespace, name string) {
	s.Helper()
	var took []time.Duration
	for range creations {
		claim := claimOf(g, namespace, name)
		began := time.Now()
		require.NoError(s, s.try(claim))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	s.Logf("%-50s median %8s, longest %8s", what, took[len(took)/2].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond))
}
