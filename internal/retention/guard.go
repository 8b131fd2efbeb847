package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Reason is why nothing was removed, as counted and as the reason of the event.
type Reason string

// The reasons, in the order in which they are looked at.
const (
	// ClockInDoubt: it is not known which backups are dated ahead of now.
	ClockInDoubt Reason = "clock_in_doubt"
	// ListingFailed: the last listing of the backups failed, or there was none.
	ListingFailed Reason = "listing_failed"
	// ListingStale: the last listing that was believed is too old.
	ListingStale Reason = "listing_stale"
	// ListingDoubtful: there may be backups that the listing does not tell of, or
	// one is being taken or removed.
	ListingDoubtful Reason = "listing_doubtful"
	// NameTwice: another live cluster has this one's name, so that its backups look
	// like this cluster's.
	NameTwice Reason = "cluster_name_used_twice"
	// RestoreOpen: a restore to the claim, or of its backups, is not complete.
	RestoreOpen Reason = "restore_open"
	// BackupPinned: a restore has chosen one of the backups.
	BackupPinned Reason = "backup_pinned"
	// LastBackup: nothing would be left.
	LastBackup Reason = "last_backup"
	// ReviewDue: one of the backups may be of a volume that was empty by mistake.
	ReviewDue Reason = "review_due"
	// Shrunk: the newest backup holds far less than another that is kept.
	Shrunk Reason = "shrunk"
)

// Reasons returns all of them.
func Reasons() []Reason {
	return []Reason{ClockInDoubt, ListingFailed, ListingStale, ListingDoubtful, NameTwice, RestoreOpen, BackupPinned, LastBackup, ReviewDue, Shrunk}
}

// RefusalError is why backups that a policy does not keep are not removed now. Its
// cause is a [backup.Error]: Unavailable where it may pass by itself, Conflict
// where it is as it should be for now or a person has to look.
type RefusalError struct {
	Reason Reason
	Err    error
}

// Error says what keeps the backups and how to go on.
func (r *RefusalError) Error() string { return r.Err.Error() }

// Unwrap gives the cause.
func (r *RefusalError) Unwrap() error { return r.Err }

// Open is a restore that is not complete.
type Open struct {
	// Name is that of the Restore, or of a claim that has none yet.
	Name string
	// Target is the claim that is restored, Source the one whose backup it gets.
	Target, Source backup.Claim
	// Driver and Backup name the backup that was chosen, or is wished for by its id
	// or the first eight characters of it or more; empty where that is open.
	Driver, Backup string
}

// means reports whether the restore is of this backup: by its id, or the beginning
// of it.
func (o Open) means(b backup.Backup) bool {
	begins := len(o.Backup) >= backup.MinIDPrefix && strings.HasPrefix(b.ID, o.Backup)
	return (o.Backup == b.ID || begins) && (o.Driver == "" || o.Driver == b.Driver)
}

// Facts are all that the decision rests on.
type Facts struct {
	Claim  backup.Claim
	Driver string
	// Now and MaxAge bound how old a listing may be.
	Now    time.Time
	MaxAge time.Duration
	// ClockDoubt is true when this process's clock disagrees with those of others,
	// so that a backup dated ahead of now cannot be told from others.
	ClockDoubt bool
	// ListedAt, Failure and Doubt are what is known of the last listing, as the
	// catalog tells it.
	ListedAt       time.Time
	Failure, Doubt error
	// Rival says which other live cluster uses the repository by this one's name; ""
	// where none is known to.
	Rival string
	// Open are all restores that are not complete, of whichever claim.
	Open []Open
	// Kept and Removed are what [Split] made of those of the driver's backups of
	// the claim that Soteria took, newest first.
	Kept, Removed []backup.Backup
	// Counts says which of them count; nil is all.
	Counts Counts
	// ShrinkPercent is by how much the newest backup may be smaller than another
	// that is kept; 100 is by any.
	ShrinkPercent int
	// Reviewed is true where it was asked whether the claim's data has to be reviewed,
	// and it has not: a person said which is right, or the claim was restored.
	Reviewed bool
	// Accepted is a backup that a person says is right, or the beginning of its
	// id: with those before it nothing is compared. Empty is none.
	Accepted string
}

