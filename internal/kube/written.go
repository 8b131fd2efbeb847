package kube

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

const (
	// boundByBinder marks a claim whose volume name the volume binder wrote, not
	// the user.
	boundByBinder = "pv.kubernetes.io/bound-by-controller"
	// generatedSuffix is how many characters the API server appends to a
	// generateName.
	generatedSuffix = 5
)

// AsWritten gives a living claim as its manifest would make it again in a new
// cluster: without its uid, its age and what admission and the volume binder wrote on it, and
// without a name where that was generated. A volume name that the user chose stays. The
// given claim is not changed; the result shares data with it and must not be
// changed either.
func AsWritten(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	written := *claim
	written.UID, written.CreationTimestamp = "", metav1.Time{}
	if lock, restore, locked := LockOf(claim); locked {
		written.Spec.VolumeName = ""
		if restore == lock {
			written.Spec.DataSource, written.Spec.DataSourceRef = nil, nil
		}
	}
	if referred(claim) {
		written.Spec.DataSource, written.Spec.DataSourceRef = nil, nil
	}
	if _, byBinder := claim.Annotations[boundByBinder]; byBinder {
		written.Spec.VolumeName = ""
	}
	if nameIsGenerated(claim) {
		written.Name = ""
	}
	written.Annotations = withoutStamps(claim.Annotations)
	return &written
}

func nameIsGenerated(claim *corev1.PersistentVolumeClaim) bool {
	return claim.GenerateName != "" && strings.HasPrefix(claim.Name, claim.GenerateName) &&
		len(claim.Name) == len(claim.GenerateName)+generatedSuffix
}

// withoutStamps drops what Soteria writes on claims.
func withoutStamps(annotations map[string]string) map[string]string {
	stamps := []string{v1alpha1.VerdictAnnotation, v1alpha1.EvidenceAnnotation, v1alpha1.FoundAnnotation, v1alpha1.JudgedAtAnnotation, v1alpha1.TouchedAnnotation,
		v1alpha1.RestoredAnnotation, v1alpha1.ChoiceToldAnnotation}
	stamped := func(stamp string) bool { _, has := annotations[stamp]; return has }
	if !slices.ContainsFunc(stamps, stamped) {
		return annotations
	}
	kept := maps.Clone(annotations)
	for _, stamp := range stamps {
		delete(kept, stamp)
	}
	return kept
}
