package inventory

import (
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Inventory is how well every claim was backed up at one moment. It never
// changes; what its methods give is shared and must not be changed.
type Inventory struct {
	generatedAt time.Time
	maxAge      time.Duration
	listings    []Listing
	untoldDays  int
	claims      []Claim
	orphans     []Orphan
}

// GeneratedAt is when the facts were gathered.
func (i *Inventory) GeneratedAt() time.Time { return i.generatedAt }

// MaxAge is how old a claim's newest backup may be and still be fresh.
func (i *Inventory) MaxAge() time.Duration { return i.maxAge }

// Listings is what was known of each driver's repository, in the order of the
// configuration.
func (i *Inventory) Listings() []Listing { return i.listings }

// UntoldDays is how many of the last days, today included, may have had backups
// that are not known, since a repository could not be listed.
func (i *Inventory) UntoldDays() int { return i.untoldDays }

// Claims are the claims of the cluster, but for those that Soteria itself made,
// by namespace and name.
func (i *Inventory) Claims() []Claim { return i.claims }

// Orphans are the claims that exist only as backups, by namespace and name. That
// a claim is not among them does not prove that it has no backup: see
// [Inventory.Listings] for whether every repository could be listed.
func (i *Inventory) Orphans() []Orphan { return i.orphans }

// Claim is a claim of the cluster.
type Claim struct {
	Claim backup.Claim
	// Volume is the volume it is bound to; empty while there is none.
	Volume string
	// StorageClass is the class it names; empty where it names none.
	StorageClass string
	// Capacity is what its volume has, or what it asks for while it has none.
	Capacity string
	// Driver is the driver of its newest backup or, where it has none, the one
	// that would back it up.
	Driver string
	// Backups are those that are known.
	Backups Summary
	Health  Health
	// Message says more about its health where there is more to say.
	Message string
	// Copy is true for a claim that was made to look at a backup: no backups are expected
	// of it.
	Copy bool
	// HoldReason is why it is held, in one CamelCase word: CheckingForBackups while the
	// look for its backups takes its usual time, LookingForBackups where the first one
	// takes longer, else why nothing could be settled; "" while it is not held.
	HoldReason string
	// Unreviewed says that and why a person has to say which of its data is right;
	// "" where that is no question.
	Unreviewed string
	// Accept is the command that accepts what the claim holds now; "" where
	// Unreviewed is.
	Accept string
	// BackupStalled says who holds up a backup of it that runs and does not come
	// further, or why one that is due was not started, and what to do; "" where none
	// is held up.
	BackupStalled string
	// Protection is how it is protected.
	Protection Protection
	// Verdict is what admission decided when the claim was created, and why;
	// empty where it decided nothing.
	Verdict string
	// Schedule is when it is backed up by itself; zero when it is not.
	Schedule Schedule
	// Choice is what its manifest asks of its restore; nil where that is nothing.
	Choice *kube.Choice
}

// Orphan is a claim that exists only as backups.
type Orphan struct {
	Claim backup.Claim
	// Backups holds at least one.
	Backups Summary
}

// Summary is what is known of a claim's backups.
type Summary struct {
	// Count is how many there are.
	Count int
	// Newest is when the newest was taken by which health goes, and Driver whose it
	// is: this cluster took it, its date can be right and what it holds counts. Zero
	// when there is none.
	Newest time.Time
	Driver string
	// Passed says why newer ones than Newest do not count, one sentence each driver;
	// empty where there are none.
	Passed []string
	// ByDriver tells the same of each driver that has some, by name.
	ByDriver []DriverSummary
	// Days counts them by the day on which they were taken, as of the inventory.
	Days backup.Days
}

// DriverSummary is what is known of a claim's backups with one driver.
type DriverSummary struct {
	Driver string
	Count  int
	// Newest is the newest date among them, whether it can be right or not.
	Newest time.Time
}

// Age is how long ago the newest backup was taken, never negative: clocks differ.
// It means nothing where Newest is zero.
func (s Summary) Age(now time.Time) time.Duration { return max(0, now.Sub(s.Newest)) }

// Fresh reports whether the newest backup is no older than maxAge.
func (s Summary) Fresh(now time.Time, maxAge time.Duration) bool {
	return !s.Newest.IsZero() && s.Age(now) <= maxAge
}

// Protection is how a claim is protected.
type Protection string

// The protections: the modes of admission, and a label that admission would
// refuse.
const (
	ProtectionNone     Protection = "none"
	ProtectionAuto     Protection = "auto"
	ProtectionRequired Protection = "required"
	ProtectionSkip     Protection = "skip"
	ProtectionInvalid  Protection = "invalid"
)
