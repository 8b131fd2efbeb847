package restore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

func TestAClaimThatCannotBeSettledIsHeldAndSaysWhy(t *testing.T) {
	lookedUp := aBackup()
	lookedUp.Driver = "s3"
	populators, err := kube.ParsePopulators("volsync.backube/ReplicationDestination/{pvc}-backup")
	require.NoError(t, err)
	tests := map[string]struct {
		claim   func(*corev1.PersistentVolumeClaim)
		answer  backup.Answer
		reason  string
		message string
	}{
		"the repository does not answer": {
			answer: unknown(backup.Unavailable, "s3: dial tcp: connection refused"), reason: "BackupsUnknown",
			message: "could not tell whether backups of shop/db exist: s3: dial tcp: connection refused; the claim waits and is restored by itself once that is mended",
		},
		"a newer backup than those that are known may exist": {
			answer: found(aBackup()).Doubting(backup.Errorf(backup.BackupMissing, "the restic backup 1a2b3c4d is gone")),
			reason: "NewestBackupInDoubt", message: "the restic backup 1a2b3c4d is gone",
		},
		"admission found a backup, and none is there now": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.VerdictAnnotation] = "Restore (BackupFound)"
			},
			answer: none(), reason: "BackupMissing", message: "soteria repository accept --claim shop/db",
		},
		"admission found a backup that may not be the newest, and none is there now": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.VerdictAnnotation] = "Hold (NewestBackupInDoubt)"
			},
			answer: none(), reason: "BackupMissing", message: "Hold (NewestBackupInDoubt)",
		},
		"nobody listed anything yet": {answer: backup.Answer{}, reason: "BackupsUnknown", message: "nobody has looked for backups yet"},
		"a restore is required and there is no backup": {
			claim:  func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.RestoreLabel] = "required" },
			answer: none(), reason: "RequiredBackupMissing", message: "no backup found of shop/db and a restore is required",
		},
		"the wished time selects nothing": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.RestoreAsOfAnnotation] = "2020-01-01T00:00:00Z"
			},
			answer: found(aBackup()), reason: "SelectedBackupNotFound", message: "taken at or before 2020-01-01",
		},
		"the wished time is no time": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.RestoreAsOfAnnotation] = "yesterday"
			},
			answer: found(aBackup()), reason: "InvalidSelection", message: "yesterday",
		},
		"skip lacks a reason": {
			claim:  func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.RestoreLabel] = "skip" },
			answer: none(), reason: "SkipNeedsReason", message: "soteria.dev/skip-reason",
		},
		"another namespace's backup is wished": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.RestoreFromAnnotation] = "bank/db"
			},
			answer: found(aBackup()), reason: "CrossNamespaceRefused", message: "bank/db",
		},
		"nobody can restore what was looked up": {
			answer: found(lookedUp), reason: "NobodyCanRestore", message: "nobody can restore the s3 backup",
		},
		"the label was taken off": {
			claim:  func(c *corev1.PersistentVolumeClaim) { c.Labels = nil },
			answer: none(), reason: "NotOptedIn", message: "the claim is locked but not opted in; label it soteria.dev/restore=auto",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := aClaim()
			if test.claim != nil {
				test.claim(claim)
			}
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), claim)
			w.policy.DenyUnknown = true // admission's matter: this claim was admitted
			w.policy.LookedUp, w.policy.Populators = []string{"s3"}, populators
			w.answers = func() backup.Answer { return test.answer }
			for range 5 {
				result, err := w.tick()
				require.NoError(t, err)
				assert.GreaterOrEqual(t, result.RequeueAfter, 5*time.Second, "it is looked at again")
			}
			status := w.restore().Status
			assert.Equal(t, v1alpha1.PhaseSelecting, status.Phase)
			assert.Contains(t, status.Message, test.message)
			selected := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSelected)
			require.NotNil(t, selected)
			assert.Equal(t, metav1.ConditionFalse, selected.Status)
			assert.Equal(t, test.reason, selected.Reason)
			assert.Nil(t, status.Backup)
			assert.False(t, status.Empty)
			assert.Nil(t, w.prime())
			require.Len(t, w.events.about(test.reason), 2, "told once on the claim and once on the Restore")
			assert.Contains(t, w.events.about(test.reason)[0], "Warning "+test.reason+" db: The claim waits and is not started empty: ")
		})
	}
}

