package schedule

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// observeClaims reads all claims, and what keeps each from being backed up, from
// a cache. What it gives shares its maps with the cache and must not be changed.
func observeClaims(ctx context.Context, reader client.Reader, own string, copies kube.Copies) ([]Claim, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing claims: %w", err)
	}
	var restores v1alpha1.RestoreList
	if err := reader.List(ctx, &restores, client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing restores: %w", err)
	}
	open := make(map[types.UID]*v1alpha1.Restore)
	for i := range restores.Items {
		r := &restores.Items[i]
		if r.Status.Claim != nil && r.Status.Phase != v1alpha1.PhaseCompleted {
			open[r.Status.Claim.UID] = r
		}
	}
	excluded, spared := kube.ExcludedNamespaces(own), kube.CopiesAmong(ctx, copies, claims.Items)
	observed := make([]Claim, 0, len(claims.Items))
	for i := range claims.Items {
		pvc := &claims.Items[i]
		c := Claim{
			Claim: backup.Claim{Namespace: pvc.Namespace, Name: pvc.Name}, UID: pvc.UID, Made: pvc.CreationTimestamp.Time,
			Labels: pvc.Labels, Annotations: pvc.Annotations,
		}
		_, keptOut := slices.BinarySearch(excluded, pvc.Namespace)
		c.Obstacle, c.Message = obstacle(pvc, open[pvc.UID], keptOut, spared.Has(pvc.UID))
		observed = append(observed, c)
	}
	return observed, nil
}

// obstacle tells what keeps a claim from being backed up. The driver asks the API
// server again before it starts anything.
func obstacle(pvc *corev1.PersistentVolumeClaim, open *v1alpha1.Restore, excluded, isCopy bool) (policy.Reason, string) {
	_, _, locked := kube.LockOf(pvc)
	unbound := pvc.Status.Phase != corev1.ClaimBound
	switch {
	case excluded:
		return policy.Excluded, "Soteria keeps out of namespace " + pvc.Namespace
	case pvc.DeletionTimestamp != nil:
		return policy.Deleting, "the claim is being deleted"
	case open != nil && open.Status.Phase == v1alpha1.PhaseSelecting:
		return policy.Held, fmt.Sprintf("Restore %s: %s", open.Name, cmp.Or(open.Status.Message, "it is being settled which backup the claim gets"))
	case open != nil:
		return policy.Restoring, fmt.Sprintf("Restore %s: %s", open.Name, cmp.Or(open.Status.Message, string(open.Status.Phase)))
	case unbound && locked:
		return policy.Held, "the claim waits for its Restore"
	case isCopy:
		return policy.Excluded, kube.TestSpared
	case unbound:
		return policy.Unbound, fmt.Sprintf("the claim is not bound to a volume (%s)", cmp.Or(string(pvc.Status.Phase), "no phase yet"))
	}
	return "", ""
}
