package kube

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Waiting returns the claims that wait for what the catalog says of them, in the
// order of their names: not bound, locked or referring to a Restore, and not
// settled yet. The reader must be the API server itself. An error is of kind
// Unavailable: it cannot be told whether one waits.
func Waiting(ctx context.Context, reader client.Reader) ([]backup.Claim, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for claims that wait for a restore: %w", err)
	}
	unbound := slices.DeleteFunc(claims.Items, func(c corev1.PersistentVolumeClaim) bool { return !awaitsRestore(&c) })
	if len(unbound) == 0 {
		return nil, nil
	}
	var restores v1alpha1.RestoreList
	if err := reader.List(ctx, &restores); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for restores that are not settled: %w", err)
	}
	var waiting []backup.Claim
	for i := range unbound {
		settled := slices.ContainsFunc(restores.Items, func(r v1alpha1.Restore) bool { return settles(&r, &unbound[i]) })
		if !settled {
			waiting = append(waiting, backup.Claim{Namespace: unbound[i].Namespace, Name: unbound[i].Name})
		}
	}
	slices.SortFunc(waiting, func(a, b backup.Claim) int { return strings.Compare(a.String(), b.String()) })
	return waiting, nil
}

// awaitsRestore reports whether the claim has no volume yet and is to get it from
// Soteria. The lock alone is enough: it keeps the claim Pending, whoever wrote it.
func awaitsRestore(claim *corev1.PersistentVolumeClaim) bool {
	_, ours := RestoreRef(claim)
	return claim.Status.Phase != corev1.ClaimBound && claim.DeletionTimestamp == nil && (ours || IsLock(claim.Spec.VolumeName))
}

// settles reports whether the Restore is of this life of the claim and needs the
// catalog no more: the claim starts empty, or its data is there.
func settles(r *v1alpha1.Restore, claim *corev1.PersistentVolumeClaim) bool {
	if r.Namespace != claim.Namespace || r.Status.Claim == nil || r.Status.Claim.UID != claim.UID {
		return false
	}
	return r.Status.Empty || r.Status.Phase == v1alpha1.PhaseHandingOver || r.Status.Phase == v1alpha1.PhaseCompleted
}
