package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// State is how a claim stands with its policy.
type State string

// The states.
const (
	// Scheduled: the next backup is due later.
	Scheduled State = "scheduled"
	// Due: the next backup is due and starts with the next evaluation, or once
	// fewer run.
	Due State = "due"
	// Running: a backup of the claim is running.
	Running State = "running"
	// Failing: the last backup failed; the next attempt is at NextRun.
	Failing State = "failing"
	// Skipped: nothing is started as long as Reason holds.
	Skipped State = "skipped"
	// Off: the policy is switched off, or the claim declares that it wants none.
	Off State = "off"
)

// Reason is why a claim is skipped.
type Reason string

// The reasons.
const (
	Excluded       Reason = "excluded"
	Deleting       Reason = "deleting"
	Held           Reason = "held"
	Restoring      Reason = "restoring"
	Unbound        Reason = "unbound"
	NoDriver       Reason = "no_driver"
	BackupsUnknown Reason = "backups_unknown"
	Misdeclared    Reason = "misdeclared"
)

// NoSlot is why a claim that is Due waits, beside the reasons for which claims are
// Skipped: as many backups run as may.
const NoSlot Reason = "no_slot"

// Overdue is why a backup that is due was not started for a while. The zero value is
// that none is overdue.
type Overdue struct {
	// Reason is [NoSlot], [NoDriver] or [BackupsUnknown].
	Reason Reason
	// Says tells people what happened, why, and what to do.
	Says string
}

// Standing is how one claim stands with the policy that holds for it.
type Standing struct {
	Claim backup.Claim
	// Policy is the policy that holds, with the Keep that holds for the claim;
	// the zero value for a claim whose declaration could not be understood and
	// that has no other policy.
	Policy Policy
	// Driver is the backup system that takes the claim's backups.
	Driver string
	// LastBackup is when the newest backup that is known of was taken; zero if
	// there is none.
	LastBackup time.Time
	// NextRun is when the next backup is due, which may have passed; zero where
	// none is wanted.
	NextRun time.Time
	State   State
	// Reason is set for a claim that is Skipped.
	Reason Reason
	// Message says more, for people.
	Message string
	// Overdue is set where the next backup is due and was not started for a while.
	Overdue Overdue
}

// Report is how all claims that have a policy stand at one moment. It is not to
// be changed.
type Report struct {
	At time.Time
	// EvaluatedAt is when this replica last started what was due; zero on the
	// replicas that do not lead.
	EvaluatedAt time.Time
	// Policies are those that the API keeps and then those that claims declare,
	// each by namespace and name.
	Policies []Policy
	// Standings are in the order of [ByClaim].
	Standings []Standing
	Warnings  []Warning
}

// Of finds a claim's standing; false for a claim without a policy. It costs a few
// comparisons.
func (r Report) Of(claim backup.Claim) (Standing, bool) {
	at, found := slices.BinarySearchFunc(r.Standings, claim, func(s Standing, c backup.Claim) int { return ByClaim(s.Claim, c) })
	if !found {
		return Standing{}, false
	}
	return r.Standings[at], true
}

// ByClaim orders claims by namespace, then by name.
func ByClaim(a, b backup.Claim) int {
	if order := strings.Compare(a.Namespace, b.Namespace); order != 0 {
		return order
	}
	return strings.Compare(a.Name, b.Name)
}
