package main

import (
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func TestTheNetworkPolicyForLonghornLetsSoteriasPodsReachItsAPIAndNobodyElse(t *testing.T) {
	var policy networkingv1.NetworkPolicy
	readManifest(t, "components/longhorn-network/networkpolicy.yaml", &policy)
	var deployment appsv1.Deployment
	readManifest(t, "deployment.yaml", &deployment)
	api, err := url.Parse(longhorn.DefaultURL)
	require.NoError(t, err)

	assert.Equal(t, longhorn.DefaultNamespace, policy.Namespace)
	assert.Equal(t, map[string]string{"app": "longhorn-manager"}, policy.Spec.PodSelector.MatchLabels)
	require.Len(t, policy.Spec.Ingress, 1)
	rule := policy.Spec.Ingress[0]
	require.Len(t, rule.Ports, 1)
	assert.Equal(t, api.Port(), strconv.Itoa(rule.Ports[0].Port.IntValue()))
	require.Len(t, rule.From, 1)
	assert.Equal(t, map[string]string{"kubernetes.io/metadata.name": "soteria-system"}, rule.From[0].NamespaceSelector.MatchLabels)
	pods, err := metav1.LabelSelectorAsSelector(rule.From[0].PodSelector)
	require.NoError(t, err)
	assert.True(t, pods.Matches(labels.Set(deployment.Spec.Template.Labels)), "it matches the labels of Soteria's pods")
	assert.False(t, pods.Empty())
}

func readManifest(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile("../../deploy/" + name)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(content, into))
}

func TestInstalledJobsRunTheResticThatTheImageHolds(t *testing.T) {
	var settings corev1.ConfigMap
	readManifest(t, "configmap.yaml", &settings)
	assert.Equal(t, restic.OwnImage, settings.Data["SOTERIA_RESTIC_IMAGE"])
	dockerfile, err := os.ReadFile("../../deploy/Dockerfile")
	require.NoError(t, err)
	assert.Contains(t, string(dockerfile), "COPY --from=restic /out/restic /usr/bin/restic")
	assert.Contains(t, string(dockerfile), "ENV PATH=/usr/bin")
}
