package intent

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Records gives the Restores of a namespace, or of all with an empty name, newest
// first, from the cache. A claim that is locked and has no Restore yet, because the
// controller has not come to it, is among them with one that has no phase: it is
// being restored all the same.
func (r *Requests) Records(ctx context.Context, namespace string) ([]v1alpha1.Restore, error) {
	return records(ctx, r.Client, namespace)
}

func records(ctx context.Context, reader client.Reader, namespace string) ([]v1alpha1.Restore, error) {
	var restores v1alpha1.RestoreList
	if err := reader.List(ctx, &restores, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing Restores: %w", err)
	}
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing claims: %w", err)
	}
	recorded := make(map[types.NamespacedName]bool, len(restores.Items))
	for i := range restores.Items {
		recorded[client.ObjectKeyFromObject(&restores.Items[i])] = true
	}
	all := restores.Items
	for i := range claims.Items {
		if awaited, waits := awaited(&claims.Items[i]); waits && !recorded[client.ObjectKeyFromObject(&awaited)] {
			all = append(all, awaited)
		}
	}
	slices.SortFunc(all, func(a, b v1alpha1.Restore) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// Record gives one Restore, read from the API server, so that one who has just
// asked for it finds it. The error is of kind NotFound where there is none.
func (r *Requests) Record(ctx context.Context, namespace, name string) (v1alpha1.Restore, error) {
	var restore v1alpha1.Restore
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &restore)
	switch {
	case err == nil:
		return restore, nil
	case !apierrors.IsNotFound(err):
		return v1alpha1.Restore{}, backup.Errorf(backup.Unavailable, "reading Restore %s/%s: %w", namespace, name, err)
	}
	all, err := records(ctx, r.Reader, namespace)
	if err != nil {
		return v1alpha1.Restore{}, err
	}
	at := slices.IndexFunc(all, func(each v1alpha1.Restore) bool { return each.Name == name })
	if at < 0 {
		return v1alpha1.Restore{}, backup.Errorf(backup.NotFound, "there is no Restore %s/%s", namespace, name)
	}
	return all[at], nil
}

// awaited describes the Restore that the controller will make for a locked claim.
func awaited(claim *corev1.PersistentVolumeClaim) (v1alpha1.Restore, bool) {
	lock, name, locked := kube.LockOf(claim)
	if !locked || claim.Status.Phase == corev1.ClaimBound || claim.DeletionTimestamp != nil {
		return v1alpha1.Restore{}, false
	}
	return v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: name, CreationTimestamp: claim.CreationTimestamp},
		Status: v1alpha1.RestoreStatus{
			Claim:   &v1alpha1.ClaimReference{Name: claim.Name, UID: claim.UID, Lock: lock},
			Message: "the claim is locked and waits for Soteria's leader to take it up",
		},
	}, true
}
