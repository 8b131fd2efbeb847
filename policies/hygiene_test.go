package policies_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func hygieneTrial(name string, claims []trialClaim) func(string) trial {
	return func(text string) trial {
		trial := trial{policy: text, namespaces: namespaces}
		trial.add(claims, validating(expected{Policy: name, IsValidatingPolicy: true}))
		return trial
	}
}

var withoutReason = []trialClaim{
	{name: "skipped", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}, want: untouched},
	{name: "skipped-silently", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, want: refused},
	{name: "skipped-blankly", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "  "}, want: refused},
}

var unprotected = []trialClaim{
	{name: "auto", labels: auto, want: untouched},
	{name: "daily", labels: daily, want: untouched},
	{name: "skipped", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, want: untouched},
	{name: "by-namespace", namespace: "strict", want: untouched},
	{name: "by-odd-namespace", namespace: "odd", want: refused},
	{name: "unlabelled", want: refused},
	{name: "monthly", labels: map[string]string{v1alpha1.BackupLabel: "monthly"}, want: refused},
}

// withoutEffect are claims in a namespace that Soteria keeps out of.
var withoutEffect = []trialClaim{
	{name: "unlabelled", namespace: excludedNamespace, want: untouched},
	{name: "skipped", namespace: excludedNamespace, labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, want: untouched},
	{name: "auto", namespace: excludedNamespace, labels: auto, want: refused},
	{name: "required", namespace: excludedNamespace, labels: map[string]string{v1alpha1.RestoreLabel: "required"}, want: refused},
}

const excludedNamespace = "kube-system"

func TestHygiene(t *testing.T) {
	skipReason := read(t, "kyverno", "hygiene", "skip-reason.yaml")
	protected := read(t, "kyverno", "hygiene", "protected.yaml")
	excluded := read(t, "kyverno", "hygiene", "excluded.yaml")
	trySkipReason := hygieneTrial("soteria-skip-needs-a-reason", withoutReason)
	tryProtected := hygieneTrial("soteria-claims-are-protected", unprotected)
	tryExcluded := func(text string) trial {
		labels := map[string]string{corev1.LabelMetadataName: excludedNamespace}
		trial := trial{policy: text, namespaces: map[string]map[string]string{excludedNamespace: labels}}
		trial.add(withoutEffect, validating(expected{Policy: "soteria-label-without-effect", IsValidatingAdmissionPolicy: true}))
		return trial
	}

	t.Run("finds claims that skip without a reason", func(t *testing.T) { trySkipReason(skipReason).requireAsExpected(t) })
	t.Run("finds claims that nothing protects", func(t *testing.T) { tryProtected(protected).requireAsExpected(t) })
	t.Run("finds labels that have no effect", func(t *testing.T) { tryExcluded(excluded).requireAsExpected(t) })

	t.Run("is not satisfied by a blank reason", func(t *testing.T) {
		requireHolesFound(t, skipReason, trySkipReason, map[string]hole{"blank": {"app/skipped-blankly", []string{".trim() != ''", " != ''"}}})
	})
	t.Run("is not satisfied by any label", func(t *testing.T) {
		requireHolesFound(t, protected, tryProtected, map[string]hole{"monthly": {"app/monthly", []string{"'weekly']", "'weekly', 'monthly']"}}})
	})
	t.Run("is not satisfied by required", func(t *testing.T) {
		requireHolesFound(t, excluded, tryExcluded, map[string]hole{"required": {"kube-system/required", []string{"== 'skip'", "!= 'auto'"}}})
	})
}
