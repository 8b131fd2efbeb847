//go:build e2e

package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// soteriaURL is where the policies ask.
const soteriaURL = "http://soteria.soteria-system.svc:8080"

// gate is a policy that asks /exists.
type gate struct {
	name string
	file string
	// labels are those of claims that it is for.
	labels map[string]string
	// source is what it gives a claim that has a backup.
	source func(claim string) *corev1.TypedObjectReference
	// locks says that such a claim is locked too.
	locks bool
	// namespaces says that it goes by the labels of namespaces, too.
	namespaces bool
}

var gates = []gate{
	{name: "cel", file: "policies/kyverno/cel/restore.yaml", labels: harness.Protected, source: restoreSource, locks: true, namespaces: true},
	{name: "classic", file: "policies/kyverno/classic/restore.yaml", labels: harness.Protected, source: restoreSource, locks: true},
	{name: "volsync", file: "policies/volsync/restore.yaml", labels: map[string]string{v1alpha1.BackupLabel: "daily"}, source: replicationSource},
}

func restoreSource(string) *corev1.TypedObjectReference {
	return &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: stubLock}
}

func replicationSource(claim string) *corev1.TypedObjectReference {
	return &corev1.TypedObjectReference{APIGroup: ptr.To("volsync.backube"), Kind: "ReplicationDestination", Name: claim + "-backup"}
}

// TestKyverno runs with the real Kyverno in the cluster.
func TestKyverno(t *testing.T) {
	s := begin(t, 40*time.Minute)
	s.after(cluster.RemoveKyverno)
	err := cluster.InstallKyverno(s.ctx)
	if errors.Is(err, harness.ErrNotOurCluster) {
		s.Skip(err)
	}
	require.NoError(s, err)

	s.run("its policies let only proved answers through", gatesHold)
	s.run("pvc-plumber's policy holds with Soteria in its place", plumbersPolicyHolds)
	s.run("claims come back by Kyverno alone", restoredByKyverno)
	s.run("it signs in", kyvernoSignsIn)
	s.run("the guard refuses what Soteria has not seen", guardHolds)
	s.run("hygiene reports first, and refuses where it is enforced", hygieneHolds)
	s.run("what a gate adds to a creation", creationsTimed)
}

// withoutWebhook takes Soteria's own webhook away until the scenario's part is
// over.
func (s *scenario) withoutWebhook() {
	s.Helper()
	s.after(cluster.RestoreWebhook)
	require.NoError(s, cluster.RemoveWebhook(s.ctx))
}

func gatesHold(s *scenario) {
	const namespace, labelled = "e2e-kyverno", "e2e-kyverno-labelled"
	s.own(namespace, labelled)
	s.apply(namespaceManifest(labelled, "auto"))
	s.withoutWebhook()
	stub := s.serveExists()
	for _, g := range gates {
		s.run(g.name, func(s *scenario) {
			s.install(g, stub.url, namespace)
			s.run("true", func(s *scenario) { s.restoredByPolicy(g, namespace) })
			s.run("false", func(s *scenario) { s.untouchedByPolicy(g, namespace, "false") })
			for name := range unproved {
				s.run(name, func(s *scenario) { s.refusedByPolicy(g, namespace, name) })
			}
			s.run("one question decides", func(s *scenario) {
				stub.questions()
				require.NoError(s, s.try(claimOf(g, namespace, "false")))
				require.Equal(s, 1, stub.questions())
			})
			s.run("a data source of the user's is kept", func(s *scenario) { s.sourceKept(g, namespace) })
			if g.namespaces {
				s.run("a namespace's label protects its claims", func(s *scenario) {
					g := g
					g.labels = harness.Unprotected
					s.refusedByPolicy(g, labelled, "503")
					s.untouchedByPolicy(g, labelled, "false")
				})
			}
			s.run("down", func(s *scenario) {
				s.after(stub.start)
				require.NoError(s, stub.stop())
				s.refusedByPolicy(g, namespace, "true")
				s.refusedByPolicy(g, namespace, "false")
				s.run("a claim that never had a name is created", func(s *scenario) {
					claim := claimOf(g, namespace, "")
					claim.GenerateName = "never-named-"
					require.NoError(s, s.try(claim))
				})
				s.run("nobody is protected in kube-system, as documented", func(s *scenario) {
					require.NoError(s, s.try(claimOf(g, metav1.NamespaceSystem, "false")))
				})
			})
			s.run("Kyverno is gone", func(s *scenario) { s.closedWithoutKyverno(g, namespace) })
		})
	}
}

// install applies a gate's policy, asking at url, and waits until it is in force.
func (s *scenario) install(g gate, url, namespace string) {
	s.Helper()
	text, err := cluster.File(g.file)
	require.NoError(s, err)
	s.installText(strings.ReplaceAll(text, soteriaURL, url), claimOf(g, namespace, "500"), "")
}

