package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/soteria-dr/soteria/internal/backup"
)

// The keys of the Secret, as cert-controller writes them.
const (
	certificateKey = "tls.crt"
	privateKeyKey  = "tls.key"
	authorityKey   = "ca.crt"
)

// Serving holds the certificate that is being served. Its methods may be called
// at any time from any goroutine.
type Serving struct {
	names Names
	// marker is where the public part of the certificate is written once it is
	// being served: cert-controller waits for that file.
	marker  string
	current atomic.Pointer[pair]
	// answered is true once a test of itself passed.
	answered atomic.Bool
}

type pair struct {
	certificate tls.Certificate
	authority   *x509.CertPool
}

// NewServing makes a Serving that has no certificate yet. The folder served
// receives the certificate's public part, for cert-controller to see.
func NewServing(names Names, served string) *Serving {
	return &Serving{names: names, marker: filepath.Join(served, certificateKey)}
}

// Watch takes up the certificate from the Secret whenever it changes, for as
// long as the informers run.
func (s *Serving) Watch(ctx context.Context, informers cache.Cache) error {
	informer, err := informers.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching Secret %s: %w", s.names.Secret, err)
	}
	logger := logr.FromContextOrDiscard(ctx)
	take := func(object any) {
		secret, ok := object.(*corev1.Secret)
		if !ok || secret.Name != s.names.Secret.Name || secret.Namespace != s.names.Secret.Namespace || len(secret.Data[certificateKey]) == 0 {
			return
		}
		if err := s.take(secret); err != nil {
			logger.Error(err, "the webhook keeps its previous certificate")
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    take,
		UpdateFunc: func(_, object any) { take(object) },
	})
	if err != nil {
		return fmt.Errorf("watching Secret %s: %w", s.names.Secret, err)
	}
	return nil
}

func (s *Serving) take(secret *corev1.Secret) error {
	certificate, err := tls.X509KeyPair(secret.Data[certificateKey], secret.Data[privateKeyKey])
	if err != nil {
		return fmt.Errorf("reading the certificate in Secret %s: %w", s.names.Secret, err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(secret.Data[authorityKey]) {
		return backup.Errorf(backup.Internal, "Secret %s holds no authority under %s", s.names.Secret, authorityKey)
	}
	s.current.Store(&pair{certificate: certificate, authority: authority})
	if err := os.WriteFile(s.marker, secret.Data[certificateKey], 0o600); err != nil {
		return fmt.Errorf("writing the served certificate: %w", err)
	}
	return nil
}

// GetCertificate serves the current certificate; it fits [tls.Config].
func (s *Serving) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	current := s.current.Load()
	if current == nil {
		return nil, backup.Errorf(backup.Unavailable, "the webhook has no certificate yet")
	}
	return &current.certificate, nil
}

// Expiry tells when the served certificate ends. The error says that there is
// none yet.
func (s *Serving) Expiry() (time.Time, error) {
	certificate, err := s.GetCertificate(nil)
	if err != nil {
		return time.Time{}, err
	}
	return certificate.Leaf.NotAfter, nil
}
