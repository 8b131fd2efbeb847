package inprocess_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi/openapitest"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// gate is the part of an API server that admits claims: its own plugins, with the
// policies of this folder.
type gate struct {
	mutating   *mutating.Plugin
	validating *validating.Plugin
}

func TestMain(m *testing.M) {
	klog.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// newGate runs these files' policies for these namespaces.
func newGate(t *testing.T, files []string, namespaces ...*corev1.Namespace) gate {
	t.Helper()
	var objects []runtime.Object
	for _, namespace := range namespaces {
		objects = append(objects, namespace)
	}
	for _, file := range files {
		objects = append(objects, manifests(t, file)...)
	}
	mutates, err := mutating.NewPlugin(nil)
	require.NoError(t, err)
	validates, err := validating.NewPlugin(nil)
	require.NoError(t, err)

	api := server{fake.NewClientset(objects...)}
	watches := informers.NewSharedInformerFactory(api, 0)
	start := initializer.New(api, dynamic.NewForConfigOrDie(&rest.Config{}), watches, nobody{}, feature.DefaultFeatureGate,
		compatibility.DefaultBuildEffectiveVersion(), t.Context().Done(), restmapper.NewDiscoveryRESTMapper(nil))
	for _, plugin := range []admission.Interface{mutates, validates} {
		start.Initialize(plugin)
	}
	mutates.SetEnabled(true)
	validates.SetEnabled(true)
	require.NoError(t, mutates.ValidateInitialization())
	require.NoError(t, validates.ValidateInitialization())
	watches.Start(t.Context().Done())
	watches.WaitForCacheSync(t.Context().Done())
	require.True(t, mutates.WaitForReady())
	require.True(t, validates.WaitForReady())
	g := gate{mutates, validates}
	require.Eventually(t, func() bool {
		_, err := g.create(t.Context(), aClaim(namespaces[0].Name, "probe", labels{v1alpha1.RestoreLabel: "auto"}, nil))
		return !apierrors.IsNotFound(err)
	}, time.Minute, time.Millisecond, "the plugins have read the schemas")
	return g
}

// create gives the claim as it would be stored, or the refusal.
func (g gate) create(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolumeClaim, error) {
	created := claim.DeepCopy()
	request := admission.NewAttributesRecord(created, nil, corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"),
		claim.Namespace, claim.Name, corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), "",
		admission.Create, &metav1.CreateOptions{}, false, &user.DefaultInfo{Name: "somebody"})
	types := admission.NewObjectInterfacesFromScheme(scheme.Scheme)
	if err := g.mutating.Admit(ctx, request, types); err != nil {
		return nil, err
	}
	if created.Name == "" && created.GenerateName != "" { // as the API server does between the two
		created.Name = created.GenerateName + "x7f2q"
	}
	return created, g.validating.Validate(ctx, request, types)
}

// server is the API that the plugins watch.
type server struct{ *fake.Clientset }

func (s server) Discovery() discovery.DiscoveryInterface { return schemas{s.Clientset.Discovery()} }

// schemas are those of Kubernetes itself.
type schemas struct{ discovery.DiscoveryInterface }

func (schemas) OpenAPIV3() openapi.Client { return openapitest.NewEmbeddedFileClient() }

// nobody may do anything; the policies do not ask.
type nobody struct{}

func (nobody) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", nil
}

// manifests reads the objects of a file.
func manifests(t *testing.T, file string) []runtime.Object {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	kinds := map[string]func() runtime.Object{
		"MutatingAdmissionPolicy":          func() runtime.Object { return &admissionregistrationv1.MutatingAdmissionPolicy{} },
		"MutatingAdmissionPolicyBinding":   func() runtime.Object { return &admissionregistrationv1.MutatingAdmissionPolicyBinding{} },
		"ValidatingAdmissionPolicy":        func() runtime.Object { return &admissionregistrationv1.ValidatingAdmissionPolicy{} },
		"ValidatingAdmissionPolicyBinding": func() runtime.Object { return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{} },
	}
	var objects []runtime.Object
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		var kind metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal([]byte(document), &kind))
		require.Contains(t, kinds, kind.Kind)
		object := kinds[kind.Kind]()
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), object))
		setDefaults(object)
		objects = append(objects, object)
	}
	return objects
}

// setDefaults sets what the API server would.
func setDefaults(object runtime.Object) {
	switch policy := object.(type) {
	case *admissionregistrationv1.MutatingAdmissionPolicy:
		policy.Spec.MatchConstraints.ObjectSelector = &metav1.LabelSelector{}
	case *admissionregistrationv1.ValidatingAdmissionPolicy:
		policy.Spec.MatchConstraints.ObjectSelector = &metav1.LabelSelector{}
	}
}
