package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// IsTest reports whether the claim has the mark of a copy, which was made to see what
// comes back. The mark is of this life of the claim alone, since its lock is. A tenant may
// write it, too: which claims are copies is for [Copies] to say.
func IsTest(claim *corev1.PersistentVolumeClaim) bool {
	mark := claim.Annotations[v1alpha1.TestAnnotation]
	return IsLock(mark) && mark == claim.Spec.VolumeName
}

// Copies knows which claims are copies that Soteria made to look at a backup: policies do
// not back them up, and no backups are expected of them. Package copies keeps account of
// them.
type Copies interface {
	// Among returns the uids of those claims that are copies. It reads nothing where none
	// of them has the mark, and does not fail: a claim that is not known to be a copy is
	// one like others.
	Among(ctx context.Context, claims []corev1.PersistentVolumeClaim) sets.Set[types.UID]
}

// CopiesAmong is Among of copies, where there may be no one who knows of any.
func CopiesAmong(ctx context.Context, known Copies, claims []corev1.PersistentVolumeClaim) sets.Set[types.UID] {
	if known == nil {
		return nil
	}
	return known.Among(ctx, claims)
}

// TestSpared says of a copy why no backups of it are taken.
const TestSpared = "the claim is a copy to look at a backup, so it is not backed up: remove it when it is not needed any more (DELETE /v1/copies), or remove its annotation " +
	v1alpha1.TestAnnotation + " to keep it"
