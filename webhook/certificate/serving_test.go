package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/webhook/certificate"
)

var names = certificate.Names{
	Secret: types.NamespacedName{Namespace: "soteria-system", Name: "certificate"},
	DNS:    "soteria.soteria-system.svc",
}

// secret is what cert-controller writes, valid until the given time.
func secret(t *testing.T, until time.Time) *corev1.Secret {
	t.Helper()
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	maker := &rotator.CertRotator{CAName: "authority", CAOrganization: "test", DNSName: names.DNS, ExtKeyUsages: &usages}
	begin := until.Add(-time.Hour)
	authority, err := maker.CreateCACert(begin, until)
	require.NoError(t, err)
	certificatePEM, keyPEM, err := maker.CreateCertPEM(authority, begin, until)
	require.NoError(t, err)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: names.Secret.Namespace, Name: names.Secret.Name},
		Data:       map[string][]byte{"tls.crt": certificatePEM, "tls.key": keyPEM, "ca.crt": authority.CertPEM},
	}
}

// watching gives a Serving and the informer that feeds it.
func watching(t *testing.T) (serving *certificate.Serving, informer *controllertest.FakeInformer, folder string) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	informers := &informertest.FakeInformers{Scheme: scheme}
	folder = t.TempDir()
	serving = certificate.NewServing(names, folder)
	require.NoError(t, serving.Watch(t.Context(), informers))
	informer, err := informers.FakeInformerFor(t.Context(), &corev1.Secret{})
	require.NoError(t, err)
	return serving, informer, folder
}

func TestACertificateIsServedAsSoonAsItsSecretHasOne(t *testing.T) {
	serving, informer, folder := watching(t)

	informer.Add(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.Secret.Namespace, Name: names.Secret.Name}})
	_, err := serving.GetCertificate(nil)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "an empty Secret holds none")
	_, err = serving.Expiry()
	assert.Error(t, err)

	until := time.Now().Add(time.Hour).Truncate(time.Second)
	first := secret(t, until)
	informer.Add(first)
	served, err := serving.GetCertificate(nil)
	require.NoError(t, err)
	assert.NotNil(t, served)
	ends, err := serving.Expiry()
	require.NoError(t, err)
	assert.WithinDuration(t, until, ends, time.Second)
	public, err := os.ReadFile(filepath.Join(folder, "tls.crt"))
	require.NoError(t, err)
	assert.Equal(t, first.Data["tls.crt"], public, "cert-controller sees that it is served")
}

func TestACertificateThatCannotBeReadDoesNotReplaceTheOneServed(t *testing.T) {
	serving, informer, _ := watching(t)
	good := secret(t, time.Now().Add(time.Hour))
	informer.Add(good)
	before, err := serving.GetCertificate(nil)
	require.NoError(t, err)

	broken := good.DeepCopy()
	broken.Data["tls.key"] = []byte("half a key")
	informer.Update(good, broken)
	after, err := serving.GetCertificate(nil)
	require.NoError(t, err)
	assert.Same(t, before, after)
}

func TestAnotherSecretIsNotServed(t *testing.T) {
	serving, informer, _ := watching(t)
	other := secret(t, time.Now().Add(time.Hour))
	other.Name = "other"
	informer.Add(other)
	_, err := serving.GetCertificate(nil)
	assert.Error(t, err)
}

// admissionServer serves reviews over TLS with whatever serving serves.
func admissionServer(t *testing.T, serving *certificate.Serving, allowed bool) (address string) {
	t.Helper()
	judge := &admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		if allowed {
			return admission.Allowed("")
		}
		return admission.Denied("no")
	})}
	server := httptest.NewUnstartedServer(judge)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: serving.GetCertificate, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return listener.Addr().String()
}

func TestAReplicaThatAnsweredOnceIsNotTestedAgain(t *testing.T) {
	serving, informer, _ := watching(t)
	address := admissionServer(t, serving, true)
	require.Error(t, serving.Answers(t.Context(), address, "/", "ai"), "it has no certificate yet")
	informer.Add(secret(t, time.Now().Add(time.Hour)))
	require.NoError(t, serving.Answers(t.Context(), address, "/", "ai"))
	assert.NoError(t, serving.Answers(t.Context(), "127.0.0.1:1", "/", "ai"))
}

func TestTheSelfTest(t *testing.T) {
	t.Run("passes when a review is answered under the right name", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(time.Hour)))
		assert.NoError(t, serving.SelfTest(t.Context(), admissionServer(t, serving, true), "/", "ai"))
	})
	t.Run("fails before there is a certificate", func(t *testing.T) {
		serving, _, _ := watching(t)
		assert.Error(t, serving.SelfTest(t.Context(), admissionServer(t, serving, true), "/", "ai"))
	})
	t.Run("fails when the claim is refused", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(time.Hour)))
		assert.Error(t, serving.SelfTest(t.Context(), admissionServer(t, serving, false), "/", "ai"))
	})
	t.Run("fails when the certificate is another authority's", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(time.Hour)))
		stranger, strangers, _ := watching(t)
		strangers.Add(secret(t, time.Now().Add(time.Hour)))
		assert.Error(t, serving.SelfTest(t.Context(), admissionServer(t, stranger, true), "/", "ai"))
	})
	t.Run("fails when the certificate has expired", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(-time.Minute)))
		assert.Error(t, serving.SelfTest(t.Context(), admissionServer(t, serving, true), "/", "ai"))
	})
	t.Run("fails when nobody listens", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(time.Hour)))
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		assert.Error(t, serving.SelfTest(t.Context(), listener.Addr().String(), "/", "ai"))
	})
	t.Run("fails when something else answers", func(t *testing.T) {
		serving, informer, _ := watching(t)
		informer.Add(secret(t, time.Now().Add(time.Hour)))
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: serving.GetCertificate, MinVersion: tls.VersionTLS12})
		require.NoError(t, err)
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		assert.Error(t, serving.SelfTest(t.Context(), listener.Addr().String(), "/", "ai"))
	})
}