// counted returns those of backups that count.
func (f Facts) counted(backups []backup.Backup) []backup.Backup {
	if f.Counts == nil {
		return slices.Clone(backups)
	}
	return counted(backups, f.Counts)
}

// guard looks at one danger; nil is none.
type guard func(Facts) *RefusalError

// MayForget says whether Removed may be removed now: nil, or a [RefusalError], the
// first that holds.
func MayForget(f Facts) error {
	for _, look := range []guard{clockAgrees, believed, nameIsOwn, notRestoring, notPinned, notTheLast, reviewed, notShrunk} {
		if refusal := look(f); refusal != nil {
			return refusal
		}
	}
	return nil
}

func refuse(reason Reason, kind backup.Kind, format string, args ...any) *RefusalError {
	return &RefusalError{Reason: reason, Err: backup.Errorf(kind, format, args...)}
}

// clockAgrees refuses while a backup dated ahead of now might be a reason to remove
// others.
func clockAgrees(f Facts) *RefusalError {
	if !f.ClockDoubt {
		return nil
	}
	return refuse(ClockInDoubt, backup.Unavailable,
		"Soteria's clock disagrees with that of the API server or a store; set the clock of Soteria's node, and retention goes on by itself")
}

// believed refuses while it is not known for certain which backups there are.
func believed(f Facts) *RefusalError {
	const goesOn = "retention goes on by itself once the backups can be listed"
	const settled = "retention goes on by itself once that is settled"
	switch age := f.Now.Sub(f.ListedAt); {
	case f.Failure != nil:
		return refuse(ListingFailed, backup.Unavailable, "the %s backups could not be listed: %w; %s", f.Driver, f.Failure, goesOn)
	case f.ListedAt.IsZero():
		return refuse(ListingFailed, backup.Unavailable, "the %s backups have not been listed yet; %s", f.Driver, goesOn)
	case age > f.MaxAge || age < 0:
		return refuse(ListingStale, backup.Unavailable, "the %s backups were listed last at %s; %s", f.Driver, f.ListedAt.UTC().Format(time.RFC3339), goesOn)
	case f.Doubt != nil:
		return refuse(ListingDoubtful, backup.Unavailable, "it is in doubt which %s backups there are: %w; %s", f.Driver, f.Doubt, settled)
	}
	return nil
}

// nameIsOwn refuses while the backups of another cluster cannot be told from this
// one's.
func nameIsOwn(f Facts) *RefusalError {
	if f.Rival == "" {
		return nil
	}
	return refuse(NameTwice, backup.Conflict, "%s; retention goes on a day after the other was last seen", f.Rival)
}

// notRestoring refuses while the claim, or another one from its backups, is being
// restored.
func notRestoring(f Facts) *RefusalError {
	i := slices.IndexFunc(f.Open, func(o Open) bool { return o.Target == f.Claim || o.Source == f.Claim })
	if i < 0 {
		return nil
	}
	return refuse(RestoreOpen, backup.Conflict,
		"the restore %s of %s is not complete; retention goes on once it is, or once the Restore is deleted if nobody waits for it", f.Open[i].Name, f.Open[i].Source)
}

// notPinned refuses to remove a backup that a restore has chosen, whosever that
// is.
func notPinned(f Facts) *RefusalError {
	for _, o := range f.Open {
		for _, b := range f.Removed {
			if o.means(b) {
				return refuse(BackupPinned, backup.Conflict, "backup %s is being restored by %s; retention goes on once that is complete", backup.ShortID(b.ID), o.Name)
			}
		}
	}
	return nil
}

