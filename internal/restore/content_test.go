package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

const tree = "7e57"

// aBackupWithATree is aBackup, of a system that says what identifies its data.
func aBackupWithATree() backup.Backup {
	b := aBackup()
	b.Content, b.Outcome = tree, backup.OutcomeComplete
	return b
}

// aNewerBackup holds other data.
func aNewerBackup() backup.Backup {
	b := aBackupWithATree()
	b.ID, b.TakenAt, b.Content = strings.Repeat("cd", 32), noon, "0ther"
	return b
}

// anotherOf is the pinned backup as it is after somebody changed it.
func anotherOf(change func(*backup.Backup)) backup.Backup {
	b := aBackupWithATree()
	b.ID, b.Origin = strings.Repeat("ef", 32), backupID
	change(&b)
	return b
}

func TestAPinnedBackupIsFoundAgainByItsTreeFirst(t *testing.T) {
	retagged := anotherOf(func(b *backup.Backup) { b.TakenAt = b.TakenAt.Add(-time.Minute) })
	rewritten := anotherOf(func(b *backup.Backup) { b.ID, b.Content = strings.Repeat("12", 32), "1ess" })
	for name, test := range map[string]struct {
		there []backup.Backup
		want  string
		words string
	}{
		"the tree before the moment":          {[]backup.Backup{aNewerBackup(), rewritten, retagged}, retagged.ID, "holds the same data"},
		"the moment where it was rewritten":   {[]backup.Backup{aNewerBackup(), rewritten}, rewritten.ID, "it was rewritten"},
		"the newest where it was forgotten":   {[]backup.Backup{aNewerBackup()}, aNewerBackup().ID, "no other backup holds the same data"},
		"the newest where its twin is voided": {[]backup.Backup{aNewerBackup(), anotherOf(func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid })}, aNewerBackup().ID, "efefefef, which holds the same data of the same moment, is not taken in its place: it was saved and does not count"},
	} {
		t.Run(name, func(t *testing.T) {
			w := tried(t, found(aBackupWithATree()))
			w.answers = func() backup.Answer { return found(test.there...) }
			w.until(w.completed, "completed")
			assert.Equal(t, test.want, w.restore().Status.Backup.ID)
			assert.Equal(t, "data of "+test.want, w.backends[w.volume(lock).Spec.CSI.VolumeHandle])
			assert.Contains(t, w.events.about("ChosenAnew")[0], test.words)
		})
	}
}

func TestWhatIsKnownOfATwinIsToldInsteadOfWhatWasKnownOfThePin(t *testing.T) {
	partial := aBackupWithATree()
	partial.Outcome = backup.OutcomePartial
	w := tried(t, found(partial))
	require.Contains(t, strings.Join(w.restore().Status.Backup.Notes, "; "), "is partial")
	fuller, small := anotherBackup(), anotherOf(func(b *backup.Backup) { b.Files, b.DataBytes = 1, 10 })
	fuller.Files, fuller.DataBytes = 1000, 1_000_000
	w.answers = func() backup.Answer { return found(small, fuller) }
	w.until(w.completed, "completed")
	require.Equal(t, small.ID, w.restore().Status.Backup.ID)
	notes := strings.Join(w.restore().Status.Backup.Notes, "; ")
	assert.Contains(t, notes, "holds far less than backup cdcdcdcd")
	assert.NotContains(t, notes, "is partial")
	assert.Contains(t, w.events.about("Restored")[0], "holds far less than backup cdcdcdcd")
}

func TestATreeThatAnotherVersionLeftBehindIsNotThatOfThePin(t *testing.T) {
	w := tried(t, found(aBackupWithATree()))
	record := w.restore()
	record.Status.Backup.Content = &v1alpha1.BackupContent{Backup: strings.Repeat("99", 32), Tree: aNewerBackup().Content}
	require.NoError(t, w.api.Status().Update(t.Context(), record))
	retagged := anotherOf(func(*backup.Backup) {})
	w.answers = func() backup.Answer { return found(aNewerBackup(), retagged) }
	w.until(w.completed, "completed")
	assert.Equal(t, retagged.ID, w.restore().Status.Backup.ID)
}

func TestARecordWithoutATreeGoesByTheMoment(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aBackupWithATree()) }
	failing(w, backupID)
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Backup != nil }, "pinned")
	record := w.restore()
	require.Equal(t, &v1alpha1.BackupContent{Backup: backupID, Tree: tree}, record.Status.Backup.Content)
	record.Status.Backup.Content = nil
	require.NoError(t, w.api.Status().Update(t.Context(), record))
	retagged := anotherOf(func(b *backup.Backup) { b.Origin = "" })
	w.answers = func() backup.Answer { return found(aNewerBackup(), retagged) }
	w.until(w.completed, "completed")
	assert.Equal(t, retagged.ID, w.restore().Status.Backup.ID)
	assert.Equal(t, tree, w.restore().Status.Backup.Content.Tree, "and the record knows it from now on")
}
