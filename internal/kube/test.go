package kube

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// IsTest reports whether a restore test made the claim, to see what comes back: it is
// not backed up by policies, and no backups are expected of it. The mark is of this life
// of the claim alone, since its lock is.
func IsTest(claim *corev1.PersistentVolumeClaim) bool {
	mark := claim.Annotations[v1alpha1.TestAnnotation]
	return IsLock(mark) && mark == claim.Spec.VolumeName
}

// TestSpared says of a claim that [IsTest] why no backups of it are taken.
const TestSpared = "the claim was made by a restore test, so it is not backed up: delete it when it is not needed any more, or remove its annotation " +
	v1alpha1.TestAnnotation + " to keep it"
