package kube

import (
	"cmp"
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Backupable reads a claim and refuses one that holds nothing worth keeping, or
// not yet: an error of kind NotFound where there is no such claim, Conflict where
// it is not bound, being deleted or being restored, Unavailable where that cannot
// be told. The reader must be the API server itself.
func Backupable(ctx context.Context, reader client.Reader, name backup.Claim) (*corev1.PersistentVolumeClaim, error) {
	var claim corev1.PersistentVolumeClaim
	err := reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim)
	switch {
	case apierrors.IsNotFound(err):
		return nil, backup.Errorf(backup.NotFound, "there is no claim %s", name)
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	case claim.DeletionTimestamp != nil:
		return nil, backup.Errorf(backup.Conflict, "claim %s is being deleted", name)
	case claim.Status.Phase != corev1.ClaimBound:
		return nil, backup.Errorf(backup.Conflict, "claim %s is not bound to a volume (%s)", name, cmp.Or(string(claim.Status.Phase), "no phase yet"))
	}
	var restores v1alpha1.RestoreList
	if err := reader.List(ctx, &restores, client.InNamespace(name.Namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for restores of %s: %w", name, err)
	}
	for _, r := range restores.Items {
		if r.Status.Claim != nil && r.Status.Claim.UID == claim.UID && r.Status.Phase != v1alpha1.PhaseCompleted {
			return nil, backup.Errorf(backup.Conflict, "claim %s is being restored (Restore %s: %s)", name, r.Name, r.Status.Phase)
		}
	}
	return &claim, nil
}
