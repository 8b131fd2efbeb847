package kube

import (
	"cmp"
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
	return expiryOf(claim, claim.Annotations, "annotation "+v1alpha1.ExpiresAnnotation, rules)
}

// expiryOf reads the annotation of the claim, or of what it refers to; what names it.
func expiryOf(claim *corev1.PersistentVolumeClaim, annotations map[string]string, what string, rules backup.Rules) Expiry {
	value, set := annotations[v1alpha1.ExpiresAnnotation]
	if !set {
		return Expiry{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return Expiry{Problem: fmt.Sprintf("%s is %q; it must be a time such as 2026-04-12T15:30:00Z (RFC 3339)", what, backup.Clip(value, backup.MaxWord))}
	}
	made := claim.CreationTimestamp.Time
	if made.IsZero() {
		if rules.ClockDoubt || rules.Now.IsZero() {
			return Expiry{At: at, Problem: fmt.Sprintf("it cannot be told whether %s has passed: Soteria's clock is in doubt", what)}
		}
		made = rules.Now
	}
	return Expiry{At: at, Passed: !made.Before(at)}
}

// referredExpiry is until when a claim asks for what the Restore says that it refers to:
// the claim's own expiry bounds its reference, and the annotation on the Restore what
// that says. The first of them to end ends it.
func referredExpiry(own Expiry, claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, rules backup.Rules) Expiry {
	if restore == nil {
		return own
	}
	its := expiryOf(claim, restore.Annotations, fmt.Sprintf("annotation %s of Restore %s", v1alpha1.ExpiresAnnotation, restore.Name), rules)
	first := own
	if own.At.IsZero() || !its.At.IsZero() && its.At.Before(own.At) {
		first.At = its.At
	}
	first.Passed = own.Passed || its.Passed
	if first.Problem = cmp.Or(own.Problem, its.Problem); first.Passed {
		first.Problem = ""
	}
	return first
}

// wishing is a claim, and the Restore that it refers to, without what has expired of
// their wish. A problem says why it cannot be told what has.
func wishing(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, own Expiry, rules backup.Rules) (*corev1.PersistentVolumeClaim, *v1alpha1.Restore, string) {
	referred, problem := referredExpiry(own, claim, restore, rules), ""
	if chooses(claim) {
		problem = own.Problem
	}
	if restore != nil && restore.Spec != (v1alpha1.RestoreSpec{}) {
		problem = cmp.Or(problem, referred.Problem)
	}
	if referred.Passed {
		restore = nil
	}
	if own.Passed {
		claim = withoutChoice(claim)
	}
	return claim, restore, problem
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
