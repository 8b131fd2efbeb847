package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// unjudged is a claim that was locked without a verdict.
func unjudged(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, v1alpha1.VerdictAnnotation) }

func TestAClaimThatWasLockedWithoutAVerdictGetsTheOneThatAdmissionWouldHaveGiven(t *testing.T) {
	required := func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.RestoreLabel] = "required" }
	tests := map[string]struct {
		claim           func(*corev1.PersistentVolumeClaim)
		answer          backup.Answer
		stamp, evidence string
		completes       bool
	}{
		"there is a backup":       {answer: found(aBackup()), stamp: "Restore (BackupFound)", evidence: "repository-1", completes: true},
		"there is none":           {answer: none(), stamp: "Fresh (NoBackupExists)", evidence: "repository-1", completes: true},
		"one is required":         {claim: required, answer: none(), stamp: "Hold (RequiredBackupMissing)", evidence: "repository-1"},
		"nobody can tell":         {answer: unknown(backup.Unavailable, "connection refused"), stamp: "Hold (BackupsUnknown)", evidence: "connection refused"},
		"the wish is not allowed": {claim: wishFor("bank/db"), answer: none(), stamp: "Hold (CrossNamespaceRefused)", evidence: "SOTERIA_CROSS_NAMESPACE"},
		"it may start empty": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Labels[v1alpha1.RestoreLabel] = "skip"
				c.Annotations[v1alpha1.SkipReasonAnnotation] = "scratch"
			},
			answer: unknown(backup.Unavailable, "connection refused"), stamp: "Fresh (Skipped)", evidence: "starts empty as asked: scratch", completes: true,
		},
		"it is not opted in": {
			claim:  func(c *corev1.PersistentVolumeClaim) { c.Labels = nil },
			answer: none(), stamp: "Hold (NotOptedIn)", evidence: "not opted in",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := aClaim(unjudged)
			if test.claim != nil {
				test.claim(claim)
			}
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), claim)
			w.answers = func() backup.Answer { return test.answer }
			if test.completes {
				w.until(w.completed, "completed")
			}
			for range 3 {
				_, err := w.tick()
				require.NoError(t, err)
			}
			assert.Equal(t, test.completes, w.completed())
			assert.Equal(t, test.stamp, w.claim().Annotations[v1alpha1.VerdictAnnotation])
			assert.Contains(t, w.claim().Annotations[v1alpha1.EvidenceAnnotation], test.evidence)
			stamps := 0
			for _, what := range w.writes {
				if what == "patch v1.PersistentVolumeClaim db" {
					stamps++
				}
			}
			if !test.completes {
				assert.Equal(t, 1, stamps, "it is told once")
			}
		})
	}
}

func wishFor(source string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.RestoreFromAnnotation] = source }
}

func TestTheVerdictThatAdmissionGaveStays(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(w.completed, "completed")
	assert.Equal(t, admitted, w.claim().Annotations[v1alpha1.VerdictAnnotation])
	assert.NotContains(t, w.claim().Annotations, v1alpha1.EvidenceAnnotation)
}
