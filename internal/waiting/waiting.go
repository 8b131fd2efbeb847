package waiting

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Wait is a claim that waits for its backup to be settled, and whose backup that is.
type Wait struct{ Claim, Source backup.Claim }

// List returns the claims that are locked, for which no backup was chosen yet, and
// that start empty once it is proved that there is none. It changes no object that
// the reader returns. An error is of kind Unavailable: it cannot be told which wait.
func List(ctx context.Context, reader client.Reader, policy kube.Policy) ([]Wait, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for claims that wait: %w", err)
	}
	var all []Wait
	for i := range claims.Items {
		claim := &claims.Items[i]
		_, name, locked := kube.LockOf(claim)
		if !locked || claim.Status.Phase == corev1.ClaimBound || !claim.DeletionTimestamp.IsZero() {
			continue
		}
		source, waits, err := look(ctx, reader, policy, claim, name)
		if err != nil {
			return nil, err
		}
		if waits {
			all = append(all, Wait{backup.Claim{Namespace: claim.Namespace, Name: claim.Name}, source})
		}
	}
	return all, nil
}

// look reports whether a locked claim waits, and for whose backup.
func look(ctx context.Context, reader client.Reader, policy kube.Policy, claim *corev1.PersistentVolumeClaim, restore string) (source backup.Claim, waits bool, err error) {
	wish := &v1alpha1.Restore{}
	err = reader.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: restore}, wish)
	switch s := wish.Status; {
	case apierrors.IsNotFound(err):
		wish = nil
	case err != nil:
		return backup.Claim{}, false, backup.Errorf(backup.Unavailable, "reading Restore %s/%s: %w", claim.Namespace, restore, err)
	case s.Claim != nil && s.Claim.UID == claim.UID && (s.Backup != nil || s.Empty):
		return backup.Claim{}, false, nil
	}
	facts, err := kube.ReadFacts(ctx, reader, claim, wish, policy)
	if err != nil {
		return backup.Claim{}, false, backup.Errorf(backup.Unavailable, "looking at claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	facts.Answer = backup.ProvedNone(backup.Evidence{})
	empty := decision.NeedsAnswer(facts) && decision.Decide(facts).Kind == decision.Fresh
	return facts.Source, empty, nil
}
