package backup_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// choose picks the backup that a claim would get.
func choose(t *testing.T, now time.Time, answer backup.Answer) backup.Backup {
	t.Helper()
	chosen, err := backup.Rules{Now: now, PartialWindow: backup.DefaultPartialWindow}.Choose(backup.Selector{}, answer.Backups())
	require.NoError(t, err)
	return chosen.Backup
}

func TestWhatOthersTookInASpanThatIsRememberedIsUnreviewed(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	others := []backup.Backup{{ID: "good", TakenAt: day(9)}, {ID: "empty", TakenAt: day(11)}, {ID: "empty, too", TakenAt: day(12)}}
	restored := append(slices.Clone(others), backup.Backup{ID: "after it was restored", TakenAt: day(14)})
	accepted := append(slices.Clone(restored), backup.Backup{ID: "of accepted data", TakenAt: day(11).Add(time.Hour), Own: true})
	behind := append(slices.Clone(others), backup.Backup{ID: "of the claim before", TakenAt: day(10).Add(5 * time.Minute), Own: true})
	for name, test := range map[string]struct {
		backups []backup.Backup
		span    backup.Span
		want    string
	}{
		"it is open": {others, backup.Span{Since: day(10)}, "good"},
		"it ended when the claim was made again and restored":  {restored, backup.Span{Since: day(10), Until: day(13)}, "after it was restored"},
		"Soteria took a backup of accepted data in it":         {accepted, backup.Span{Since: day(10)}, "after it was restored"},
		"a clock is ahead: that backup is of the claim before": {behind, backup.Span{Since: day(10)}, "of the claim before"},
		"it is of an earlier time":                             {others, backup.Span{Since: day(1), Until: day(2)}, "empty, too"},
	} {
		t.Run(name, func(t *testing.T) {
			spans := []backup.Span{test.span}
			answer := backup.FoundBackups(test.backups)
			assert.Equal(t, test.want, choose(t, day(20), answer.Reviewing(spans)).ID)
			joined := backup.Combine(answer.Reviewing(spans), backup.FoundBackups([]backup.Backup{{ID: "older", TakenAt: day(1).Add(-time.Hour)}}))
			assert.Equal(t, test.want, choose(t, day(20), joined).ID, "also beside another driver's")
			assert.Equal(t, test.want, choose(t, day(20), joined.WithOthers([]backup.Backup{{ID: "another cluster's", TakenAt: day(1).Add(-time.Hour)}})).ID)
		})
	}
}

// Soteria took one backup, by hand, while the claim was unreviewed. Then the claim was
// made again and restored, and recurring jobs went on for a year.
func TestASpanThatIsReadOffOneBackupEnds(t *testing.T) {
	created := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	all := []backup.Backup{
		{ID: "good", TakenAt: created.Add(-24 * time.Hour)},
		{ID: "marked", TakenAt: created.Add(12 * time.Hour), Own: true, Unreviewed: true, Tags: []string{backup.UnreviewedSince(created)}},
	}
	for day := range 364 {
		all = append(all, backup.Backup{ID: fmt.Sprintf("day %d", day+1), TakenAt: created.AddDate(0, 0, day+1)})
	}
	answer := backup.FoundBackups(all)
	assert.Equal(t, "day 364", choose(t, created.AddDate(1, 0, 0), answer).ID, "where nothing is remembered")
	closed := []backup.Span{{Since: created, Until: created.Add(18 * time.Hour)}}
	assert.Equal(t, "day 1", choose(t, created.AddDate(1, 0, 0), backup.FoundBackups(all[:3]).Reviewing(closed)).ID, "at once, where it is remembered when the claim was made again")
	open := []backup.Span{{Since: created}}
	assert.Equal(t, "good", choose(t, created.AddDate(1, 0, 0), answer.Reviewing(open)).ID, "never, where it is remembered that it was not")
}
