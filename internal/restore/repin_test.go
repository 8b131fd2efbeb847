package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// failing has every attempt to restore a backup of this id fail.
func failing(w *world, id string) {
	w.fail = func(int32) *driver.FillState {
		if w.requests[len(w.requests)-1].Backup.ID != id {
			return nil
		}
		return &driver.FillState{Phase: driver.FillFailed, Message: "Fatal: no matching ID found"}
	}
}

// anotherBackup is older than aBackup.
func anotherBackup() backup.Backup {
	b := aBackup()
	b.ID, b.TakenAt = strings.Repeat("cd", 32), noon.Add(-48*time.Hour)
	return b
}

// tried has a claim whose pinned backup cannot be restored.
func tried(t *testing.T, answer backup.Answer) *world {
	t.Helper()
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return answer }
	failing(w, backupID)
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Attempt == 2 }, "tried twice")
	require.Equal(t, backupID, w.restore().Status.Backup.ID)
	return w
}

// annotate writes on the claim as a person does.
func annotate(w *world, key, value string) {
	claim := w.claim()
	claim.Annotations[key] = value
	require.NoError(w.t, w.api.Update(w.t.Context(), claim))
}

func TestAPinnedBackupThatIsProvedGoneIsReplacedByTheNextOne(t *testing.T) {
	w := tried(t, found(aBackup()))
	w.answers = func() backup.Answer { return found(anotherBackup()) }
	w.until(w.completed, "completed")
	assert.Equal(t, anotherBackup().ID, w.restore().Status.Backup.ID)
	assert.Equal(t, "data of "+anotherBackup().ID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle])
	assert.Contains(t, w.events.about("ChosenAnew")[0], "the restic backup abababab, which was chosen, is no longer in the repository")
}

func TestAPinnedBackupThatWasRetaggedIsFoundAgainUnderItsNewID(t *testing.T) {
	w := tried(t, found(aBackup()))
	newer, twin := anotherBackup(), aBackup()
	newer.TakenAt = noon
	twin.ID = strings.Repeat("ef", 32)
	w.answers = func() backup.Answer { return found(newer, twin) }
	w.until(w.completed, "completed")
	assert.Equal(t, twin.ID, w.restore().Status.Backup.ID, "the same data, though a newer backup exists")
}

func TestAPinnedBackupIsNotGoneBecauseOfAnErrorOrWhileItIsListed(t *testing.T) {
	newer := anotherBackup()
	newer.TakenAt = noon
	for name, answer := range map[string]backup.Answer{
		"the repository does not answer": unknown(backup.Unavailable, "connection refused"),
		"nobody listed":                  {},
		"it is listed beside a newer":    found(newer, aBackup()),
	} {
		t.Run(name, func(t *testing.T) {
			w := tried(t, found(aBackup()))
			w.answers = func() backup.Answer { return answer }
			w.until(func() bool { return w.restore().Status.Attempt == 4 }, "tried again")
			assert.Equal(t, backupID, w.restore().Status.Backup.ID)
			assert.Empty(t, w.events.about("ChosenAnew"))
		})
	}
}

func TestAClaimWhosePinnedBackupIsGoneNeverStartsEmptyByItself(t *testing.T) {
	w := tried(t, found(aBackup()))
	w.answers = none
	w.until(func() bool { return w.restore().Status.Phase == v1alpha1.PhaseSelecting }, "held")
	for range 20 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	status := w.restore().Status
	assert.False(t, status.Empty)
	assert.Equal(t, backupID, status.Backup.ID, "it is not forgotten that there was one")
	assert.Contains(t, status.Message, "which was chosen, is no longer in the repository")
	assert.Contains(t, w.events.about("BackupMissing")[0], "is no longer in the repository")

	claim := w.claim()
	claim.Labels[v1alpha1.RestoreLabel] = "skip"
	claim.Annotations[v1alpha1.SkipReasonAnnotation] = "we know"
	require.NoError(t, w.api.Update(t.Context(), claim))
	w.until(w.completed, "completed")
	assert.True(t, w.restore().Status.Empty)
}

func TestADamagedBackupIsLeftForAnOlderOneWithoutDeletingTheClaim(t *testing.T) {
	for name, wish := range map[string][2]string{
		"by its id": {v1alpha1.RestoreBackupAnnotation, anotherBackup().ID[:8]},
		"by time":   {v1alpha1.RestoreAsOfAnnotation, noon.Add(-24 * time.Hour).Format(time.RFC3339)},
	} {
		t.Run(name, func(t *testing.T) {
			w := tried(t, found(aBackup(), anotherBackup()))
			uid := w.claim().UID
			annotate(w, wish[0], wish[1])
			w.until(w.completed, "completed")
			assert.Equal(t, anotherBackup().ID, w.restore().Status.Backup.ID)
			assert.Equal(t, "data of "+anotherBackup().ID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle])
			assert.Equal(t, uid, w.claim().UID)
		})
	}
}

