package copies

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Record is what Soteria knows of a copy from making it. Nothing in it was read from
// the claim, which a tenant may change.
type Record struct {
	// Lock is the lock that was drawn for the copy: the name of its volume and of its
	// Restore, and the record's own.
	Lock string `json:"lock"`
	// Claim is the copy.
	Claim backup.Claim `json:"claim"`
	// UID is the claim's as the API server answered when Soteria made it. It is empty
	// until then, and for ever where the answer was not heard: such a record has nothing
	// removed.
	UID types.UID `json:"uid,omitempty"`
	// SeenUID is the uid of a claim that was found marked by a version that kept no
	// records. That claim is spared, and never removed.
	SeenUID types.UID `json:"seenUID,omitempty"`
	// Source, Driver, Backup and TakenAt say what was restored.
	Source  backup.Claim `json:"source"`
	Driver  string       `json:"driver,omitempty"`
	Backup  string       `json:"backup,omitempty"`
	TakenAt time.Time    `json:"takenAt,omitzero"`
	// RequestedBy names who asked for it.
	RequestedBy string `json:"requestedBy,omitempty"`
	// MadeAt is when it was written down, just before the claim was made.
	MadeAt time.Time `json:"madeAt"`
	// ExpiresAt is when it is removed by itself; zero for never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// WarnedAt is when the event was written that says that it expires soon, and HeldAt
	// that which says why it had expired and was not removed. Zero until then.
	WarnedAt time.Time `json:"warnedAt,omitzero"`
	HeldAt   time.Time `json:"heldAt,omitzero"`
	// UsedAt is when it was first seen, as its time came, that a pod uses it. Zero for a
	// copy that none was seen to use then.
	UsedAt time.Time `json:"usedAt,omitzero"`
}

// expired reports whether the copy's time has come.
func (r Record) expired(now time.Time) bool { return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt) }

// warning returns when it is told that the copy expires soon: an hour before, and halfway
// for one that lives for less than two.
func (r Record) warning() time.Time {
	const early = time.Hour
	return r.ExpiresAt.Add(-min(early, r.ExpiresAt.Sub(r.MadeAt)/2)) //nolint:mnd // half
}
