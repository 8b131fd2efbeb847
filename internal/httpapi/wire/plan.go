package wire

import "time"

// Plan answers GET /v1/plan: what would become of every claim if the cluster
// were rebuilt now from the same manifests.
type Plan struct {
	// GeneratedAt is when the facts were gathered; ages are as of then.
	GeneratedAt time.Time   `json:"generated_at"`
	Summary     PlanSummary `json:"summary"`
	// Unprotected names the claims that are not protected, as namespace/name.
	Unprotected []string `json:"unprotected"`
	// Claims are by namespace and name.
	Claims []PlannedClaim `json:"claims"`
	// Orphans are the claims that exist only as backups: no claim asks for them
	// now.
	Orphans []Orphan `json:"orphans"`
	// Listings tell of each driver whether its repository can be listed.
	Listings []Listing `json:"listings"`
}

// PlanSummary counts claims by outcome, and orphans.
type PlanSummary struct {
	Claims      int `json:"claims"`
	Restore     int `json:"restore"`
	StartEmpty  int `json:"start_empty"`
	Hold        int `json:"hold"`
	Refuse      int `json:"refuse"`
	LeaveAlone  int `json:"leave_alone"`
	Unprotected int `json:"unprotected"`
	Orphans     int `json:"orphans"`
}

// PlannedClaim tells what would become of one claim.
type PlannedClaim struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Protection is auto, required, skip, none or, for a label that admission
	// would refuse, invalid.
	Protection string `json:"protection"`
	// Outcome is restore, start_empty, hold, refuse, leave_alone or unprotected.
	Outcome string `json:"outcome"`
	// Verdict and Reason are what admission would decide, and by which rule.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	// Impossible is true where the claim's manifest asks for a backup that no one has, or
	// in words that cannot be understood: it waits until the manifest is corrected.
	Impossible bool `json:"impossible,omitempty"`
	// Choice is what the manifest asks of the restore; absent where it asks for nothing
	// but the newest backup.
	Choice *ClaimChoice `json:"choice,omitempty"`
	// Message tells why, and what to do where that is not what one would want.
	Message string `json:"message"`
	// Warning tells what the outcome may founder on.
	Warning string `json:"warning,omitempty"`
	// Notes are the parts of Message that a person should look into: what speaks
	// against the backup, and which newer ones were passed over and why. Absent where
	// there is nothing.
	Notes []string `json:"notes,omitempty"`
	// Backup is what would be restored; null where nothing would.
	Backup *PlannedBackup `json:"backup"`
}

// PlannedBackup is the backup that a claim would be restored from.
type PlannedBackup struct {
	// Namespace and PVC name the claim that it was taken of.
	Namespace string    `json:"namespace"`
	PVC       string    `json:"pvc"`
	ID        string    `json:"id"`
	Driver    string    `json:"driver"`
	TakenAt   time.Time `json:"taken_at"`
	AgeHours  float64   `json:"age_hours"`
	// SizeBytes is null when the driver does not know it.
	SizeBytes *int64 `json:"size_bytes"`
}

// ClaimChoice is what a claim's manifest asks of a restore. A person writes it for one
// recovery; as long as it stands it acts on each one.
type ClaimChoice struct {
	// AsOf and Backup are soteria.dev/restore-as-of and soteria.dev/restore-backup, From
	// is soteria.dev/restore-from, or what the Restore says that the claim refers to, and
	// Skip the reason of soteria.dev/restore=skip; absent where neither says so.
	AsOf   string `json:"as_of,omitempty"`
	Backup string `json:"backup,omitempty"`
	From   string `json:"from,omitempty"`
	Skip   string `json:"skip,omitempty"`
	// Restore names the Restore, in the claim's namespace, that says some of it; absent
	// where the claim says all.
	Restore string `json:"restore,omitempty"`
	// Expires is soteria.dev/expires; absent where the choice is not bounded, or the
	// annotation is no time.
	Expires *time.Time `json:"expires,omitempty"`
	// Expired is true for a choice that is ignored, since Expires has passed.
	Expired bool `json:"expired,omitempty"`
	// Spent is true for a choice of a claim that has its volume: it would act again if
	// the claim were made anew.
	Spent bool `json:"spent,omitempty"`
	// Message says what the choice would do, and Drop is the command that removes it.
	Message string `json:"message"`
	Drop    string `json:"drop"`
}
