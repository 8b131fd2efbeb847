package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Keep says how many backups of a claim a policy keeps: the last ones, and the
// newest one of each of the last hours, days, ISO weeks, months and years in which
// there is one. A backup that any of the numbers keeps is kept. All zero is no
// retention at all: everything is kept.
type Keep struct {
	Last    int `json:"last,omitempty"`
	Hourly  int `json:"hourly,omitempty"`
	Daily   int `json:"daily,omitempty"`
	Weekly  int `json:"weekly,omitempty"`
	Monthly int `json:"monthly,omitempty"`
	Yearly  int `json:"yearly,omitempty"`
}

// IsZero reports whether there is no retention.
func (k Keep) IsZero() bool { return k == Keep{} }

// maxKeep bounds each number; it is more than anybody can mean.
const maxKeep = 9999

// Validate refuses negative numbers and absurd ones. The error is of kind Invalid and carries the
// field at fault, such as "keep.daily".
func (k Keep) Validate() error {
	for _, n := range []struct {
		field string
		value int
	}{
		{"keep.last", k.Last}, {"keep.hourly", k.Hourly}, {"keep.daily", k.Daily},
		{"keep.weekly", k.Weekly}, {"keep.monthly", k.Monthly}, {"keep.yearly", k.Yearly},
	} {
		if n.value < 0 || n.value > maxKeep {
			return &backup.Error{Kind: backup.Invalid, Field: n.field, Message: fmt.Sprintf("%s is %d; it must be from 0 to %d", n.field, n.value, maxKeep)}
		}
	}
	return nil
}

// bucket keeps the newest backup of each of the last so many periods.
type bucket struct {
	left   int
	period func(at time.Time) string
	last   string
}

// buckets are the rules of a Keep that are by time; hours and days are those of
// the clock on the wall in the location of the times.
func (k Keep) buckets() []bucket {
	layout := func(l string) func(time.Time) string { return func(at time.Time) string { return at.Format(l) } }
	isoWeek := func(at time.Time) string {
		year, week := at.ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	}
	return []bucket{
		{left: k.Hourly, period: layout("2006-01-02T15")},
		{left: k.Daily, period: layout(time.DateOnly)},
		{left: k.Weekly, period: isoWeek},
		{left: k.Monthly, period: layout("2006-01")},
		{left: k.Yearly, period: layout("2006")},
	}
}

// keeps reports whether the bucket keeps a backup, given the newer ones before it.
// As restic does, a bucket that has room left keeps the oldest backup, too, so
// that history reaches back as far as it can.
func (b *bucket) keeps(at time.Time, oldest bool) bool {
	if b.left <= 0 {
		return false
	}
	if period := b.period(at); period != b.last || oldest {
		b.last = period
		b.left--
		return true
	}
	return false
}

// Choose tells which backups of one claim are kept and which are not, each newest
// first, whatever the order they are given in. Hours, days, weeks, months and years
// are those of the location; nil is UTC, by which Soteria goes everywhere. The
// newest backup is always kept, and of nothing nothing is removed; a negative
// number keeps everything. Choosing again from what was kept keeps all of it.
func Choose(backups []backup.Backup, keep Keep, in *time.Location) (kept, removed []backup.Backup) {
	sorted := slices.SortedFunc(slices.Values(backups), backup.NewestFirst)
	if keep.IsZero() || keep.Validate() != nil {
		return sorted, nil
	}
	if in == nil {
		in = time.UTC
	}
	buckets := keep.buckets()
	for i, b := range sorted {
		at, oldest := b.TakenAt.In(in), i == len(sorted)-1
		wanted := i == 0 || i < keep.Last
		for n := range buckets {
			wanted = buckets[n].keeps(at, oldest) || wanted
		}
		if wanted {
			kept = append(kept, b)
		} else {
			removed = append(removed, b)
		}
	}
	return kept, removed
}
