package configmap

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// New returns an empty ConfigMap of Soteria's that was not written yet: it has no
// resource version.
func New(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name,
		Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
	}}
}

// Read returns the ConfigMap as it is, or that of [New] where there is none. The
// reader must be the API server itself. The error is of kind Unavailable.
func Read(ctx context.Context, reader client.Reader, namespace, name string) (*corev1.ConfigMap, error) {
	stored := &corev1.ConfigMap{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, stored)
	switch {
	case apierrors.IsNotFound(err):
		return New(namespace, name), nil
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "reading ConfigMap %s/%s: %w", namespace, name, err)
	}
	return stored, nil
}

// Write creates the ConfigMap that [New] made, or updates one that was read, and
// brings it up to date with what the API server answers. What names what is written,
// for errors. Where it was created, changed or removed since, nothing is written
// and the error is of kind Conflict: read again. Other errors are of kind
// Unavailable.
func Write(ctx context.Context, writer client.Writer, changed *corev1.ConfigMap, what string) error {
	var err error
	made := changed.ResourceVersion == ""
	if made {
		err = writer.Create(ctx, changed)
	} else {
		err = writer.Update(ctx, changed)
	}
	switch {
	case err == nil:
		return nil
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), !made && apierrors.IsNotFound(err):
		return backup.Errorf(backup.Conflict, "%s was written by somebody else meanwhile: %w", what, err)
	default:
		return backup.Errorf(backup.Unavailable, "writing %s: %w", what, err)
	}
}
