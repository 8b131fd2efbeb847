package policies_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// created is when the claims of the guard's trial are.
var created = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stamp is what Soteria wrote on a claim that long before it was created.
func stamp(verdict string, before time.Duration) map[string]string {
	return map[string]string{
		v1alpha1.VerdictAnnotation:  verdict,
		v1alpha1.JudgedAtAnnotation: created.Add(-before).Format(time.RFC3339),
	}
}

var locked = corev1.PersistentVolumeClaimSpec{VolumeName: lock, DataSourceRef: restoreRef(lock)}

// guarded are claims as the guard sees them, after every mutation.
var guarded = []trialClaim{
	{name: "locked", labels: auto, spec: locked, annotations: stamp("Restore (BackupFound)", time.Second), want: unmatched},
	{name: "fresh", labels: auto, annotations: stamp("Fresh (NoBackupExists)", time.Second), want: untouched},
	{name: "fresh-by-a-clock-ahead", labels: auto, annotations: stamp("Fresh (NoBackupExists)", -time.Minute), want: untouched},
	{name: "fresh-daily", labels: daily, annotations: stamp("Fresh (NoBackupExists)", time.Second), want: untouched},
	{name: "skipped", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}, want: untouched},
	{name: "unseen", labels: auto, want: refused},
	{name: "unseen-daily", labels: daily, want: refused},
	{name: "unlocked", labels: auto, annotations: stamp("Restore (BackupFound)", time.Second), want: refused},
	{name: "held-no-more", labels: auto, annotations: stamp("Hold (BackupsUnknown)", time.Second), want: refused},
	{name: "fresh-in-an-earlier-life", labels: auto, annotations: stamp("Fresh (NoBackupExists)", time.Hour), want: refused},
	{name: "fresh-some-day", labels: auto, annotations: map[string]string{v1alpha1.VerdictAnnotation: "Fresh (NoBackupExists)"}, want: refused},
	{name: "fresh-at-an-odd-time", labels: auto, annotations: map[string]string{
		v1alpha1.VerdictAnnotation: "Fresh (NoBackupExists)", v1alpha1.JudgedAtAnnotation: "just now",
	}, want: refused},
	{name: "fresh-with-reference", labels: auto, annotations: stamp("Fresh (NoBackupExists)", time.Second), spec: corev1.PersistentVolumeClaimSpec{DataSourceRef: restoreRef("mine")}, want: refused},
	{name: "skipped-silently", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: stamp("Fresh (Skipped)", time.Second), want: refused},
	{name: "mislabelled", labels: map[string]string{v1alpha1.RestoreLabel: "yes"}, annotations: stamp("Fresh (NoBackupExists)", time.Second), want: refused},
	{name: "chosen", labels: auto, spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-7"}, want: unmatched},
	{name: "other-source", labels: auto, spec: corev1.PersistentVolumeClaimSpec{DataSourceRef: replication("photos-backup")}, want: unmatched},
	{name: "unlabelled", want: unmatched},
}

var guardedByNamespace = []trialClaim{
	{name: "ns-fresh", namespace: "labelled", annotations: stamp("Fresh (NoBackupExists)", time.Second), want: untouched},
	{name: "ns-unseen", namespace: "labelled", want: refused},
	{name: "ns-mislabelled", namespace: "odd", annotations: stamp("Fresh (NoBackupExists)", time.Second), want: refused},
}

// validating is what the command line calls the outcomes of a policy that only
// validates.
func validating(e expected) func(trialClaim) expected {
	words := map[outcome]string{untouched: "pass", unmatched: "skip", refused: "fail"}
	return func(c trialClaim) expected {
		e.Result = words[c.want]
		return e
	}
}

func guardTrial(policy string) trial {
	trial := trial{policy: policy, namespaces: namespaces}
	trial.add(guarded, validating(expected{Policy: "soteria-guard", IsValidatingPolicy: true}))
	trial.add(guardedByNamespace, validating(expected{Policy: "soteria-guard-namespace", IsValidatingPolicy: true}))
	return trial.asCreated()
}

func plainGuardTrial(policy string) trial {
	expect := validating(expected{Policy: "soteria-guard", IsValidatingAdmissionPolicy: true})
	trial := trial{policy: policy, namespaces: namespaces}
	trial.add(guarded, func(c trialClaim) expected {
		if len(c.labels) == 0 { // its namespace might have the label: it is looked at
			c.want = untouched
		}
		return expect(c)
	})
	trial.add(guardedByNamespace, expect)
	return trial.asCreated()
}

// asCreated gives the claims the time of their creation, which the API server sets
// before it asks policies that only validate.
func (trial trial) asCreated() trial {
	for _, object := range trial.objects {
		object.(*corev1.PersistentVolumeClaim).CreationTimestamp = metav1.NewTime(created)
	}
	return trial
}

func TestTheGuardLetsOnlyClaimsThroughThatSoteriaSaw(t *testing.T) {
	t.Run("in Kyverno", func(t *testing.T) {
		guardTrial(read(t, "kyverno", "guard", "guard.yaml")).requireAsExpected(t)
	})
	t.Run("in the API server", func(t *testing.T) {
		plainGuardTrial(read(t, "kyverno", "guard", "plain", "guard.yaml")).requireAsExpected(t)
	})
}

func TestTheTrialFindsHolesInTheGuard(t *testing.T) {
	holes := map[string]hole{
		"any stamp will do":            {"app/unlocked", []string{".startsWith('Fresh ')", ".startsWith('')"}},
		"stamps do not age":            {"app/fresh-in-an-earlier-life", []string{"- timestamp(variables.judgedAt) < duration('5m')", "- timestamp(variables.judgedAt) < duration('5000h')"}},
		"skip needs no reason":         {"app/skipped-silently", []string{"variables.mode != 'skip' || variables.skipped", "variables.mode != 'never'"}},
		"a reference needs no lock":    {"app/fresh-with-reference", []string{"&& !has(object.spec.dataSourceRef)", ""}},
		"labels may be anything":       {"app/mislabelled", []string{"variables.mode in ['auto', 'required', 'skip']", "true"}},
		"what nobody saw is let start": {"app/unseen", []string{"variables.stamped && !has(object.spec.dataSourceRef)", "true"}},
	}
	t.Run("in Kyverno", func(t *testing.T) {
		requireHolesFound(t, read(t, "kyverno", "guard", "guard.yaml"), guardTrial, holes)
	})
	t.Run("in the API server", func(t *testing.T) {
		requireHolesFound(t, read(t, "kyverno", "guard", "plain", "guard.yaml"), plainGuardTrial, holes)
	})
}
