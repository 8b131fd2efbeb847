package policies_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

var daily = map[string]string{v1alpha1.BackupLabel: "daily"}

// labelled gives daily with the label of Soteria's besides.
func labelled(restore string) map[string]string {
	return map[string]string{v1alpha1.BackupLabel: "daily", v1alpha1.RestoreLabel: restore}
}

// volsyncClaims are claims that VolSync backs up.
func volsyncClaims() []trialClaim {
	claims := []trialClaim{
		{name: "photos", labels: daily, answer: found, want: restored},
		{name: "hourly", labels: map[string]string{v1alpha1.BackupLabel: "hourly"}, answer: found, want: restored},
		{name: "new", labels: daily, answer: none, want: untouched},
		{name: "required", labels: labelled("required"), answer: none, want: refused},
		{name: "required-and-there", labels: labelled("required"), answer: found, want: restored},
		{name: "in-a-recovery", labels: daily, answer: answered(200, map[string]any{"decision": "hold"}), want: refused},
		{name: "skipped", labels: labelled("skip"), annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}, want: untouched},
		{name: "skipped-silently", labels: labelled("skip"), want: refused},
		{name: "mislabelled", labels: labelled("yes"), answer: none, want: refused},
		{name: "as-of", labels: daily, annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: "2026-01-01T00:00:00Z"}, answer: found, want: refused},
		{name: "chosen", labels: daily, spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-7"}, answer: found, want: unmatched},
		{name: "in-git", labels: daily, spec: corev1.PersistentVolumeClaimSpec{DataSourceRef: replication("mine")}, answer: found, want: unmatched},
	}
	for name, answer := range dubious {
		if name != "lockless" && name != "a-foreign-lock" && name != "an-odd-lock" { // nothing is locked
			claims = append(claims, trialClaim{name: name, labels: daily, answer: answer, want: refused})
		}
	}
	return claims
}

func replication(name string) *corev1.TypedObjectReference {
	return &corev1.TypedObjectReference{APIGroup: ptr.To("volsync.backube"), Kind: "ReplicationDestination", Name: name}
}

func volsyncTrial(policy string) trial {
	trial := trial{policy: policy, namespaces: namespaces}
	trial.add(volsyncClaims(), mutating("soteria-volsync"))
	for _, object := range trial.patched {
		if claim := object.(*corev1.PersistentVolumeClaim); claim.Spec.VolumeName == lock {
			claim.Spec.VolumeName, claim.Spec.DataSourceRef = "", replication(claim.Name+"-backup")
		}
	}
	return trial
}

func TestTheVolSyncPolicyLetsOnlyProvedAnswersThrough(t *testing.T) {
	volsyncTrial(read(t, "volsync", "restore.yaml")).requireAsExpected(t)
}

func TestTheTrialFindsHolesInTheVolSyncPolicy(t *testing.T) {
	requireHolesFound(t, read(t, "volsync", "restore.yaml"), volsyncTrial, map[string]hole{
		"the status is not looked at":            {"app/broken", []string{"variables.answer.statusCode != 200 ?", "false ?"}},
		"an error is not looked at":              {"app/with-error", []string{"'error' in variables.body && variables.body.error != '' ?", "false ?"}},
		"what is not authoritative is believed":  {"app/unproved", []string{"!('authoritative' in variables.body) || variables.body.authoritative != true ?", "false ?"}},
		"a required restore may be missing":      {"app/required", []string{"variables.mode == 'required' ?", "false ?"}},
		"a wish is not looked at":                {"app/as-of", []string{"exists(a, a in variables.annotations)", "exists(a, false)"}},
		"the user's own data source is replaced": {"app/in-git", []string{"!has(object.spec.dataSourceRef) && !has(object.spec.dataSource)", "true"}},
	})
}
