package backup

import (
	"errors"
	"time"
)

// agedError is a doubt about one backup, of which something is known.
type agedError struct {
	error
	underWay bool
	takenBy  time.Time
}

func (d *agedError) Unwrap() error { return d.error }

// UnderWay says of a doubt that the backup it is about is being taken or removed, or
// has failed. It keeps it from being proved that there is none, and says nothing against
// the newest of those that are whole: they are what a restore could have at this moment,
// and a backup that hangs, or is of no use, must not hold restores for ever.
func UnderWay(doubt error) error { return &agedError{error: doubt, underWay: true} }

// TakenBy says of a doubt that the backup it is about was taken at that time at the
// latest; the zero time stands for not known.
func TakenBy(doubt error, latest time.Time) error { return &agedError{error: doubt, takenBy: latest} }

// IsNewerDoubt reports whether a doubt is about a backup that is there, and is not
// known to be older than that of another such doubt; nil stands for none.
func IsNewerDoubt(doubt, than error) bool {
	if !MayBeNewer(doubt, time.Time{}) {
		return false
	}
	var of *agedError
	return than == nil || errors.As(than, &of) && !of.takenBy.IsZero() && MayBeNewer(doubt, of.takenBy)
}

// MayBeNewer reports whether the backup that a doubt is about may be newer than one
// that was taken at that time, as far as the doubt says. Clocks may be [MaxAhead]
// apart.
func MayBeNewer(doubt error, than time.Time) bool {
	var of *agedError
	if !errors.As(doubt, &of) {
		return doubt != nil
	}
	return !of.underWay && (of.takenBy.IsZero() || !of.takenBy.Add(MaxAhead).Before(than))
}

// clustersError is a doubt about whose backups are restored here.
type clustersError struct{ error }

func (d *clustersError) Unwrap() error { return d.error }

// OfClusters says of a doubt that it is about which clusters' backups are restored by
// themselves. A wish that names another cluster goes by none of that.
func OfClusters(doubt error) error {
	if doubt == nil {
		return nil
	}
	return &clustersError{doubt}
}

// IsOfClusters reports whether a doubt is about which clusters' backups are restored,
// and about nothing else.
func IsOfClusters(doubt error) bool {
	var of *clustersError
	return errors.As(doubt, &of)
}

// graver returns the doubt to keep of two: the first, unless it alone may not matter to
// a wish, or passes by itself.
func graver(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil || IsOfClusters(second):
		return first
	case IsOfClusters(first), IsNotYet(first) && !IsNotYet(second):
		return second
	}
	return first
}
