package backup_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

var today = time.Date(2026, 4, 12, 0, 30, 0, 0, time.UTC)

// takenAt gives backups that were taken at those times, which are newest first.
func takenAt(times ...time.Time) []backup.Backup {
	backups := make([]backup.Backup, 0, len(times))
	for _, at := range times {
		backups = append(backups, backup.Backup{TakenAt: at})
	}
	return backups
}

// last gives days that end with these counts.
func last(counts ...uint16) backup.Days {
	var days backup.Days
	copy(days[backup.RecentDays-len(counts):], counts)
	return days
}

func TestDaysOf(t *testing.T) {
	east := time.FixedZone("", 5*60*60)
	for name, test := range map[string]struct {
		backups []backup.Backup
		want    backup.Days
	}{
		"no backups make days of none": {nil, backup.Days{}},
		"a day ends at midnight": {
			takenAt(today, today.Add(-30*time.Minute), today.Add(-31*time.Minute)), last(1, 2)},
		"a day is one in UTC, whatever zone a time is told in": {
			takenAt(time.Date(2026, 4, 12, 4, 0, 0, 0, east)), last(1, 0)},
		"the first day that counts is thirteen days ago": {
			takenAt(today.AddDate(0, 0, -13), today.AddDate(0, 0, -14)), backup.Days{1}},
		"a backup of the future is one of today": {
			takenAt(today.AddDate(1, 0, 0), today.Add(-time.Hour)), last(1, 1)},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, backup.DaysOf(test.backups, today)) })
	}
}

func TestDaysBetween(t *testing.T) {
	assert.Equal(t, 0, backup.DaysBetween(today, today.Add(23*time.Hour)))
	assert.Equal(t, 1, backup.DaysBetween(today, today.Add(24*time.Hour)))
	assert.Equal(t, 1, backup.DaysBetween(today.Add(-time.Hour), today), "a minute before midnight is yesterday")
	assert.Equal(t, -1, backup.DaysBetween(today, today.Add(-time.Hour)))
	assert.Equal(t, 1, backup.DaysBetween(time.Unix(-1, 0), time.Unix(0, 0)), "before 1970 days are as long")
}

func TestDaysPass(t *testing.T) {
	days := last(3, 1)
	assert.Equal(t, days, days.Later(0))
	assert.Equal(t, last(3, 1, 0, 0), days.Later(2))
	assert.Equal(t, backup.Days{}, days.Later(backup.RecentDays))
	assert.Equal(t, days, days.Later(-1), "a clock that was set back tells of no other days")
}

func TestDaysAddUp(t *testing.T) {
	assert.Equal(t, last(3, 3), last(3, 1).Plus(last(0, 2)))
	assert.Equal(t, last(math.MaxUint16), last(math.MaxUint16-1).Plus(last(7)), "a day of very many does not begin anew")
}
