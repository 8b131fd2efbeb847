package restore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/restore"
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
			if !test.completes {
				assert.Equal(t, 1, stampings(w), "it is told once")
			}
		})
	}
}

func wishFor(source string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.RestoreFromAnnotation] = source }
}

// stampings counts how often the claim was written to.
func stampings(w *world) int {
	return len(slices.DeleteFunc(slices.Clone(w.writes), func(what string) bool { return what != "patch v1.PersistentVolumeClaim db" }))
}

func TestWhatAClaimSaysOfItsVerdictIsKeptUpToDate(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	says := func(verdict, evidence string, stamped int) {
		t.Helper()
		for range 3 {
			_, err := w.tick()
			require.NoError(t, err)
		}
		assert.Equal(t, verdict, w.claim().Annotations[v1alpha1.VerdictAnnotation])
		assert.Contains(t, w.claim().Annotations[v1alpha1.EvidenceAnnotation], evidence)
		assert.Equal(t, stamped, stampings(w))
	}
	waited := 0
	w.answers = func() backup.Answer {
		waited++
		return unknown(backup.Unavailable, fmt.Sprintf("listing the restic repository has taken more than %d s", waited))
	}
	says("Hold (BackupsUnknown)", "listing the restic repository has taken more than 1 s", 1)
	says("Hold (BackupsUnknown)", "has taken more than 1 s", 1) // another figure is no other reason
	w.answers = func() backup.Answer { return unknown(backup.Credentials, "wrong password") }
	says("Hold (BackupsUnknown)", "wrong password", 2)
	w.answers = func() backup.Answer {
		return found(aBackup()).Doubting(backup.Errorf(backup.BackupMissing, "the restic backup 1a2b3c4d is gone"))
	}
	says("Hold (NewestBackupInDoubt)", "in doubt: the restic backup 1a2b3c4d is gone", 3)
	w.answers = func() backup.Answer { return found(aBackup()) }
	w.until(w.completed, "completed")
	said := w.claim().Annotations
	assert.Equal(t, "Restore (BackupFound)", said[v1alpha1.VerdictAnnotation])
	assert.Regexp(t, "^restic repository repository-1 listed [^;]*$", said[v1alpha1.EvidenceAnnotation])
	after := stampings(w)
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "connection refused") }
	says("Restore (BackupFound)", "repository-1", after)
}

func TestAClaimForWhichABackupWasFoundKeepsThatThroughEveryOtherVerdict(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Annotations[v1alpha1.VerdictAnnotation] = "Restore (BackupFound)"
		c.Annotations[v1alpha1.EvidenceAnnotation] = "restic repository 5e1f listed this morning"
	}))
	for _, answer := range []backup.Answer{unknown(backup.Unavailable, "connection refused"), none(), unknown(backup.Credentials, "wrong password"), none()} {
		w.answers = func() backup.Answer { return answer }
		for range 3 {
			_, err := w.tick()
			require.NoError(t, err)
		}
		said := w.claim().Annotations
		assert.Equal(t, "Hold (NewestBackupInDoubt)", said[v1alpha1.VerdictAnnotation], "by which the version before holds it")
		assert.Contains(t, said[v1alpha1.EvidenceAnnotation], map[bool]string{true: "BackupsUnknown: unknown: ", false: "BackupMissing: restic repository"}[answer.Err() != nil])
		assert.Equal(t, "Restore (BackupFound): restic repository 5e1f listed this morning", said[v1alpha1.FoundAnnotation])
		assert.Nil(t, w.prime())
	}
	assert.Contains(t, w.restore().Status.Message, "a backup of shop/db was found when the claim was made (Restore (BackupFound): restic repository 5e1f listed this morning), and none is there now")
}

func TestAStampWrittenFromAnOldLookIsWrittenAgain(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "connection refused") }
	w.sync()
	changed := w.claim()
	changed.Annotations[v1alpha1.VerdictAnnotation] = "Restore (BackupFound)"
	require.NoError(t, w.api.Update(t.Context(), changed))
	result, err := w.rec.Reconcile(t.Context(), reconcile.Request{NamespacedName: claimKey})
	require.NoError(t, err)
	assert.NotZero(t, result.RequeueAfter)
	assert.Equal(t, "Restore (BackupFound)", w.claim().Annotations[v1alpha1.VerdictAnnotation], "it is not lost")
	w.answers = none
	for range 3 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.False(t, w.restore().Status.Empty)
}

// TestNoStampLosesThatABackupWasFound takes a claim through verdicts in any order. Once
// one rested on a backup it starts empty for a reason alone, also by the version before,
// which reads the verdict and nothing else.
func TestNoStampLosesThatABackupWasFound(t *testing.T) {
	answers := map[string]backup.Answer{
		"found": found(aBackup()), "none": none(), "unknown": unknown(backup.Unavailable, "connection refused"),
		"partly": backup.Combine(found(aBackup()), unknown(backup.Unavailable, "connection refused")), "nothing": {},
	}
	fresh := 0
	rapid.Check(t, func(t *rapid.T) {
		claim := aClaim()
		claim.Annotations[v1alpha1.VerdictAnnotation] = rapid.SampledFrom([]string{"", "Hold (BackupsUnknown)", "Hold (NewestBackupInDoubt)", "Restore (BackupFound)"}).Draw(t, "admission")
		wasFound := restore.PromiseOf(claim, nil) != ""
		for range rapid.IntRange(1, 8).Draw(t, "looks") {
			f := decision.Facts{
				Claim: aBackup().Claim, Source: aBackup().Claim, SkipReason: "scratch", PromisedAt: noon, Promised: restore.PromiseOf(claim, nil),
				Mode:   rapid.SampledFrom([]decision.Mode{decision.Auto, decision.Required, decision.Skip, decision.NotOptedIn}).Draw(t, "mode"),
				Answer: answers[rapid.SampledFrom(slices.Sorted(maps.Keys(answers))).Draw(t, "answer")],
			}
			verdict := decision.Decide(f)
			if verdict.Kind == decision.Fresh && f.Mode != decision.Skip {
				fresh++
				if wasFound {
					t.Fatalf("it starts empty: %v", claim.Annotations)
				}
			}
			wasFound = wasFound || verdict.Kind == decision.Restore || verdict.Reason == decision.ReasonNewestInDoubt
			maps.Copy(claim.Annotations, restore.StampsOf(claim, verdict, &f.Answer))
			said := claim.Annotations[v1alpha1.VerdictAnnotation]
			if before := strings.HasPrefix(said, "Restore ") || said == "Hold (NewestBackupInDoubt)"; wasFound && verdict.Kind != decision.Fresh && !before {
				t.Fatalf("the version before does not know: %v", claim.Annotations)
			}
		}
	})
	assert.NotZero(t, fresh, "some start empty, or nothing was tested")
}
