package kube

import (
	"crypto/rand"
	"encoding/base32"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// lockRandomBytes make 80 bits: two admissions never draw the same lock, and
// nobody can guess the lock of a claim that is yet to come.
const lockRandomBytes = 10

var lockEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewLock draws a reserved volume name. It is new for each admission: a claim's
// uid does not exist yet then, and a retained volume of an earlier life must
// never match.
func NewLock() string {
	random := make([]byte, lockRandomBytes)
	// crypto/rand.Read never fails: it ends the process rather than give bytes
	// that are not random.
	_, _ = rand.Read(random)
	return v1alpha1.LockPrefix + lockEncoding.EncodeToString(random)
}

// NamedLock is the lock of a claim that was locked inside the API server by the
// policies of policies/inprocess: they have no random source. It is the same in
// each of the claim's lives, and two claims may share one ("a-b/c" and "a/b-c").
func NamedLock(namespace, claim string) string {
	return v1alpha1.LockPrefix + namespace + "-" + claim
}

// IsLock reports whether a volume name is one of Soteria's locks.
func IsLock(volumeName string) bool {
	return strings.HasPrefix(volumeName, v1alpha1.LockPrefix) && len(volumeName) > len(v1alpha1.LockPrefix)
}

// LockOf gives the lock and the name of the Restore that a locked claim waits
// for. A claim is locked when its volume name is a lock and its data source is a
// Restore of Soteria's.
func LockOf(claim *corev1.PersistentVolumeClaim) (lock, restore string, locked bool) {
	restore, ours := RestoreRef(claim)
	if !ours || !IsLock(claim.Spec.VolumeName) {
		return "", "", false
	}
	return claim.Spec.VolumeName, restore, true
}

// RestoreRef gives the name of the Restore that the claim's data source names.
func RestoreRef(claim *corev1.PersistentVolumeClaim) (name string, ours bool) {
	if ref := claim.Spec.DataSourceRef; ref != nil {
		if ref.Kind == v1alpha1.RestoreKind && ref.APIGroup != nil && *ref.APIGroup == v1alpha1.Group && sameNamespace(ref.Namespace, claim.Namespace) {
			return ref.Name, true
		}
		return "", false
	}
	if ref := claim.Spec.DataSource; ref != nil && ref.Kind == v1alpha1.RestoreKind && ref.APIGroup != nil && *ref.APIGroup == v1alpha1.Group {
		return ref.Name, true
	}
	return "", false
}

// WrittenRef returns the name of the Restore that the claim's author refers to:
// its wish. A reference by the claim's own lock is Soteria's, and so is one by
// another lock: the claim was exported while it had that one.
func WrittenRef(claim *corev1.PersistentVolumeClaim) (name string, wished bool) {
	name, ours := RestoreRef(claim)
	if !ours || name == claim.Spec.VolumeName || isDrawn(name) || name == NamedLock(claim.Namespace, claim.Name) {
		return "", false
	}
	return name, true
}

// isDrawn reports whether a name is of the form that [NewLock] draws.
func isDrawn(name string) bool {
	random, prefixed := strings.CutPrefix(name, v1alpha1.LockPrefix)
	decoded, err := lockEncoding.DecodeString(random)
	return prefixed && err == nil && len(decoded) == lockRandomBytes
}

func sameNamespace(ref *string, namespace string) bool {
	return ref == nil || *ref == "" || *ref == namespace
}