// installText applies policies until the scenario's part is over, and waits until
// they refuse a claim in such words.
func (s *scenario) installText(policies string, refused *corev1.PersistentVolumeClaim, says string) {
	s.Helper()
	s.after(func(ctx context.Context) error {
		if _, err := cluster.Kubectl(ctx, policies, "delete", "--ignore-not-found", "-f", "-"); err != nil {
			return err
		}
		return harness.WaitFor(ctx, "the policies to be gone", func(ctx context.Context) (bool, string, error) {
			err := cluster.Create(ctx, refused.DeepCopy(), client.DryRunAll)
			return err == nil, fmt.Sprint(err), nil
		})
	})
	s.await("the policies to be accepted", func(ctx context.Context) (bool, string, error) {
		return true, "", cluster.Apply(ctx, policies)
	})
	s.await("the policies to be in force", func(ctx context.Context) (bool, string, error) {
		err := cluster.Create(ctx, refused.DeepCopy(), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), says), fmt.Sprintf("the claim's refusal: %v", err), nil
	})
}

// claimOf is a claim that a gate is for; its name picks the stub's answer.
func claimOf(g gate, namespace, name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: maps.Clone(g.labels)},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To("local-wffc"),
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}
}

// try creates a claim on a dry run, which changes it to what would be stored.
func (s *scenario) try(claim *corev1.PersistentVolumeClaim) error {
	return cluster.Create(s.ctx, claim, client.DryRunAll)
}

// restoredByPolicy shows that a claim with a backup waits for it, on a dry run and
// in earnest.
func (s *scenario) restoredByPolicy(g gate, namespace string) {
	for _, options := range [][]client.CreateOption{{client.DryRunAll}, nil} {
		claim := claimOf(g, namespace, "true")
		require.NoError(s, cluster.Create(s.ctx, claim, options...))
		require.Equal(s, g.source(claim.Name), claim.Spec.DataSourceRef)
		if g.locks {
			require.Equal(s, stubLock, claim.Spec.VolumeName)
		} else {
			require.Empty(s, claim.Spec.VolumeName)
		}
		if options == nil {
			require.NoError(s, cluster.Delete(s.ctx, claim))
		}
	}
	// The next policy's claim has the same name.
	s.await("the claim to be gone", func(ctx context.Context) (bool, string, error) {
		err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "true"}, &corev1.PersistentVolumeClaim{})
		return client.IgnoreNotFound(err) == nil && err != nil, "it is there", nil
	})
}

// untouchedByPolicy shows that a claim is stored as it was sent.
func (s *scenario) untouchedByPolicy(g gate, namespace, name string) {
	s.Helper()
	claim := claimOf(g, namespace, name)
	require.NoError(s, s.try(claim))
	require.Nil(s, claim.Spec.DataSourceRef)
	require.Empty(s, claim.Spec.VolumeName)
}

func (s *scenario) refusedByPolicy(g gate, namespace, name string) {
	s.Helper()
	err := s.try(claimOf(g, namespace, name))
	require.Error(s, err, "the claim is refused")
	s.Log(err)
}

func (s *scenario) sourceKept(g gate, namespace string) {
	foreign := &corev1.TypedObjectReference{APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "friday"}
	claim := claimOf(g, namespace, "true")
	claim.Spec.DataSourceRef = foreign.DeepCopy()
	require.NoError(s, s.try(claim))
	require.Equal(s, foreign, claim.Spec.DataSourceRef)
	require.Empty(s, claim.Spec.VolumeName)
	if !g.locks {
		return
	}
	own := &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "kept-in-git"}
	for _, answer := range []string{"true", "false"} {
		claim := claimOf(g, namespace, answer)
		claim.Spec.DataSourceRef = own.DeepCopy()
		require.NoError(s, s.try(claim))
		require.Equal(s, own, claim.Spec.DataSourceRef)
		require.Equal(s, stubLock, claim.Spec.VolumeName, "a claim that refers to a Restore is locked either way")
	}
}

// closedWithoutKyverno shows that without Kyverno protected claims are refused, and
// no others.
func (s *scenario) closedWithoutKyverno(g gate, namespace string) {
	s.after(func(ctx context.Context) error {
		if err := cluster.ReconnectKyverno(ctx); err != nil {
			return err
		}
		return harness.WaitFor(ctx, "Kyverno to answer again", func(ctx context.Context) (bool, string, error) {
			return true, "", cluster.Create(ctx, claimOf(g, namespace, "false"), client.DryRunAll)
		})
	})
	require.NoError(s, cluster.CutOffKyverno(s.ctx))
	s.await("protected claims to be refused", func(context.Context) (bool, string, error) {
		return s.try(claimOf(g, namespace, "false")) != nil, "one is let through", nil
	})
	s.refusedByPolicy(g, namespace, "true")
	unprotected := claimOf(g, namespace, "unprotected")
	unprotected.Labels = nil
	require.NoError(s, s.try(unprotected))
}
