package backup

import (
	"errors"
	"time"
)

// ofBackup is a doubt about one backup, of which something is known.
type ofBackup struct {
	error
	underWay bool
	takenBy  time.Time
}

func (d *ofBackup) Unwrap() error { return d.error }

// UnderWay says of a doubt that the backup it is about is being taken or removed. It
// keeps it from being proved that there is none, and says nothing against the newest of
// those that are whole: they are what a restore could have at this moment, and a
// backup that hangs must not hold restores for ever.
func UnderWay(doubt error) error { return &ofBackup{error: doubt, underWay: true} }

// TakenBy says of a doubt that the backup it is about was taken at that time at the
// latest; the zero time stands for not known.
func TakenBy(doubt error, latest time.Time) error { return &ofBackup{error: doubt, takenBy: latest} }

// IsNewerDoubt reports whether a doubt is about a backup that is there, and is not
// known to be older than that of another such doubt; nil stands for none.
func IsNewerDoubt(doubt, than error) bool {
	if !MayBeNewer(doubt, time.Time{}) {
		return false
	}
	var of *ofBackup
	return than == nil || errors.As(than, &of) && !of.takenBy.IsZero() && MayBeNewer(doubt, of.takenBy)
}

// MayBeNewer reports whether the backup that a doubt is about may be newer than one
// that was taken at that time, as far as the doubt says. Clocks may be [MaxAhead]
// apart.
func MayBeNewer(doubt error, than time.Time) bool {
	var of *ofBackup
	if !errors.As(doubt, &of) {
		return doubt != nil
	}
	return !of.underWay && (of.takenBy.IsZero() || !of.takenBy.Add(MaxAhead).Before(than))
}