func TestAWishThatSelectsNothingStopsTheRestoreAndACorrectedOneGoesOn(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aBackup()) }
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Backup != nil }, "pinned")
	annotate(w, v1alpha1.RestoreBackupAnnotation, "0123456789")
	for range 20 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Equal(t, v1alpha1.PhaseSelecting, w.restore().Status.Phase)
	assert.NotEmpty(t, w.events.about("SelectedBackupNotFound"))
	assert.False(t, w.completed())
	annotate(w, v1alpha1.RestoreBackupAnnotation, backupID)
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}

func TestAWishChangesAClaimThatWasToStartEmpty(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = none
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Empty }, "settled to start empty")
	w.answers = func() backup.Answer { return found(aBackup()) }
	annotate(w, v1alpha1.RestoreBackupAnnotation, backupID)
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assert.False(t, w.restore().Status.Empty)
}

func TestARecordOfTheVersionBeforeKeepsItsPin(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Backup != nil }, "pinned")
	record := w.restore()
	record.Status.Wish = ""
	require.NoError(t, w.api.Status().Update(t.Context(), record))
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assert.Empty(t, w.events.about("ChosenAnew"))
}

func TestABackupOfTheSameMomentThatAnotherClusterTookIsNoTwin(t *testing.T) {
	w := tried(t, found(aBackup()))
	newer, twin := anotherBackup(), aBackup()
	newer.TakenAt = noon
	twin.ID, twin.Cluster = strings.Repeat("ef", 32), "other"
	w.answers = func() backup.Answer { return found(newer, twin) }
	w.until(w.completed, "completed")
	assert.Equal(t, newer.ID, w.restore().Status.Backup.ID)
}

func TestAClustersNameOfAnyLengthFitsTheRecord(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer {
		b := aBackup()
		b.Cluster = strings.Repeat("a,b,", 100)
		return found(b)
	}
	w.until(w.completed, "completed")
	cluster := w.restore().Status.Backup.Source.Cluster
	assert.NotEmpty(t, cluster)
	assert.LessOrEqual(t, len(cluster), backup.MaxClusterName)
}

func TestABackupThatHoldsFarLessIsToldBeforeAndAfter(t *testing.T) {
	small, full := aBackup(), anotherBackup()
	small.Files, small.DataBytes, full.Files, full.DataBytes = 1, 10, 1000, 1_000_000
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Annotations[v1alpha1.RestoreBackupAnnotation] = backupID
	}))
	w.answers = func() backup.Answer { return found(small, full) }
	w.until(w.completed, "completed")
	const words = "the chosen backup holds far less than backup cdcdcdcd"
	assert.Contains(t, w.events.about("BackupFound")[0], words)
	assert.Contains(t, w.events.about("Restored")[0], words)
	assert.Contains(t, w.restore().Status.Message, words)
	assert.Contains(t, strings.Join(w.restore().Status.Backup.Notes, "; "), words)
}

func TestANamedBackupThatIsPartialOrVoidIsToldAfterItIsRestored(t *testing.T) {
	for outcome, word := range map[backup.Outcome]string{backup.OutcomePartial: "is partial", backup.OutcomeVoid: "is void"} {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) {
			c.Annotations[v1alpha1.RestoreBackupAnnotation] = backupID
		}))
		w.answers = func() backup.Answer {
			b := aBackup()
			b.Outcome = outcome
			return found(b)
		}
		w.until(w.completed, "completed")
		assert.Contains(t, w.events.about("Restored")[0], word)
		assert.Contains(t, w.restore().Status.Message, word)
	}
}

func TestAPinnedBackupThatIsGoneWhileItsFillDoesNotBeginIsReplaced(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aBackup()) }
	w.fail = func(int32) *driver.FillState {
		if w.requests[len(w.requests)-1].Backup.ID == backupID {
			return &driver.FillState{Phase: driver.FillPending, Message: "waiting for the pod to start"}
		}
		return nil
	}
	w.pass(time.Minute)
	require.Equal(t, backupID, w.restore().Status.Backup.ID)
	w.answers = func() backup.Answer { return backup.UnknownBecause(backup.Errorf(backup.Unavailable, "away")) }
	w.pass(10 * time.Minute)
	require.Equal(t, backupID, w.restore().Status.Backup.ID, "what cannot be listed is not gone")
	w.answers = func() backup.Answer { return found(anotherBackup()) }
	w.until(w.completed, "completed")
	assert.Equal(t, anotherBackup().ID, w.restore().Status.Backup.ID)
	assert.Equal(t, "data of "+anotherBackup().ID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle])
}

