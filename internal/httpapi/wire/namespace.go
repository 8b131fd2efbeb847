package wire

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
// error that all claims share, else 502.
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
	// TargetNamespace is Namespace by default; it must exist.
	TargetNamespace string `json:"target_namespace,omitempty"`
	// TargetPrefix begins the names of the claims that are made; empty gives them
	// the names of the sources.
	TargetPrefix string `json:"target_prefix,omitempty"`
	// Snapshot is as in [RestoreRequest], for each claim.
	Snapshot string `json:"snapshot,omitempty"`
	// IncludeOrphans also restores the claims that exist only as backups.
	IncludeOrphans bool `json:"include_orphans,omitempty"`
	// DryRun only tells what would be done.
	DryRun bool `json:"dry_run,omitempty"`
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
	// Notes are as in [RestoreStarted].
	Notes []string `json:"notes,omitempty"`
	// Failure says why, when it was refused.
	Failure
}
