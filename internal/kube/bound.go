package kube

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Bound gives the claims that have a volume and hold users' data: none of those
// that Soteria makes in passing, in its own namespace.
func Bound(claims []corev1.PersistentVolumeClaim, ownNamespace string) []backup.Claim {
	var bound []backup.Claim
	for i := range claims {
		claim := &claims[i]
		if claim.Status.Phase == corev1.ClaimBound && claim.DeletionTimestamp == nil && !madeBySoteria(claim, ownNamespace) {
			bound = append(bound, backup.Claim{Namespace: claim.Namespace, Name: claim.Name})
		}
	}
	return bound
}

// WithoutCopies returns the claims that are no copies; see [Copies]. The given ones are
// not changed.
func WithoutCopies(ctx context.Context, known Copies, claims []corev1.PersistentVolumeClaim) []corev1.PersistentVolumeClaim {
	copies := CopiesAmong(ctx, known, claims)
	if len(copies) == 0 {
		return claims
	}
	return slices.DeleteFunc(slices.Clone(claims), func(c corev1.PersistentVolumeClaim) bool { return copies.Has(c.UID) })
}

// Claims reads claims for those who ask about them.
type Claims struct {
	// Reader may be a cache.
	Reader client.Reader
	// OwnNamespace is where Soteria runs and keeps its primes.
	OwnNamespace string
	// Copies knows the copies, which are left out; nil where no one does.
	Copies Copies
}

// Bound is [Bound] for the claims of a namespace. The error is of kind NotFound
// where there is none, Unavailable where that cannot be told.
func (c Claims) Bound(ctx context.Context, namespace string) ([]backup.Claim, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := c.Reader.List(ctx, &claims, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the claims of namespace %s: %w", namespace, err)
	}
	bound := Bound(WithoutCopies(ctx, c.Copies, claims.Items), c.OwnNamespace)
	if len(bound) == 0 && len(Bound(claims.Items, c.OwnNamespace)) > 0 {
		return nil, &backup.Error{Kind: backup.NotFound, Field: "namespace", Message: "namespace " + namespace + " has no bound claim but copies to look at, which are backed up only by their names"}
	}
	if len(bound) == 0 {
		return nil, &backup.Error{Kind: backup.NotFound, Reason: backup.NoClaims, Field: "namespace", Message: "namespace " + namespace + " has no bound claim"}
	}
	return bound, nil
}

// VolumeOf gives the name of the PersistentVolume that a claim is bound to; ""
// where the claim is gone or has none. The error is of kind Unavailable.
func (c Claims) VolumeOf(ctx context.Context, name backup.Claim) (string, error) {
	var claim corev1.PersistentVolumeClaim
	err := c.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim)
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	case claim.Status.Phase != corev1.ClaimBound:
		return "", nil
	}
	return claim.Spec.VolumeName, nil
}