// notTheLast refuses to remove what nothing would be left of, which no policy
// does.
func notTheLast(f Facts) *RefusalError {
	if len(f.counted(f.Kept)) > 0 || len(f.Removed) == 0 {
		return nil
	}
	if len(f.Kept) > 0 {
		return refuse(LastBackup, backup.Conflict, "of %d %s backups of %s none that counts would be left: all are partial, void or dated in the future, "+
			"so that no older one is removed; see to what keeps its backups from being complete, which the events of the backups say", len(f.Kept), f.Driver, f.Claim)
	}
	return refuse(LastBackup, backup.Conflict, "no %s backup of %s would be left", f.Driver, f.Claim)
}

// reviewed refuses while a person has to say which data is right.
func reviewed(f Facts) *RefusalError {
	if f.Reviewed {
		return nil
	}
	for _, b := range append(slices.Clone(f.Kept), f.Removed...) {
		if b.Unreviewed {
			return refuse(ReviewDue, backup.Conflict, "backup %s was taken of a claim that had been bound without a verdict and may be of an empty volume, "+
				"so that no older one is removed: restore the claim, or accept it as it is", backup.ShortID(b.ID))
		}
	}
	return nil
}

// notShrunk refuses while the newest backup looks as if data had been lost before
// it was taken: it holds far less than the one before it, or than any that the
// policy keeps, so that a slow drain shows, too.
func notShrunk(f Facts) *RefusalError {
	all := f.compared(append(slices.Clone(f.Kept), f.Removed...))
	if len(all) < 2 {
		return nil
	}
	newest := all[0]
	before := slices.Concat(all[1:2], f.compared(f.Kept))
	i := slices.IndexFunc(before, func(b backup.Backup) bool { return backup.Shrunk(newest, b, f.ShrinkPercent) })
	if i < 0 {
		return nil
	}
	return refuse(Shrunk, backup.Conflict, "the newest %s backup, %s, holds %s where %s, taken %s, holds %s, which is down by more than %d%%, so that no older one is removed: "+
		"look at the claim's data and restore it if it was lost; retention goes on once the policy keeps no backup that holds so much more, "+
		"once the claim has the annotation soteria.dev/accept-backup=%s, or once SOTERIA_SHRINK_GUARD_PERCENT is raised",
		f.Driver, backup.ShortID(newest.ID), holds(newest), backup.ShortID(before[i].ID), before[i].TakenAt.UTC().Format(time.RFC3339), holds(before[i]),
		f.ShrinkPercent, backup.ShortID(newest.ID))
}

// compared returns those of backups that are compared with each other, newest
// first: that count and are not older than the one that a person accepted.
func (f Facts) compared(backups []backup.Backup) []backup.Backup {
	all := f.counted(backups)
	slices.SortFunc(all, backup.NewestFirst)
	accepted := named(f.Accepted, append(slices.Clone(f.Kept), f.Removed...))
	if len(accepted) != 1 {
		return all
	}
	return slices.DeleteFunc(all, func(b backup.Backup) bool { return b.TakenAt.Before(accepted[0].TakenAt) })
}

// named returns the backups whose id begins with what must be long enough for that.
func named(id string, backups []backup.Backup) []backup.Backup {
	if len(id) < backup.MinIDPrefix {
		return nil
	}
	return slices.DeleteFunc(backups, func(b backup.Backup) bool { return !strings.HasPrefix(b.ID, id) })
}

// holds says how much a backup holds, as far as that is known.
func holds(b backup.Backup) string {
	switch {
	case b.Files >= 0 && b.DataBytes >= 0:
		return fmt.Sprintf("%d files of %d bytes", b.Files, b.DataBytes)
	case b.Files >= 0:
		return fmt.Sprintf("%d files", b.Files)
	default:
		return fmt.Sprintf("%d bytes", b.DataBytes)
	}
}
