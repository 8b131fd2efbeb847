package kube

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Expiry is until when what a claim's manifest asks of a restore holds
// (soteria.dev/expires). The zero value holds for ever.
//
// A choice belongs to one life of the claim: it counts for a claim that was made before
// it expired, however long that waits for its data, and not for one that is made later.
// So a claim never gets another backup than the one that it began to wait for.
type Expiry struct {
	// At is when it ends; the zero time where it does not, or that cannot be understood.
	At time.Time
	// Passed is true where the claim was made after that: its choice is ignored.
	Passed bool
	// Problem says why it cannot be told whether the choice holds; empty where it can.
	Problem string
}

// ExpiryOf reads until when a claim's choice holds. A claim that is being created has no
// time of creation yet; the rules say what time it is.
func ExpiryOf(claim *corev1.PersistentVolumeClaim, rules backup.Rules) Expiry {
	value, set := claim.Annotations[v1alpha1.ExpiresAnnotation]
	if !set {
		return Expiry{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return Expiry{Problem: fmt.Sprintf("annotation %s is %q; it must be a time such as 2026-04-12T15:30:00Z (RFC 3339)",
			v1alpha1.ExpiresAnnotation, backup.Clip(value, backup.MaxWord))}
	}
	made := claim.CreationTimestamp.Time
	if made.IsZero() {
		if rules.ClockDoubt || rules.Now.IsZero() {
			return Expiry{At: at, Problem: fmt.Sprintf("it cannot be told whether annotation %s has passed: Soteria's clock is in doubt", v1alpha1.ExpiresAnnotation)}
		}
		made = rules.Now
	}
	return Expiry{At: at, Passed: !made.Before(at)}
}

// withoutChoice is the claim without what its manifest asks of a restore.
func withoutChoice(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	bare := claim.DeepCopy()
	for _, key := range choiceAnnotations {
		delete(bare.Annotations, key)
	}
	if bare.Labels[v1alpha1.RestoreLabel] == "skip" {
		delete(bare.Labels, v1alpha1.RestoreLabel)
	}
	return bare
}

// choiceAnnotations are by what a claim asks for another backup than its newest.
var choiceAnnotations = []string{v1alpha1.RestoreFromAnnotation, v1alpha1.RestoreAsOfAnnotation, v1alpha1.RestoreBackupAnnotation}

// chooses reports whether a claim asks for another backup than its newest, by itself.
func chooses(claim *corev1.PersistentVolumeClaim) bool {
	for _, key := range choiceAnnotations {
		if _, set := claim.Annotations[key]; set {
			return true
		}
	}
	return false
}
