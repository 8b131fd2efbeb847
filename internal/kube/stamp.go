package kube

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Stamp writes a verdict on a claim that is being created. A verdict that locks
// sets the volume name to lock and, where the manifest does not refer to a
// Restore already, the data source to a Restore of the lock's name; a claim that
// is locked already keeps its lock. A claim that refers to a Restore is locked
// even to start empty: no provisioner knows that kind of data source, so the
// controller has to hand it an empty volume. Refer sets the data source alone.
// Ignore and Deny change nothing.
func Stamp(claim *corev1.PersistentVolumeClaim, verdict decision.Verdict, answer backup.Answer, answered bool, lock string) {
	if verdict.Kind == decision.Ignore || verdict.Kind == decision.Deny {
		return
	}
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	maps.Copy(claim.Annotations, Stamps(verdict, answer, answered))
	delete(claim.Annotations, v1alpha1.FoundAnnotation) // of an earlier life
	if verdict.Kind == decision.Refer {
		refer(claim, verdict.Populator)
		return
	}
	_, refersToRestore := RestoreRef(claim)
	if !verdict.Kind.Locks() && !refersToRestore {
		return
	}
	if _, _, locked := LockOf(claim); !locked {
		claim.Spec.VolumeName = lock
	}
	if refersToRestore {
		return
	}
	claim.Spec.DataSourceRef = &corev1.TypedObjectReference{
		APIGroup: ptr.To(v1alpha1.Group),
		Kind:     v1alpha1.RestoreKind,
		Name:     lock,
	}
}

// Stamps are the annotations that tell a claim's verdict and what it rests on.
func Stamps(verdict decision.Verdict, answer backup.Answer, answered bool) map[string]string {
	return map[string]string{
		v1alpha1.VerdictAnnotation:  fmt.Sprintf("%s (%s)", verdict.Kind, verdict.Reason),
		v1alpha1.EvidenceAnnotation: evidence(verdict, answer, answered),
	}
}

func evidence(verdict decision.Verdict, answer backup.Answer, answered bool) string {
	if !answered {
		return verdict.Message
	}
	return answer.EvidenceString()
}
