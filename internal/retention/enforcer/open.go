package enforcer

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/retention"
)

// openRestores reads all restores that are not complete: Restores, also those that
// no claim refers to yet, and locked claims whose Restore is not made yet.
//
// It is asked only where there is something to remove, and reads without copying.
func openRestores(ctx context.Context, reader client.Reader) ([]retention.Open, error) {
	var restores v1alpha1.RestoreList
	if err := reader.List(ctx, &restores, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing Restores: %w", err)
	}
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing claims: %w", err)
	}
	byName := make(map[types.NamespacedName]*v1alpha1.Restore, len(restores.Items))
	for i := range restores.Items {
		byName[client.ObjectKeyFromObject(&restores.Items[i])] = &restores.Items[i]
	}
	var open []retention.Open
	for i := range claims.Items {
		claim := &claims.Items[i]
		_, name, locked := kube.LockOf(claim)
		key := types.NamespacedName{Namespace: claim.Namespace, Name: name}
		if restore := byName[key]; locked && !isOver(restore, claim) {
			open = append(open, openFor(claim, key, restore))
		}
	}
	for key, restore := range byName {
		if restore.Status.Phase != v1alpha1.PhaseCompleted {
			open = append(open, openFor(claimOf(restore), key, restore))
		}
	}
	return open, nil
}

// isOver reports whether nothing is left to restore to a locked claim.
func isOver(restore *v1alpha1.Restore, claim *corev1.PersistentVolumeClaim) bool {
	if claim.Status.Phase == corev1.ClaimBound {
		return true // should the record lag behind, the Restore itself is open
	}
	return restore != nil && restore.Status.Phase == v1alpha1.PhaseCompleted && restore.Status.Claim != nil && restore.Status.Claim.UID == claim.UID
}

// claimOf names the claim that a Restore is for, as far as it says so itself.
func claimOf(restore *v1alpha1.Restore) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: restore.Namespace}}
	switch made, err := backup.ParseClaim(restore.Annotations[v1alpha1.ClaimAnnotation]); {
	case restore.Status.Claim != nil:
		claim.Name = restore.Status.Claim.Name
	case err == nil && made.Namespace == restore.Namespace:
		claim.Name = made.Name
	}
	return claim
}

// openFor describes a restore that is not complete: by the backup that is pinned,
// else by what the claim and the Restore, which may be nil, wish for.
func openFor(claim *corev1.PersistentVolumeClaim, key types.NamespacedName, restore *v1alpha1.Restore) retention.Open {
	source, wanted, _ := kube.Wish(claim, restore)
	open := retention.Open{
		Name: key.String(), Target: backup.Claim{Namespace: claim.Namespace, Name: claim.Name}, Source: source, Backup: wanted.ID,
	}
	if restore != nil && restore.Status.Backup != nil {
		pinned := restore.Status.Backup
		open.Driver, open.Backup = pinned.Driver, pinned.ID
		open.Source = backup.Claim{Namespace: cmp.Or(pinned.Source.Namespace, key.Namespace), Name: pinned.Source.Name}
	}
	return open
}