func TestAHeldClaimStartsEmptyAtOnceWhenSomebodySaysSoWithAReason(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.RepositoryAbsent, "no repository at s3:backups") }
	_, err := w.tick()
	require.NoError(t, err)
	asked := w.proofs

	claim := w.claim()
	claim.Labels[v1alpha1.RestoreLabel] = "skip"
	claim.Annotations[v1alpha1.SkipReasonAnnotation] = "the old data is worthless"
	require.NoError(t, w.api.Update(t.Context(), claim))
	w.until(w.completed, "completed")

	assertRestored(t, w, setting{policy: corev1.PersistentVolumeReclaimDelete, empty: true})
	assert.Equal(t, asked, w.proofs, "nobody needs to know any more")
	assert.Contains(t, w.events.about("Skipped")[0], "Nothing is restored: starts empty as asked: the old data is worthless")
	assert.NotEmpty(t, w.events.about("StartedEmpty"))
	assert.Equal(t, []string{"blank filled", "blank completed"}, w.attempts)
}

func TestAPinnedBackupStaysThoughANewerOneAppears(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Backup != nil }, "pinned")
	newer := aBackup()
	newer.ID, newer.TakenAt = "ffffffffffff", noon
	w.answers = func() backup.Answer { return found(newer, aBackup()) }
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assert.Equal(t, "abababab", w.restore().Status.Backup.ShortID)
	assert.Equal(t, 1, w.proofs)
}

func TestABackupThatSomebodyElsePinnedMeanwhileIsNotOverwritten(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	older := aBackup()
	older.ID, older.TakenAt = "0123456789abcdef", noon.Add(-48*time.Hour)
	w.answers = func() backup.Answer {
		other := w.restore() // another process, which still thinks it leads
		other.Status.Backup = &v1alpha1.PinnedBackup{Driver: "restic", ID: older.ID, ShortID: "01234567", TakenAt: metav1.NewTime(older.TakenAt)}
		require.NoError(t, w.api.Status().Update(t.Context(), other))
		return found(aBackup(), older)
	}
	result, err := w.tick()
	require.NoError(t, err)
	assert.Positive(t, result.RequeueAfter)
	assert.Equal(t, older.ID, w.restore().Status.Backup.ID)
	w.until(w.completed, "completed")
	assert.Equal(t, older.ID, w.restore().Status.Backup.ID)
	assert.Equal(t, "data of "+older.ID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle])
}

func TestTheSpecOfARestoreThatAUserWroteIsHeeded(t *testing.T) {
	older := aBackup()
	older.ID, older.TakenAt = "0123456789abcdef", noon.Add(-48*time.Hour)
	asOf := metav1.NewTime(noon.Add(-24 * time.Hour))
	written := &v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "as-of-yesterday", UID: "written"},
		Spec:       v1alpha1.RestoreSpec{AsOf: &asOf},
	}
	claim := aClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSourceRef.Name = written.Name })
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), claim, written)
	w.answers = func() backup.Answer { return found(aBackup(), older) }
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound && w.prime() == nil }, "bound")
	record := get(w, keyOf(written), &v1alpha1.Restore{})
	assert.Equal(t, older.ID, record.Status.Backup.ID)
	assert.Nil(t, w.restore(), "no other Restore was made")
}

func TestALookForBackupsThatTakesLongIsToldOnce(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.silence = time.Nanosecond
	w.boot()
	w.answers = func() backup.Answer {
		assert.Eventually(t, func() bool { return len(w.events.about("LookingForBackups")) == 2 }, time.Minute, time.Millisecond)
		return unknown(backup.Unavailable, "the listing was given up")
	}
	for range 3 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	told := w.events.about("LookingForBackups")
	require.Len(t, told, 2, "once on the claim and once on the Restore")
	assert.Contains(t, told[0], "The claim waits and is not started empty: the look for backups of shop/db has taken more than 1ns")
	assert.NotEmpty(t, w.events.about("BackupsUnknown"))
}

