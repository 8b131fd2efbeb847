package wire

import "time"

// Inventory answers GET /v1/inventory: how well every claim is backed up.
type Inventory struct {
	// GeneratedAt is when the facts were gathered; ages are as of then.
	GeneratedAt time.Time `json:"generated_at"`
	// Namespaces are those that hold claims, by name.
	Namespaces []InventoryNamespace `json:"namespaces"`
	// Orphans are the claims that exist only as backups, by namespace and name.
	Orphans []Orphan `json:"orphans"`
	// Listings tell of each driver whether its repository can be listed.
	Listings []Listing `json:"listings"`
}

// InventoryNamespace holds a namespace's claims, by name.
type InventoryNamespace struct {
	Name string           `json:"name"`
	PVCs []InventoryClaim `json:"pvcs"`
}

// InventoryClaim tells how well one claim is backed up.
type InventoryClaim struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Volume is empty while the claim is not bound to one.
	Volume       string `json:"volume"`
	StorageClass string `json:"storage_class"`
	// Capacity is what the volume has, or what the claim asks for while it has
	// none.
	Capacity string `json:"capacity"`
	// Driver is that of the newest backup or, where there is none, the one that
	// would back the claim up.
	Driver string `json:"driver"`
	BackupSummary
	// Healthy is true where HealthReason is fresh.
	Healthy bool `json:"healthy"`
	// HealthReason is fresh, stale, no_backups, lookup_failed, restoring, held,
	// deleting, lost, unbound, unreviewed, excluded or skipped.
	HealthReason string `json:"health_reason"`
	// HealthMessage says more where there is more to say.
	HealthMessage string `json:"health_message,omitempty"`
	// HoldReason is why a held claim waits: CheckingForBackups while its backups are being
	// looked for and nothing is wrong, LookingForBackups where the first look takes longer
	// than usual, else the reason of the condition Selected of its Restore, such as
	// BackupsUnknown or RequiredBackupMissing. Absent for all others.
	HoldReason string `json:"hold_reason,omitempty"`
	// AcceptData is the command that accepts what an unreviewed claim holds now, in
	// which a reason is to be put; absent for all others.
	AcceptData string `json:"accept_data,omitempty"`
	// BackupStalled says who holds up a backup of the claim that does not come further,
	// and what to do; absent where none does.
	BackupStalled string `json:"backup_stalled,omitempty"`
	// Copy is true for a claim that was made to look at a backup: no backups are expected of
	// it, see GET /v1/copies; absent for all others.
	Copy bool `json:"copy,omitempty"`
	// Choice is what the claim's manifest asks of its restore and would act again if the
	// claim were made anew; absent where there is nothing.
	Choice *ClaimChoice `json:"choice,omitempty"`
	// ByDriver tells the same of each driver that has backups of the claim.
	ByDriver []BackupsOfDriver `json:"by_driver"`
	// Protection is auto, required, skip, none or, for a label that admission
	// would refuse, invalid.
	Protection string `json:"protection"`
	// Verdict is what admission decided when the claim was created, and why.
	Verdict string `json:"verdict,omitempty"`
	// Policy is the id of the policy that backs the claim up by itself,
	// PolicySource where it is from, NextRun when the next backup is due; absent
	// where there is none.
	Policy       string     `json:"policy,omitempty"`
	PolicySource string     `json:"policy_source,omitempty"`
	NextRun      *time.Time `json:"next_run,omitempty"`
}

// BackupSummary tells what is known of a claim's backups.
type BackupSummary struct {
	// LastBackupAt is when the newest backup was taken, and LastBackupAgeHours
	// how many hours that is ago; null where none is known.
	LastBackupAt       *time.Time `json:"last_backup_at"`
	LastBackupAgeHours *float64   `json:"last_backup_age_hours"`
	// BackupCount is how many backups are known.
	BackupCount int `json:"backup_count"`
	// PassedOver says why newer backups than that are not gone by: they are dated
	// ahead of now, another cluster's, or do not count. Absent where there are none.
	PassedOver []string `json:"passed_over,omitempty"`
	// RecentDays counts those taken on each of the last 14 days, in UTC, oldest
	// first, the day of the report last. A day is null where none is known and a
	// repository could not be listed since. Absent where no backup is known.
	RecentDays []*int `json:"recent_days,omitempty"`
}

// BackupsOfDriver tells what is known of a claim's backups with one driver.
type BackupsOfDriver struct {
	Driver       string    `json:"driver"`
	BackupCount  int       `json:"backup_count"`
	LastBackupAt time.Time `json:"last_backup_at"`
}

// Orphan is a claim that exists only as backups.
type Orphan struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Driver is that of the newest backup.
	Driver string `json:"driver"`
	BackupSummary
	// ByDriver tells the same of each driver that has backups of the claim.
	ByDriver []BackupsOfDriver `json:"by_driver"`
}

// Listing tells whether a driver's repository can be listed.
type Listing struct {
	Driver string `json:"driver"`
	// ListedAt is when the last listing began that was believed; null where none
	// was.
	ListedAt *time.Time `json:"listed_at"`
	// NotListedYet is true right after a start, while the first listing has not ended:
	// nothing is wrong, and what the repository holds is not known yet. Absent elsewhere.
	NotListedYet bool `json:"not_listed_yet,omitempty"`
	// Error is why the last listing failed; absent where it was believed.
	Error string `json:"error,omitempty"`
	// Unproved is why the listing, though it was believed, proves of no claim that it
	// has no backup, and what settles that; absent where it does.
	Unproved string `json:"unproved,omitempty"`
	// Settle is the command that settles Error; absent where no command does.
	Settle string `json:"settle,omitempty"`
	// Doubts are all that keeps the listing from proving of claims without backups
	// that they have none, Unproved among them, the most pressing first; absent where
	// there is none. What holds single claims is told of the claims.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Doubt is why claims without a known backup wait instead of starting empty.
type Doubt struct {
	// Code is the kind of doubt: the code that an error of that kind has, such as
	// repository_unaccepted, repository_dropped, repository_changed or unavailable.
	Code string `json:"code"`
	// Message says what is in doubt, why, and what settles it.
	Message string `json:"message"`
	// Settle is the command that settles it; absent where no command does.
	Settle string `json:"settle,omitempty"`
}
