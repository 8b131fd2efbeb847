package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	selfTestTimeout = 5 * time.Second
	maxAnswer       = 1 << 20
)

// Answers reports whether admission was ever seen to answer at address: it makes
// the [Serving.SelfTest] until that passes once, and then costs nothing. It fits
// a readiness probe.
func (s *Serving) Answers(ctx context.Context, address, path, namespace string) error {
	if s.answered.Load() {
		return nil
	}
	if err := s.SelfTest(ctx, address, path, namespace); err != nil {
		return err
	}
	s.answered.Store(true)
	return nil
}

// SelfTest sends the admission server at address a review over TLS, checked
// against the name and the authority that the API server will check, and expects
// the claim in it, which is not protected, to be allowed. It changes nothing and
// may be repeated.
func (s *Serving) SelfTest(ctx context.Context, address, path, namespace string) error {
	current := s.current.Load()
	if current == nil {
		return backup.Errorf(backup.Unavailable, "the webhook has no certificate yet")
	}
	ctx, cancel := context.WithTimeout(ctx, selfTestTimeout)
	defer cancel()
	body, err := json.Marshal(unprotectedClaim(namespace))
	if err != nil {
		return fmt.Errorf("encoding the webhook's test of itself: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("addressing the webhook's test of itself: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: current.authority, ServerName: s.names.DNS, MinVersion: tls.VersionTLS12},
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return backup.Errorf(backup.Unavailable, "the webhook did not answer its test of itself: %w", err)
	}
	defer response.Body.Close()
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&review); err != nil {
		return backup.Errorf(backup.Unavailable, "the webhook's answer to its test of itself (%s) is not an admission review: %w", response.Status, err)
	}
	if review.Response == nil || !review.Response.Allowed {
		return backup.Errorf(backup.Unavailable, "the webhook refused the unprotected claim of its test of itself")
	}
	return nil
}

func unprotectedClaim(namespace string) *admissionv1.AdmissionReview {
	claim := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: "self-test", Namespace: namespace},
	}
	return &admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       "self-test",
			Operation: admissionv1.Create,
			Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"},
			Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"},
			Name:      claim.Name,
			Namespace: namespace,
			DryRun:    ptr.To(true),
			Object:    runtime.RawExtension{Object: claim},
		},
	}
}
