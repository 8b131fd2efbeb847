package backup

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Backup is one restorable point in time of a claim.
type Backup struct {
	// Claim is the claim whose data the backup holds.
	Claim Claim
	// Driver names the backup system, such as "restic".
	Driver string
	// ID identifies the backup within its driver and never changes: for restic
	// the full snapshot id (64 hexadecimal digits).
	ID string
	// TakenAt is when the data was as the backup holds it.
	TakenAt time.Time
	// DatedAt is when the backup itself says that it was taken, where that is proved to
	// be wrong: the clock of what took it was ahead, and TakenAt is when it was begun.
	// Else the zero time.
	DatedAt time.Time
	// SizeBytes is the size of the data when restored; negative when the driver
	// does not know it.
	SizeBytes int64
	// Files is the number of files and folders; negative when the driver does
	// not know it.
	Files int64
	// DataBytes is how much data the backup holds, by which one backup of a claim
	// is compared with the next: for a volume's backup, the blocks that were ever
	// written, of which SizeBytes says nothing. Negative when the driver does not
	// know it.
	DataBytes int64
	// Own is true when Soteria took the backup, so that retention may remove it.
	// Backups of others are found and restored, and never removed.
	Own bool
	// Cluster names the cluster that took the backup (SOTERIA_CLUSTER there); empty
	// when the backup does not say.
	Cluster string
	// Outcome is how the taking of the backup ended.
	Outcome Outcome
	// Tool is what took the backup, as it calls itself, such as "restic 0.16.4";
	// empty where the backup does not say.
	Tool string
	// Unreviewed is true when the claim had been bound without a verdict while
	// older backups of it existed: the backup may be of an empty volume. It is
	// never chosen by itself until a person says which data is right.
	Unreviewed bool
	// Unrestorable says why the backup cannot be restored, in words for the user;
	// empty when it can, as far as a listing tells. Such a backup exists: its claim
	// is never proved to have none, and is held where this one would be chosen.
	Unrestorable string
	// Origin is the id that the backup had before it was retagged, rewritten or copied;
	// empty where it had no other.
	Origin string
	// Content identifies the data that the backup holds, where its system says so: for
	// restic the id of the snapshot's tree. Backups of one claim with the same content
	// hold the same data. Empty where it is not known.
	Content string
	// Snapshot is the backup system's own name of the snapshot that the backup
	// was made of, for systems whose snapshots have names; else empty.
	Snapshot string
	// Locator is what the driver needs to find the data again, in its own terms.
	Locator string
	// Tags are the labels the backup carries, as "key=value" or plain words.
	Tags []string
}

// ShortID gives as much of a backup's id as is enough for people: the beginning
// of a hash, such as restic's ids, and the whole of any other name.
func ShortID(id string) string {
	if len(id) > MinIDPrefix && hash.MatchString(id) {
		return id[:MinIDPrefix]
	}
	return Printable(id)
}

var hash = regexp.MustCompile(`^[0-9a-f]+$`)

// NewestFirst orders backups by the time they were taken, the newest first.
// Backups of the same moment are ordered by driver and id, so that every
// replica picks the same one.
func NewestFirst(a, b Backup) int {
	if c := b.TakenAt.Compare(a.TakenAt); c != 0 {
		return c
	}
	if c := strings.Compare(a.Driver, b.Driver); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// Selector says which backup of a claim is wanted. The zero value wants the
// newest.
type Selector struct {
	// AsOf, when not zero, wants the newest backup taken at or before it.
	AsOf time.Time
	// ID, when not empty, wants the backup with this id, or the only one whose
	// id begins with it (at least [MinIDPrefix] characters, as restic prints).
	ID string
	// Cluster, when not empty, wants a backup that this cluster took.
	Cluster string
}

// MinIDPrefix is the shortest part of an id that may stand for the whole: the
// eight digits that restic prints as a snapshot's short id.
const MinIDPrefix = 8

// IsZero reports whether the selector simply wants the newest backup.
func (s Selector) IsZero() bool { return s.AsOf.IsZero() && s.ID == "" && s.Cluster == "" }

// String describes the wish for messages.
func (s Selector) String() string {
	var words []string
	if s.ID != "" {
		words = append(words, fmt.Sprintf("id %q", s.ID))
	}
	if s.Cluster != "" {
		words = append(words, "of cluster "+s.Cluster)
	}
	if !s.AsOf.IsZero() {
		words = append(words, "taken at or before "+stamp(s.AsOf))
	}
	if len(words) == 0 {
		return "the newest"
	}
	return strings.Join(words, " ")
}
