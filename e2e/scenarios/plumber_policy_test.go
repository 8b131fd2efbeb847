//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// plumbersGate is pvc-plumber's own policy.
var plumbersGate = gate{labels: map[string]string{v1alpha1.BackupLabel: "hourly"}, source: replicationSource}

// plumbersPolicyHolds runs pvc-plumber's published policy against Soteria in
// pvc-plumber's place, and shows what it refuses and what it lets through.
func plumbersPolicyHolds(s *scenario) {
	const namespace = "e2e-plumber-policy" // the bucket's name, and its only folder's, too
	s.own(namespace)
	s.withoutWebhook()
	policy, err := os.ReadFile("testdata/pvc-plumber-policy.yaml")
	require.NoError(s, err)
	const published = "http://pvc-plumber.volsync-system.svc.cluster.local"
	url := fmt.Sprintf("http://pvc-plumber.%s.svc:8080", namespace)
	s.installText(strings.ReplaceAll(string(policy), published, url), claimOf(plumbersGate, namespace, "none"), "")

	s.run("no one answers", func(s *scenario) { s.refusedByPolicy(plumbersGate, namespace, "none") })
	s.startPlumber(namespace, namespace+"/data/config", namespace+"/data/snapshots/0a")
	s.run("a claim with a backup waits for VolSync", func(s *scenario) {
		var claim *corev1.PersistentVolumeClaim
		// That there was no such host is remembered for a while.
		s.await("the policy to reach the plumber", func(context.Context) (bool, string, error) {
			claim = claimOf(plumbersGate, namespace, "data")
			err := s.try(claim)
			return err == nil, fmt.Sprint(err), nil
		})
		require.Equal(s, replicationSource("data"), claim.Spec.DataSourceRef)
	})
	s.run("one without is let through as it is", func(s *scenario) { s.untouchedByPolicy(plumbersGate, namespace, "none") })
	s.plumberUnknowing(namespace, "SOTERIA_EXISTS_UNKNOWN_STATUS=503")
	s.run("unknown is refused", func(s *scenario) { s.refusedByPolicy(plumbersGate, namespace, "none") })
	s.plumberUnknowing(namespace, "SOTERIA_EXISTS_UNKNOWN_STATUS=200")
	s.run("so is unknown with status 200", func(s *scenario) { s.refusedByPolicy(plumbersGate, namespace, "none") })
	s.run("what it is not for is let through", func(s *scenario) {
		for why, claim := range map[string]*corev1.PersistentVolumeClaim{
			"no label":                         labelled(namespace, nil),
			"another value of the label":       labelled(namespace, map[string]string{v1alpha1.BackupLabel: "weekly"}),
			"a namespace that Kyverno ignores": labelled(metav1.NamespaceSystem, plumbersGate.labels),
		} {
			require.NoError(s, s.try(claim), why)
			require.Nil(s, claim.Spec.DataSourceRef, why)
		}
	})
}

func labelled(namespace string, labels map[string]string) *corev1.PersistentVolumeClaim {
	return claimOf(gate{labels: labels}, namespace, "none")
}

// plumberUnknowing has the plumber look into a bucket that does not exist.
func (s *scenario) plumberUnknowing(namespace string, status string) {
	s.Helper()
	_, err := cluster.Kubectl(s.ctx, "", "set", "env", "-n", namespace, "deploy/pvc-plumber", "S3_BUCKET=no-such-bucket", status)
	require.NoError(s, err)
	require.NoError(s, cluster.AwaitRollout(s.ctx, namespace, "pvc-plumber"))
	s.await("the plumber to know nothing", func(ctx context.Context) (bool, string, error) {
		_, answer, err := askPlumber(ctx, namespace, namespace+"/none")
		return !answer.Authoritative && answer.Error != "", answer.Error, err
	})
}

// removeBucket removes what [scenario.startPlumber] put into the store.
func removeBucket(ctx context.Context, bucket string) error {
	_, err := cluster.StoreShell(ctx, "rm", "-rf", "/data/"+bucket)
	return err
}

// storeKeys are the store's, under the names of pvc-plumber's Secret.
func storeKeys(ctx context.Context, namespace string) (*corev1.Secret, error) {
	keys, err := cluster.StoreKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the store's keys: %w", err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pvc-plumber-s3"},
		StringData: map[string]string{"access-key": keys["AWS_ACCESS_KEY_ID"], "secret-key": keys["AWS_SECRET_ACCESS_KEY"]},
	}, nil
}
