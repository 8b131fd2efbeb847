package backup_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestBackupsThatOthersTookOfUnreviewedDataAreUnreviewed(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	mark := []string{backup.UnreviewedSince(day(10))}
	found := backup.FoundBackups([]backup.Backup{
		{ID: "others before", TakenAt: day(9)},
		{ID: "own before", TakenAt: day(8), Own: true},
		{ID: "others between the claim and the first marked one", TakenAt: day(11)},
		{ID: "marked", TakenAt: day(12), Own: true, Unreviewed: true, Tags: mark},
		{ID: "others after", TakenAt: day(13)},
		{ID: "marked again", TakenAt: day(14), Own: true, Unreviewed: true, Tags: mark},
		{ID: "accepted", TakenAt: day(15), Own: true},
		{ID: "others of accepted data", TakenAt: day(16)},
	})
	var unreviewed []string
	for _, b := range found.Backups() {
		if b.Unreviewed {
			unreviewed = append(unreviewed, b.ID)
		}
	}
	assert.Equal(t, []string{"marked again", "others after", "marked", "others between the claim and the first marked one"}, unreviewed)
}

func TestAMarkWhoseTimeCannotBeReadCountsFromItsBackupOn(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	assert.True(t, backup.IsUnreviewed([]string{"a", "soteria-unreviewed=?"}))
	assert.False(t, backup.IsUnreviewed([]string{"not-soteria-unreviewed=x"}))
	found := backup.FoundBackups([]backup.Backup{
		{ID: "after", TakenAt: at.Add(time.Hour)},
		{ID: "marked", TakenAt: at, Own: true, Unreviewed: true, Tags: []string{"soteria-unreviewed=?"}},
		{ID: "before", TakenAt: at.Add(-time.Hour)},
	})
	assert.True(t, found.Backups()[0].Unreviewed)
	assert.False(t, found.Backups()[2].Unreviewed)
}

func TestABackupInAnotherSystemEndsWhatIsUnreviewed(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	restic := backup.FoundBackups([]backup.Backup{
		{Driver: "restic", ID: "marked", TakenAt: day(12), Own: true, Unreviewed: true, Tags: []string{backup.UnreviewedSince(day(10))}},
		{Driver: "restic", ID: "others after", TakenAt: day(16)},
	})
	longhorn := backup.FoundBackups([]backup.Backup{
		{Driver: "longhorn", ID: "others of unreviewed data", TakenAt: day(13)},
		{Driver: "longhorn", ID: "reviewed", TakenAt: day(15), Own: true},
	})
	for _, answer := range []backup.Answer{
		backup.Combine(restic, longhorn), backup.Combine(longhorn, restic),
		backup.Combine(longhorn, restic).WithOthers([]backup.Backup{{Driver: "restic", ID: "another cluster's", TakenAt: day(1)}}),
	} {
		unreviewed := map[string]bool{}
		for _, b := range answer.Backups() {
			unreviewed[b.ID] = b.Unreviewed
		}
		assert.False(t, unreviewed["others after"], "the claim was settled the day before")
		assert.True(t, unreviewed["others of unreviewed data"])
		assert.True(t, unreviewed["marked"])
		assert.False(t, unreviewed["reviewed"])
	}
}