func TestARestoreThatLosesItsRecordAndItsBackupDoesNotCompleteEmpty(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return w.prime() != nil }, "a prime")
	w.answers = none
	require.NoError(t, w.api.Delete(t.Context(), w.restore()))
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.False(t, w.completed())
	assert.Equal(t, "BackupMissing", meta.FindStatusCondition(w.restore().Status.Conditions, v1alpha1.ConditionSelected).Reason)
}

func TestAHeldClaimSaysHowManyWaitForTheSame(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.RepositoryUnaccepted, strings.Repeat("long words ", 200)) }
	waiting, asked := 1, 0
	w.waiting = func(_ context.Context, doubt error) string {
		asked++
		assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(doubt))
		return fmt.Sprintf("%d claims wait for this", waiting)
	}
	w.boot()
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
		waiting++
	}
	events := w.events.about("BackupsUnknown")
	require.Len(t, events, 2, "another count alone is no other event")
	assert.True(t, strings.HasSuffix(events[0], "; 1 claims wait for this"), "%s is not clipped away", events[0])
	assert.Equal(t, 1, asked, "and is asked for where it is told alone")
	assert.NotContains(t, w.restore().Status.Message, "claims wait for this")
}

func TestALookThatTakesItsUsualTimeIsNoWarning(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	pending := backup.NotYet(backup.Errorf(backup.Unavailable, "the longhorn repository has not been listed yet"))
	w.answers = func() backup.Answer { return backup.UnknownBecause(pending) }
	_, err := w.tick()
	require.NoError(t, err)
	told := w.events.about("CheckingForBackups")
	require.Len(t, told, 2)
	assert.Equal(t, "Normal CheckingForBackups db: The claim waits and is not started empty: "+
		"checking for backups of shop/db, starts in seconds (the longhorn repository has not been listed yet)", told[0])
	assert.Empty(t, w.events.about("BackupsUnknown"))
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "connection refused") }
	_, err = w.tick()
	require.NoError(t, err)
	assert.Contains(t, w.events.about("BackupsUnknown")[0], "Warning BackupsUnknown db: ", "what fails is")
}

func TestABackupThatIsWantedByItsIDIsProvedByTheSystemThatHasIt(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Annotations[v1alpha1.RestoreBackupAnnotation] = backupID
	}))
	w.answers = func() backup.Answer {
		return backup.Combine(found(aBackup()), unknown(backup.Unavailable, "connection refused"))
	}
	w.until(w.completed, "completed")
	assert.Equal(t, []string{backupID}, w.named)
	assert.Equal(t, backupID, w.restore().Status.Backup.ID)
}

func TestASelectionIsDatedByTheListingThatItRestsOn(t *testing.T) {
	selected := func(w *world) *metav1.Condition {
		return meta.FindStatusCondition(w.restore().Status.Conditions, v1alpha1.ConditionSelected)
	}
	const listing = 40 * time.Second
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	var ended time.Time
	w.answers = func() backup.Answer {
		w.clock.Step(listing)
		ended = w.clock.Now()
		return unknown(backup.Unavailable, "connection refused")
	}
	_, err := w.tick()
	require.NoError(t, err)
	assert.Equal(t, ended.UTC(), selected(w).LastTransitionTime.UTC(), "a claim waits for what it was answered")
	w.answers = func() backup.Answer {
		began := w.clock.Now()
		w.clock.Step(listing)
		ended = w.clock.Now()
		return backup.FoundBackups([]backup.Backup{aBackup()}, backup.Evidence{Driver: "restic", Repository: "repository-1", BeganAt: began, EndedAt: ended})
	}
	w.until(func() bool { return w.restore().Status.Backup != nil }, "pinned")
	assert.Equal(t, metav1.ConditionTrue, selected(w).Status)
	assert.Equal(t, ended.UTC(), selected(w).LastTransitionTime.UTC())
}
