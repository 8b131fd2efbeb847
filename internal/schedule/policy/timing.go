package policy

import (
	"strings"
	"time"
	_ "time/tzdata" // the zones that schedules may name; Soteria's image holds none

	"github.com/robfig/cron/v3"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Timing says when backups are wanted. It never changes and holds no state: what
// is due follows from when the last backup was taken.
type Timing struct {
	// interval is how old a backup gets; 0 where table says when.
	interval time.Duration
	table    cron.Schedule
}

// Every wants a backup whenever the last one is about to be an interval old.
func Every(interval time.Duration) Timing { return Timing{interval: interval} }

// The bounds of a schedule.
const (
	maxScheduleLength = 128
	minEvery          = 5 * time.Minute
	maxEvery          = MaxIntervalHours * time.Hour
)

// ParseSchedule reads five cron fields, or one of @hourly, @daily, @midnight,
// @weekly, @monthly, @yearly, @annually and @every <duration> (five minutes to a
// year). Times are UTC unless CRON_TZ=<zone> comes first, such as
// "CRON_TZ=Europe/Berlin 0 2 * * *". The error is of kind [backup.Invalid] with
// the field schedule.
func ParseSchedule(text string) (Timing, error) {
	refuse := func(format string, args ...any) (Timing, error) {
		return Timing{}, invalid("schedule", "schedule %q "+format, append([]any{backup.Clip(text, backup.MaxWord)}, args...)...)
	}
	if len(text) > maxScheduleLength {
		return refuse("is longer than %d bytes", maxScheduleLength)
	}
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "TZ=") || strings.HasPrefix(trimmed, "CRON_TZ=") {
		// The library takes it for granted that a space follows.
		if !strings.Contains(trimmed, " ") {
			return refuse("names a zone and no times")
		}
	}
	table, err := cron.ParseStandard(trimmed)
	if err != nil {
		return refuse("cannot be understood: %s; write five cron fields, such as 0 */6 * * *", backup.Clip(err.Error(), backup.MaxWord))
	}
	if every, ok := table.(cron.ConstantDelaySchedule); ok {
		if every.Delay < minEvery || every.Delay > maxEvery {
			return refuse("must be from %s to %s", minEvery, maxEvery)
		}
		return Every(every.Delay), nil
	}
	if table.Next(epoch).IsZero() {
		return refuse("is of a time that never comes")
	}
	return Timing{table: table}, nil
}

// epoch is where the look for a schedule's first time begins. The library looks
// five years ahead, in which there is a leap day.
var epoch = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// How far starts are spread. An interval's backups begin early, so that no backup
// gets older than the interval; those of a time-table begin late.
const (
	// spreadShare divides the gap between two backups: starts are spread over a
	// tenth of it.
	spreadShare = 10
	maxEarly    = time.Hour
	maxLate     = 3 * time.Minute
)

// Due gives when the backup after the one of last begins. Fraction, from 0 to 1,
// is the claim's own: it spreads the claims of one policy. Times that were missed
// are not made up for one by one: after any last there is one next.
func (t Timing) Due(last time.Time, fraction float64) time.Time {
	if t.table == nil {
		early := min(t.interval/spreadShare, maxEarly)
		return last.Add(t.interval - early/2 - part(early/2, fraction))
	}
	slot := t.next(last)
	return slot.Add(part(t.late(slot), fraction))
}

// First gives when the first backup begins of a claim that was made at a time: at
// once, but for the spread.
func (t Timing) First(made time.Time, fraction float64) time.Time {
	return made.Add(part(t.late(made), fraction))
}

// Gap gives the time from the first wanted backup after a time to the next.
func (t Timing) Gap(after time.Time) time.Duration {
	if t.table == nil {
		return t.interval
	}
	slot := t.next(after)
	return t.next(slot).Sub(slot)
}

// late is how late the backup of a slot may begin.
func (t Timing) late(slot time.Time) time.Duration {
	return min(t.Gap(slot)/spreadShare, maxLate)
}

func (t Timing) next(after time.Time) time.Time { return t.table.Next(after.UTC()) }

func part(d time.Duration, fraction float64) time.Duration {
	return time.Duration(float64(d) * fraction)
}
