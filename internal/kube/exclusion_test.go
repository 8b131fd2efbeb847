package kube_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/soteria-dr/soteria/internal/kube"
)

// noVolumeChosen keeps claims out that the policies of policies/inprocess, or
// Kyverno's, locked before: the controller judges them.
var noVolumeChosen = []admissionregistrationv1.MatchCondition{
	{Name: "no-volume-chosen", Expression: "!has(object.spec.volumeName) || object.spec.volumeName == ''"},
}

func TestTheWebhookConfigurationKeepsOutOfTheSameNamespacesAsTheCode(t *testing.T) {
	file, err := os.Open("../../deploy/webhook.yaml")
	require.NoError(t, err)
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)

	var mutating admissionregistrationv1.MutatingWebhookConfiguration
	require.NoError(t, decoder.Decode(&mutating))
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	require.NoError(t, decoder.Decode(&validating))

	require.Len(t, mutating.Webhooks, 3)
	for _, hook := range mutating.Webhooks {
		assertExcludes(t, hook.Name, hook.NamespaceSelector)
		assert.Equal(t, admissionregistrationv1.Fail, *hook.FailurePolicy, hook.Name)
		assert.Equal(t, noVolumeChosen, hook.MatchConditions, "%s leaves claims alone that are locked already", hook.Name)
	}
	require.Len(t, validating.Webhooks, 3)
	for _, hook := range validating.Webhooks {
		assertExcludes(t, hook.Name, hook.NamespaceSelector)
		assert.Equal(t, admissionregistrationv1.Fail, *hook.FailurePolicy, hook.Name)
		assert.Equal(t, noVolumeChosen, hook.MatchConditions, "%s leaves claims alone that are locked already", hook.Name)
	}
}

func assertExcludes(t *testing.T, hook string, selector *metav1.LabelSelector) {
	t.Helper()
	require.NotNil(t, selector, hook)
	for _, requirement := range selector.MatchExpressions {
		if requirement.Key == corev1.LabelMetadataName {
			assert.Equal(t, metav1.LabelSelectorOpNotIn, requirement.Operator, hook)
			assert.Equal(t, kube.ExcludedNamespaces("soteria-system"), requirement.Values, hook)
			return
		}
	}
	t.Errorf("webhook %s excludes no namespaces", hook)
}
