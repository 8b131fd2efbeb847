package expectation

import (
	"maps"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Record is what is remembered of one claim's backups in one repository. The zero
// value remembers nothing.
type Record struct {
	// Newest is when the newest backup ever seen was taken; the zero time when no
	// backup is expected. A backup is recognised by the time at which it was
	// taken, since copying or retagging it changes its id and not that time.
	Newest time.Time
	// ID is the id that backup had when it was last seen, to name it to people.
	ID string
	// SeenAt is when a listing last held that backup, to the day.
	SeenAt time.Time
	// Count is how many backups of the claim that listing held.
	Count int
	// Epoch counts how often the record was settled: by a person who accepted
	// that backups are gone, or by Soteria before it removed them. What a lower
	// epoch remembers is void.
	Epoch int
	// AcceptedAt is when a person last accepted that backups of the claim are
	// gone; the zero time if no one ever did.
	AcceptedAt time.Time
	// Leaving is when the newest backup was taken that Soteria is removing or has
	// removed, and LeavingUntil how long that may take. Until then a listing that still holds a
	// backup between Newest and Leaving does not make it expected again.
	Leaving, LeavingUntil time.Time
}

// Claims is what is remembered of a repository, by claim.
type Claims map[backup.Claim]Record

// Observe returns the record after a listing at now that held backups, newest
// first. A listing never lowers what is expected; see [Record.Settle].
func (r Record) Observe(backups []backup.Backup, now time.Time) Record {
	backups = r.withoutLeaving(backups, now)
	if len(backups) == 0 || backups[0].TakenAt.Before(r.Newest) {
		return r
	}
	seen := now.UTC().Truncate(24 * time.Hour)
	if backups[0].TakenAt.Equal(r.Newest) && !seen.After(r.SeenAt) {
		return r
	}
	r.Newest, r.ID, r.SeenAt, r.Count = backups[0].TakenAt.UTC().Round(0), backups[0].ID, seen, len(backups)
	return r
}

// withoutLeaving returns the backups without those that are being removed.
func (r Record) withoutLeaving(backups []backup.Backup, now time.Time) []backup.Backup {
	if !now.Before(r.LeavingUntil) {
		return backups
	}
	leaves := func(b backup.Backup) bool { return b.TakenAt.After(r.Newest) && !b.TakenAt.After(r.Leaving) }
	if !slices.ContainsFunc(backups, leaves) {
		return backups
	}
	return slices.DeleteFunc(slices.Clone(backups), leaves)
}

// Missing reports whether the newest backup that is remembered is not among
// backups, which must be newest first, nor any newer one.
func (r Record) Missing(backups []backup.Backup) bool {
	return !r.Newest.IsZero() && (len(backups) == 0 || backups[0].TakenAt.Before(r.Newest))
}

// Settle returns the record after it was settled that exactly these backups,
// newest first, are expected from now on; with none, nothing is.
func (r Record) Settle(backups []backup.Backup, now time.Time) Record {
	return Record{Epoch: r.Epoch + 1, AcceptedAt: r.AcceptedAt}.Observe(backups, now)
}

// Accept is [Record.Settle] by a person, who accepts at now that whatever else was
// expected is gone.
func (r Record) Accept(backups []backup.Backup, now time.Time) Record {
	settled := r.Settle(backups, now)
	settled.AcceptedAt = now.UTC().Round(0)
	return settled
}

// removal bounds how long the removal of a backup takes, with the listings that
// began before it ended.
const removal = time.Hour

// Forget returns the record before Soteria removes backups of the claim; stays are
// those that are left, both newest first. It is to be recorded before the first of
// them goes. A crash after that does no harm: what is not removed within the hour
// is expected again once a listing holds it.
func (r Record) Forget(removed, stays []backup.Backup, now time.Time) Record {
	if len(removed) == 0 || removed[0].TakenAt.Before(r.Newest) {
		return r
	}
	settled := r.Settle(stays, now)
	settled.Leaving, settled.LeavingUntil = removed[0].TakenAt.UTC().Round(0), now.UTC().Round(0).Add(removal)
	if r.Leaving.After(settled.Leaving) { // removed before, and not to be expected again either
		settled.Leaving = r.Leaving
	}
	return settled
}

// Outlive returns the record in the epoch of one that a person settled, where it
// expects a backup that was taken later than that: the acceptance says nothing about
// it. A process that could not read the memory meanwhile learns in an epoch that is
// over.
func (r Record) Outlive(settled Record) Record {
	if settled.Epoch > r.Epoch && !settled.AcceptedAt.IsZero() && r.Newest.After(settled.AcceptedAt) {
		r.Epoch, r.AcceptedAt = settled.Epoch, settled.AcceptedAt
	}
	return r
}

// Union joins two memories of one repository. For each claim the higher epoch
// holds; of the same epoch, the later newest backup, then the one seen later. That
// a person accepted something is never lost. Where one of them adds nothing, the
// result is the other; it must not be changed.
func Union(a, b Claims) Claims {
	if len(a) == 0 {
		a, b = b, a
	}
	joined, shared := a, true
	for claim, record := range b {
		other, ok := joined[claim]
		if ok {
			record = other.join(record)
		}
		if ok && record == other {
			continue
		}
		if shared {
			joined, shared = maps.Clone(a), false
		}
		joined[claim] = record
	}
	return joined
}

func (r Record) join(other Record) Record {
	accepted := r.AcceptedAt
	if other.AcceptedAt.After(accepted) {
		accepted = other.AcceptedAt
	}
	if r.less(other) {
		r = other
	}
	r.AcceptedAt = accepted
	return r
}

// less orders the records of one claim by which of them holds in a union. It is a
// total order but for AcceptedAt, so that a union does not depend on the order of
// its parts.
func (r Record) less(other Record) bool {
	switch {
	case r.Epoch != other.Epoch:
		return r.Epoch < other.Epoch
	case !r.Newest.Equal(other.Newest):
		return r.Newest.Before(other.Newest)
	case !r.SeenAt.Equal(other.SeenAt):
		return r.SeenAt.Before(other.SeenAt)
	case r.Count != other.Count:
		return r.Count < other.Count
	case r.ID != other.ID:
		return r.ID < other.ID
	case !r.Leaving.Equal(other.Leaving):
		return r.Leaving.Before(other.Leaving)
	default:
		return r.LeavingUntil.Before(other.LeavingUntil)
	}
}