func TestABackupThatWasMadeOfThePinnedOneTakesItsPlaceUnlessOneOfTheSameMomentDoes(t *testing.T) {
	same, made, newer := aBackup(), aBackup(), anotherBackup()
	same.ID, newer.TakenAt = strings.Repeat("ee", 32), noon
	made.ID, made.Origin, made.TakenAt = strings.Repeat("ff", 32), backupID, made.TakenAt.Add(-time.Hour)
	for want, there := range map[string][]backup.Backup{made.ID: {newer, made}, same.ID: {newer, made, same}} {
		w := tried(t, found(aBackup()))
		w.answers = func() backup.Answer { return found(there...) }
		w.until(w.completed, "completed")
		assert.Equal(t, want, w.restore().Status.Backup.ID)
	}
}

func TestAPinnedBackupThatIsGoneFromTheBackupSystemThatMakesVolumesIsReplaced(t *testing.T) {
	gone, next := aMadeBackup(), aMadeBackup()
	next.ID, next.TakenAt = "backup-next", next.TakenAt.Add(-24*time.Hour)
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(gone) }
	w.refuses = func(b backup.Backup) error {
		if b.ID == gone.ID {
			return backup.Errorf(backup.DriverFailed, "Longhorn: cannot find backup %s", b.ID)
		}
		return nil
	}
	w.until(func() bool { return len(w.events.about("cannot find backup")) > 0 }, "refused")
	require.Equal(t, gone.ID, w.restore().Status.Backup.ID)
	w.clock.Step(2 * time.Minute)
	w.until(func() bool {
		c := w.condition(v1alpha1.ConditionStalled)
		return c != nil && c.Status == metav1.ConditionTrue
	}, "said that it is stalled")
	assert.Equal(t, "BackupSystem", w.condition(v1alpha1.ConditionStalled).Reason)
	assert.Contains(t, w.condition(v1alpha1.ConditionStalled).Message, "cannot find backup")
	w.answers = func() backup.Answer {
		return backup.FoundBackups([]backup.Backup{next}, backup.Evidence{Driver: "longhorn", Repository: "target", BeganAt: w.clock.Now(), EndedAt: w.clock.Now()})
	}
	w.clock.Step(5 * time.Minute) // it was looked for a moment ago
	w.until(w.completed, "completed")
	assert.Equal(t, next.ID, w.restore().Status.Backup.ID)
}

func TestAPinnedBackupIsNotGoneWhileAPartOfItsRepositoryCannotBeRead(t *testing.T) {
	w := tried(t, found(aBackup()))
	part := evidence()
	part.Incomplete = true
	w.answers = func() backup.Answer {
		return backup.FoundBackups([]backup.Backup{anotherBackup()}, part).Doubting(backup.Errorf(backup.Unavailable, "Longhorn cannot reach backup target second"))
	}
	w.until(func() bool { return w.restore().Status.Attempt == 4 }, "tried again")
	assert.Equal(t, backupID, w.restore().Status.Backup.ID)
	assert.Empty(t, w.events.about("ChosenAnew"))
}

func TestAHeldClaimNamesThePartThatCannotBeReadAndHowToLeaveItOut(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	const words = "Longhorn cannot reach backup target second: timed out; or leave it out with SOTERIA_LONGHORN_IGNORE_TARGETS=second"
	part := evidence()
	part.Incomplete = true
	w.answers = func() backup.Answer {
		return backup.FoundBackups([]backup.Backup{aBackup()}, part).Doubting(backup.Errorf(backup.Unavailable, words))
	}
	w.until(func() bool { return w.restore() != nil && len(w.events.about("NewestBackupInDoubt")) > 0 }, "held")
	assert.Contains(t, w.restore().Status.Message, words)
	assert.Contains(t, w.events.about("NewestBackupInDoubt")[0], "the restic backup abababab")
	assert.Contains(t, w.events.about("NewestBackupInDoubt")[0], words)
	annotate(w, v1alpha1.RestoreBackupAnnotation, backupID)
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}
