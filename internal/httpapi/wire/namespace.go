package wire

import "time"

// NamespaceBackupRequest is the body of POST /v1/backup/namespace.
type NamespaceBackupRequest struct {
	Namespace string `json:"namespace"`
	// Driver, Tags and DryRun are as in [BackupRequest], for each claim.
	Driver string   `json:"driver,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
}

// Extent says of how many claims of a namespace something was done.
type Extent string

// The extents. Their statuses are 202 (200 on a dry run), 207, and that of the
// error that all claims share, else 502. Some also says that claims that were asked for
// may be missing: warnings say why.
const (
	ExtentAll  Extent = "all"
	ExtentSome Extent = "some"
	ExtentNone Extent = "none"
)

// Result is what became of one claim's part of a request.
type Result string

// The results.
const (
	ResultStarted    Result = "started"
	ResultWouldStart Result = "would_start"
	ResultRefused    Result = "refused"
	// ResultNotStarted: others' conflicts kept all of it from being started.
	ResultNotStarted Result = "not_started"
)

// NamespaceBackup answers POST /v1/backup/namespace.
type NamespaceBackup struct {
	Namespace   string `json:"namespace"`
	Status      Extent `json:"status"`
	RequestedBy string `json:"requested_by"`
	DryRun      bool   `json:"dry_run"`
	// Results are by name of the claim, one for each bound claim.
	Results []NamespaceBackupResult `json:"results"`
	// Failure says why, when nothing was started.
	Failure
}

// NamespaceBackupResult is what became of one claim's backup.
type NamespaceBackupResult struct {
	PVC    string `json:"pvc"`
	Result Result `json:"result"`
	Driver string `json:"driver"`
	// JobName, Secret, Volume and Backup are as in [BackupStarted].
	JobName string `json:"job_name,omitempty"`
	Secret  string `json:"secret,omitempty"`
	Volume  string `json:"volume,omitempty"`
	Backup  string `json:"backup,omitempty"`
	// Failure says why, when it was refused.
	Failure
}

// NamespaceRestoreRequest is the body of POST /v1/restores/namespace.
type NamespaceRestoreRequest struct {
	Namespace string `json:"namespace"`
	// TargetNamespace is Namespace by default. A dry run plans for one that does not
	// exist, too.
	TargetNamespace string `json:"target_namespace,omitempty"`
	// CreateNamespace makes the target namespace where it does not exist, if Kubernetes
	// lets Soteria do that.
	CreateNamespace bool `json:"create_namespace,omitempty"`
	// TargetPrefix begins the names of the claims that are made; empty gives them
	// the names of the sources.
	TargetPrefix string `json:"target_prefix,omitempty"`
	// Snapshot, AsOf, Cluster, Driver and Tags are as in [RestoreRequest], for each
	// claim.
	Snapshot string   `json:"snapshot,omitempty"`
	AsOf     string   `json:"as_of,omitempty"`
	Cluster  string   `json:"cluster,omitempty"`
	Driver   string   `json:"driver,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	// IncludeOrphans also restores the claims that exist only as backups. Those of a
	// namespace that does not exist are restored without it.
	IncludeOrphans bool `json:"include_orphans,omitempty"`
	// Claims are the claims to restore, orphans among them; by default all.
	Claims []NamespaceRestoreClaim `json:"claims,omitempty"`
	// DryRun only tells what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// NamespaceRestoreClaim is one claim of a namespace that is to be restored.
type NamespaceRestoreClaim struct {
	PVC string `json:"pvc"`
	// Snapshot is as in [RestoreRequest]. The backup of a dry run, given here, is the
	// one that is restored, whatever was backed up meanwhile: one that is named holds in
	// the place of the request's own choice, and notes say what of that it overrides.
	// "latest" names none, and overrides the request's snapshot alone: its as_of,
	// cluster, driver and tags hold.
	Snapshot string `json:"snapshot,omitempty"`
	// TargetPVC is the claim to make; by default TargetPrefix and PVC.
	TargetPVC string `json:"target_pvc,omitempty"`
}

// NamespaceRestore answers POST /v1/restores/namespace.
type NamespaceRestore struct {
	Namespace       string `json:"namespace"`
	TargetNamespace string `json:"target_namespace"`
	Status          Extent `json:"status"`
	RequestedBy     string `json:"requested_by"`
	DryRun          bool   `json:"dry_run"`
	// Results are by name of the source.
	Results []NamespaceRestoreResult `json:"results"`
	// Orphans are the claims that exist only as backups and that Results leave out, by
	// name.
	Orphans []string `json:"orphans,omitempty"`
	// TargetMissing is true where the target namespace does not exist: the plan holds
	// once MakeTarget, a command, has made it, or with create_namespace.
	TargetMissing bool   `json:"target_missing,omitempty"`
	MakeTarget    string `json:"make_target,omitempty"`
	// MakeRefused is why create_namespace would fail; absent where it would not, as far as
	// a dry run can tell.
	MakeRefused *Failure `json:"make_refused,omitempty"`
	// Warnings say why there may be more claims than were found.
	Warnings []string `json:"warnings,omitempty"`
	// Failure says why, when nothing was started.
	Failure
}

// NamespaceRestoreResult is what became of one claim's restore.
type NamespaceRestoreResult struct {
	PVC       string `json:"pvc"`
	TargetPVC string `json:"target_pvc"`
	Result    Result `json:"result"`
	Restore   string `json:"restore,omitempty"`
	Driver    string `json:"driver,omitempty"`
	Backup    string `json:"backup,omitempty"`
	// TakenAt is when the backup was taken; absent where none is chosen.
	TakenAt *time.Time `json:"taken_at,omitempty"`
	// Orphan is true for a claim that exists only as backups.
	Orphan bool `json:"orphan,omitempty"`
	// Impossible is true where the claim cannot be restored as asked, so that sending
	// the same again is in vain; the failure says why.
	Impossible bool `json:"impossible,omitempty"`
	// Notes are as in [RestoreStarted].
	Notes []string `json:"notes,omitempty"`
	// Failure says why, when it was refused.
	Failure
}
