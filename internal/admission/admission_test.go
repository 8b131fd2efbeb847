package admission_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/admission"
)

const (
	webhook = "../../deploy/webhook.yaml"
	lock    = "../../policies/inprocess/lock.yaml"
	refuse  = "../../policies/inprocess/refuse.yaml"
)

// manifests reads what is installed.
func manifests(t *testing.T, files ...string) (objects []client.Object) {
	t.Helper()
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(content)))
		for buffer := make([]byte, 1<<20); ; {
			n, err := documents.Read(buffer)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			object, _, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(buffer[:n], nil, nil)
			require.NoError(t, err)
			objects = append(objects, object.(client.Object))
		}
	}
	return objects
}

func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// without leaves out what is of the kind of a sample.
func without[T client.Object](objects []client.Object) (left []client.Object) {
	for _, object := range objects {
		if _, is := object.(T); !is {
			left = append(left, object)
		}
	}
	return left
}

// of gives the one object of a kind.
func of[T client.Object](objects []client.Object) T {
	for _, object := range objects {
		if found, is := object.(T); is {
			return found
		}
	}
	panic("there is none")
}

func report(t *testing.T, objects []client.Object) admission.Report {
	t.Helper()
	return admission.New(cluster(t, objects...), clocktesting.NewFakePassiveClock(time.Now())).Report(t.Context())
}

func TestTheGateIsClosed(t *testing.T) {
	for name, files := range map[string][]string{
		"with the webhook as it is installed":   {webhook},
		"with the policies in the API server":   {lock, refuse},
		"with both":                             {webhook, lock, refuse},
		"with the webhook beside a lone policy": {webhook, lock},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, admission.Report{State: admission.Closed}, report(t, manifests(t, files...)))
		})
	}
}

func TestTheGateIsOffWhereNothingIsInstalled(t *testing.T) {
	off := report(t, nil)
	assert.Equal(t, admission.Off, off.State)
	assert.Contains(t, off.Message, "deploy/webhook.yaml")
	assert.Equal(t, admission.Off, report(t, without[*admissionv1.MutatingWebhookConfiguration](manifests(t, webhook))).State, "what only checks locks nothing")
}

func TestTheGateIsIncomplete(t *testing.T) {
	hooks := func(change func([]client.Object) []client.Object) []client.Object {
		return change(manifests(t, webhook))
	}
	policies := func(change func([]client.Object) []client.Object) []client.Object {
		return change(manifests(t, lock, refuse))
	}
	tests := map[string]struct {
		objects []client.Object
		says    string
	}{
		"without one of the webhooks": {hooks(func(o []client.Object) []client.Object {
			c := of[*admissionv1.MutatingWebhookConfiguration](o)
			c.Webhooks = c.Webhooks[1:]
			return o
		}), "the webhook claim.mutate.soteria.dev is missing"},
		"where a webhook is passed over while Soteria is away": {hooks(func(o []client.Object) []client.Object {
			of[*admissionv1.ValidatingWebhookConfiguration](o).Webhooks[2].FailurePolicy = ptr.To(admissionv1.Ignore)
			return o
		}), "namespace.validate.soteria.dev lets claims through while Soteria is away"},
		"where nothing checks what other webhooks did": {
			hooks(without[*admissionv1.ValidatingWebhookConfiguration]), "no ValidatingWebhookConfiguration soteria"},
		"where the lock is not bound": {
			policies(without[*admissionv1.MutatingAdmissionPolicyBinding]), "no MutatingAdmissionPolicyBinding lock.soteria.dev"},
		"where claims that cannot be judged are not locked": {policies(func(o []client.Object) []client.Object {
			of[*admissionv1.MutatingAdmissionPolicy](o).Spec.FailurePolicy = ptr.To(admissionv1.Ignore)
			return o
		}), "the policy lock.soteria.dev lets claims through"},
		"where claims that cannot be judged are not refused": {policies(func(o []client.Object) []client.Object {
			of[*admissionv1.ValidatingAdmissionPolicy](o).Spec.FailurePolicy = ptr.To(admissionv1.Ignore)
			return o
		}), "the policy refuse.soteria.dev lets claims through"},
		"where nothing is refused": {
			policies(without[*admissionv1.ValidatingAdmissionPolicy]), "no ValidatingAdmissionPolicy refuse.soteria.dev"},
		"where refusals are not bound": {
			policies(without[*admissionv1.ValidatingAdmissionPolicyBinding]), "no ValidatingAdmissionPolicyBinding refuse.soteria.dev"},
		"where refusals only warn": {policies(func(o []client.Object) []client.Object {
			of[*admissionv1.ValidatingAdmissionPolicyBinding](o).Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Warn}
			return o
		}), "refuses nothing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := report(t, test.objects)
			assert.Equal(t, admission.Incomplete, got.State)
			assert.Contains(t, got.Message, test.says)
		})
	}
}

func TestKubernetesThatKnowsNoSuchPoliciesMayHaveTheWebhook(t *testing.T) {
	c := interceptor.NewClient(cluster(t, manifests(t, webhook)...), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, is := object.(*admissionv1.MutatingAdmissionPolicy); is {
				return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "MutatingAdmissionPolicy"}}
			}
			return c.Get(ctx, key, object, options...)
		},
	})
	assert.Equal(t, admission.Closed, admission.New(c, clocktesting.NewFakePassiveClock(time.Now())).Report(t.Context()).State)
}

func TestAnAPIServerThatDoesNotTellIsAskedAgain(t *testing.T) {
	away := true
	c := interceptor.NewClient(cluster(t, manifests(t, webhook)...), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if away {
				return errors.New("connection refused")
			}
			return c.Get(ctx, key, object, options...)
		},
	})
	gate := admission.New(c, clocktesting.NewFakePassiveClock(time.Now()))
	unknown := gate.Report(t.Context())
	assert.Equal(t, admission.Unknown, unknown.State)
	assert.Contains(t, unknown.Message, "connection refused")
	away = false
	assert.Equal(t, admission.Closed, gate.Report(t.Context()).State)
}

func TestWhatWasReadIsToldAgainForTenSeconds(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	c := cluster(t, manifests(t, webhook)...)
	gate := admission.New(c, now)
	assert.Equal(t, admission.Closed, gate.Report(t.Context()).State)
	for _, object := range manifests(t, webhook) {
		require.NoError(t, c.Delete(t.Context(), object))
	}
	now.SetTime(now.Now().Add(9 * time.Second))
	assert.Equal(t, admission.Closed, gate.Report(t.Context()).State)
	now.SetTime(now.Now().Add(time.Second))
	assert.Equal(t, admission.Off, gate.Report(t.Context()).State)
}
