package backup

import (
	"math"
	"time"
)

// RecentDays is how many days a [Days] counts: two weeks, in which a weekly
// schedule shows as one.
const RecentDays = 14

// Days counts a claim's backups by the day, in UTC, on which they were taken,
// over the last [RecentDays] days: the oldest first, today last. A day of more
// backups than a count holds has as many as it holds.
type Days [RecentDays]uint16

// DaysOf counts backups, which must be newest first, over the days up to today.
// A backup of the future counts as one of today. It costs no more the more old
// backups there are.
func DaysOf(newestFirst []Backup, today time.Time) Days {
	var days Days
	for _, b := range newestFirst {
		ago := max(0, DaysBetween(b.TakenAt, today))
		if ago >= RecentDays {
			break
		}
		days.add(RecentDays-1-ago, 1)
	}
	return days
}

// DaysBetween gives how many days, in UTC, lie from one time to another: 0 on the
// same day, 1 from any time of a day to any of the next, negative backwards.
func DaysBetween(from, to time.Time) int {
	return int(to.Truncate(day).Sub(from.Truncate(day)) / day)
}

// day divides the time since the zero time, a midnight in UTC, into days in UTC.
const day = 24 * time.Hour

// Later gives the same counts as of so many days later.
func (d Days) Later(days int) Days {
	var later Days
	if days = max(0, days); days < RecentDays {
		copy(later[:], d[days:])
	}
	return later
}

// Plus adds counts as of the same day.
func (d Days) Plus(other Days) Days {
	for i, count := range other {
		d.add(i, count)
	}
	return d
}

func (d *Days) add(i int, count uint16) {
	d[i] += min(count, math.MaxUint16-d[i])
}
