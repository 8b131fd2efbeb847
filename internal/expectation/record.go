package expectation

import (
	"maps"
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
}

// Claims is what is remembered of a repository, by claim.
type Claims map[backup.Claim]Record

// Observe returns the record after a listing at now that held backups, newest
// first. A listing never lowers what is expected; see [Record.Settle].
func (r Record) Observe(backups []backup.Backup, now time.Time) Record {
	if len(backups) == 0 || backups[0].TakenAt.Before(r.Newest) {
		return r
	}
	seen := now.UTC().Truncate(24 * time.Hour)
	if backups[0].TakenAt.Equal(r.Newest) && !seen.After(r.SeenAt) {
		return r
	}
	return Record{Newest: backups[0].TakenAt.UTC(), ID: backups[0].ID, SeenAt: seen, Count: len(backups), Epoch: r.Epoch}
}

// Missing reports whether the newest backup that is remembered is not among
// backups, which must be newest first, nor any newer one.
func (r Record) Missing(backups []backup.Backup) bool {
	return !r.Newest.IsZero() && (len(backups) == 0 || backups[0].TakenAt.Before(r.Newest))
}

// Settle returns the record after it was settled that exactly these backups,
// newest first, are expected from now on; with none, nothing is.
func (r Record) Settle(backups []backup.Backup, now time.Time) Record {
	return Record{Epoch: r.Epoch + 1}.Observe(backups, now)
}

// Union joins two memories of one repository. For each claim the higher epoch
// holds; of the same epoch, the later newest backup, then the one seen later.
func Union(a, b Claims) Claims {
	joined := maps.Clone(a)
	if joined == nil {
		joined = make(Claims, len(b))
	}
	for claim, record := range b {
		if other, ok := joined[claim]; !ok || other.less(record) {
			joined[claim] = record
		}
	}
	return joined
}

// less orders the records of one claim by which of them holds in a union. It is a
// total order, so that a union does not depend on the order of its parts.
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
	default:
		return r.ID < other.ID
	}
}
