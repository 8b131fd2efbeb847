package kube_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

// TestARestoreChoosesAsAnnotationsDo says the same thing by annotations and by a Restore.
func TestARestoreChoosesAsAnnotationsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		restore := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "wish", Annotations: map[string]string{}}}
		annotations := map[string]string{}
		if rapid.Bool().Draw(t, "as of") {
			restore.Spec.AsOf = ptr.To(metav1.NewTime(noon.Add(-time.Hour)))
			annotations[v1alpha1.RestoreAsOfAnnotation] = "2026-04-12T11:00:00Z"
		}
		if rapid.Bool().Draw(t, "backup") {
			restore.Spec.Backup = "0123456789"
			annotations[v1alpha1.RestoreBackupAnnotation] = "0123456789"
		}
		if source := rapid.SampledFrom([]string{"", "other", "attic:other"}).Draw(t, "source"); source != "" {
			restore.Spec.Source = &v1alpha1.SourceClaim{Name: "other"}
			annotations[v1alpha1.RestoreFromAnnotation] = "ai/other"
			if source != "other" {
				restore.Spec.Source.Cluster, annotations[v1alpha1.RestoreFromAnnotation] = "attic", "attic:ai/other"
			}
		}
		if expires := rapid.SampledFrom([]string{"", "2026-04-12T11:30:00Z", "2026-04-12T12:30:00Z", "soon"}).Draw(t, "expires"); expires != "" {
			restore.Annotations[v1alpha1.ExpiresAnnotation], annotations[v1alpha1.ExpiresAnnotation] = expires, expires
		}
		rules := backup.Rules{Now: noon, ClockDoubt: rapid.Bool().Draw(t, "doubt")}
		made := rapid.SampledFrom([]time.Time{{}, noon.Add(-45 * time.Minute), noon.Add(-15 * time.Minute)}).Draw(t, "made")
		of := func(annotations map[string]string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
			c := claim(append(change, label(v1alpha1.RestoreLabel, "auto"))...)
			c.Annotations, c.CreationTimestamp = annotations, metav1.NewTime(made)
			return c
		}
		policy := kube.Policy{Rules: func() backup.Rules { return rules }}
		byClaim, byRestore := of(annotations), of(nil, restoreRef("wish"))
		want, got := kube.Facts(byClaim, nil, nil, policy), kube.Facts(byRestore, nil, restore, policy)
		assert.Equal(t, want.Source, got.Source)
		assert.Equal(t, want.Selector, got.Selector)
		assert.Equal(t, want.SelectionProblem == "", got.SelectionProblem == "", got.SelectionProblem)
		assert.Equal(t, want.Mode, got.Mode)

		shown, chose := kube.ChoiceOf(byClaim, nil, rules)
		same, choseToo := kube.ChoiceOf(byRestore, restore, rules)
		assert.Equal(t, chose, choseToo)
		assert.Equal(t, []string{shown.AsOf, shown.Backup, shown.From}, []string{same.AsOf, same.Backup, same.From})
		assert.Equal(t, shown.Expiry.At, same.Expiry.At)
		assert.Equal(t, shown.Expiry.Passed, same.Expiry.Passed)
		if chose {
			assert.Equal(t, "wish", same.Restore)
		}
	})
}

func TestWhatOfAChoiceHoldsWhereTheClaimAndItsRestoreBothSay(t *testing.T) {
	const past, future, later = "2026-04-12T11:00:00Z", "2026-04-12T13:00:00Z", "2026-04-12T14:00:00Z"
	tests := map[string]struct {
		annotations, ofRestore map[string]string
		selector               backup.Selector
		expires                string // of the choice
		expired                bool
		restore                bool // is named by the choice
		drop                   string
	}{
		"the claim's wins": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "ffffffffff"}, selector: backup.Selector{ID: "ffffffffff"},
			drop: "kubectl -n ai annotate pvc cache soteria.dev/restore-backup-"},
		"what the claim does not say is the Restore's": {annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: past}, restore: true,
			selector: backup.Selector{ID: "0123456789", AsOf: noon.Add(-time.Hour)},
			drop:     `kubectl -n ai annotate pvc cache soteria.dev/restore-as-of- && kubectl -n ai patch restores.soteria.dev wish --type=merge -p '{"spec":{"backup":null}}'`},
		"the Restore's part alone expires": {annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: past}, ofRestore: map[string]string{v1alpha1.ExpiresAnnotation: past},
			selector: backup.Selector{AsOf: noon.Add(-time.Hour)}, drop: "kubectl -n ai annotate pvc cache soteria.dev/restore-as-of-"},
		"the claim's expiry ends its reference": {annotations: map[string]string{v1alpha1.ExpiresAnnotation: past}, restore: true, expires: past, expired: true,
			drop: `kubectl -n ai patch restores.soteria.dev wish --type=merge -p '{"spec":{"backup":null}}'`},
		"the first of two ends counts": {annotations: map[string]string{v1alpha1.ExpiresAnnotation: later}, ofRestore: map[string]string{v1alpha1.ExpiresAnnotation: future},
			restore: true, expires: future, selector: backup.Selector{ID: "0123456789"}, drop: `kubectl -n ai patch restores.soteria.dev wish --type=merge -p '{"spec":{"backup":null}}'`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := claim(label(v1alpha1.RestoreLabel, "auto"), restoreRef("wish"))
			c.Annotations = test.annotations
			restore := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "wish", Annotations: test.ofRestore}, Spec: v1alpha1.RestoreSpec{Backup: "0123456789"}}
			rules := backup.Rules{Now: noon}
			facts := kube.Facts(c, nil, restore, kube.Policy{Rules: func() backup.Rules { return rules }})
			assert.Empty(t, facts.SelectionProblem)
			assert.Equal(t, test.selector, facts.Selector)
			choice, chooses := kube.ChoiceOf(c, restore, rules)
			assert.True(t, chooses)
			assert.Equal(t, test.expired, choice.Expiry.Passed)
			assert.Equal(t, test.restore, choice.Restore == "wish")
			assert.Equal(t, test.drop, choice.Drop)
			if test.expires == "" {
				assert.Zero(t, choice.Expiry.At)
				return
			}
			assert.Equal(t, test.expires, choice.Expiry.At.Format(time.RFC3339))
		})
	}
}

func TestARestoreThatChoosesNothingIsNoChoice(t *testing.T) {
	for name, restore := range map[string]*v1alpha1.Restore{
		"none":                  nil,
		"an empty one":          {},
		"one of the claim":      {Spec: v1alpha1.RestoreSpec{Source: &v1alpha1.SourceClaim{Name: "cache", Namespace: "ai"}}},
		"one with an end alone": {ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.ExpiresAnnotation: "soon"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := claim(label(v1alpha1.RestoreLabel, "auto"), restoreRef("wish"))
			_, chooses := kube.ChoiceOf(c, restore, backup.Rules{Now: noon})
			assert.False(t, chooses)
		})
	}
}
