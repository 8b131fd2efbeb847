package wire

import "time"

// PolicyRequest is the body of POST /v1/policies. Either an interval or a schedule
// says when.
type PolicyRequest struct {
	Namespace string `json:"namespace"`
	// PVC is the claim; empty: every claim of the namespace.
	PVC           string `json:"pvc,omitempty"`
	IntervalHours int    `json:"interval_hours,omitempty"`
	// Schedule is five cron fields, or @daily and the like, in UTC unless it
	// begins with CRON_TZ=<zone>.
	Schedule string `json:"schedule,omitempty"`
	// Driver is the backup system to use; by default the one that Soteria is set
	// to.
	Driver string `json:"driver,omitempty"`
	// Enabled is true unless it says otherwise.
	Enabled *bool `json:"enabled,omitempty"`
	// Keep says which old backups stay; without it all do.
	Keep *Keep `json:"keep,omitempty"`
	// DryRun only tells which claims the policy would hold for.
	DryRun bool `json:"dry_run,omitempty"`
}

// Keep says how many backups stay; one stays if any of the counts keeps it.
type Keep struct {
	Last    int `json:"last,omitempty"`
	Hourly  int `json:"hourly,omitempty"`
	Daily   int `json:"daily,omitempty"`
	Weekly  int `json:"weekly,omitempty"`
	Monthly int `json:"monthly,omitempty"`
	Yearly  int `json:"yearly,omitempty"`
}

// Policy is a policy; the answer to POST (201 for a new one, 200 for one that took
// another's place) and DELETE.
type Policy struct {
	// ID follows from the target and never changes.
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	// PVC is empty for a policy for every claim of the namespace.
	PVC           string `json:"pvc"`
	IntervalHours int    `json:"interval_hours,omitempty"`
	// Schedule is "none" for a claim that declares that it wants no backups.
	Schedule string `json:"schedule,omitempty"`
	Driver   string `json:"driver,omitempty"`
	Enabled  bool   `json:"enabled"`
	Keep     *Keep  `json:"keep,omitempty"`
	// Source is claim-annotation, claim-label, api-claim or api-namespace. Of
	// several policies for a claim the first in this order holds.
	Source string `json:"source"`
	// Warnings say why a policy that was just kept does nothing now, such as that its
	// namespace does not exist; only in the answer to POST.
	Warnings []string `json:"warnings,omitempty"`
}

// PolicyPreview answers POST /v1/policies with dry_run: what keeping the policy would
// do.
type PolicyPreview struct {
	Policy Policy `json:"policy"`
	// Replaces is true where a policy of the same target exists.
	Replaces bool `json:"replaces"`
	// Matches are the claims of the policy's target that exist now, by name.
	Matches []PolicyMatch `json:"matches"`
	// Holds counts the matches that the policy would hold for.
	Holds int `json:"holds"`
	// Warnings say why it would do nothing: the namespace or the claim does not exist,
	// no claim is there, or others' policies hold for all of them.
	Warnings []string `json:"warnings"`
	DryRun   bool     `json:"dry_run"`
}

// PolicyMatch is a claim that a policy is for.
type PolicyMatch struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Holds is true where the policy would hold for the claim.
	Holds bool `json:"holds"`
	// OverriddenBy is the source of the policy that holds in its place, and
	// OverriddenByID its id; absent where this one would hold.
	OverriddenBy   string `json:"overridden_by,omitempty"`
	OverriddenByID string `json:"overridden_by_id,omitempty"`
	// Reason and Message are as in [PolicyClaim], for a claim that would not be backed
	// up although the policy holds for it.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Policies answers GET /v1/policies.
type Policies struct {
	GeneratedAt time.Time `json:"generated_at"`
	// EvaluatedAt is when this replica last started what was due; null on replicas
	// that do not lead, which do not know of backups that could not be started.
	EvaluatedAt *time.Time `json:"evaluated_at"`
	// Policies are those of the API, then those that claims declare.
	Policies []Policy `json:"policies"`
	// Claims are those that a policy holds for.
	Claims []PolicyClaim `json:"claims"`
	// Warnings are declarations on claims that cannot be understood.
	Warnings []PolicyWarning `json:"warnings"`
}

// PolicyClaim is how a claim stands with the policy that holds for it.
type PolicyClaim struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// PolicyID and Source are of the policy that holds; empty for a claim whose
	// declaration cannot be understood and that has no other.
	PolicyID string `json:"policy_id"`
	Source   string `json:"source"`
	Driver   string `json:"driver"`
	// Keep says which of the claim's old backups stay, whichever policy says so;
	// absent where all do.
	Keep *Keep `json:"keep,omitempty"`
	// LastBackupAt is null where no backup is known of.
	LastBackupAt *time.Time `json:"last_backup_at"`
	// NextRun is when the next backup is due, which may have passed; null where
	// none is wanted.
	NextRun *time.Time `json:"next_run"`
	// State is scheduled, due, running, failing, skipped or off.
	State string `json:"state"`
	// Reason is why it is skipped: excluded, deleting, held, restoring, unbound,
	// no_driver, backups_unknown or misdeclared.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// PolicyWarning is a declaration on a claim that cannot be understood.
type PolicyWarning struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Source is claim-annotation or claim-label.
	Source  string `json:"source"`
	Message string `json:"message"`
}
