package wire

import "time"

// Existence answers GET /exists/{namespace}/{pvc}.
type Existence struct {
	// Exists is true when at least one backup exists.
	Exists    bool   `json:"exists"`
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Backend names the drivers that were asked, joined by commas.
	Backend string `json:"backend"`
	// Decision is restore, fresh, hold or unknown.
	Decision Decision `json:"decision"`
	// Authoritative is false when the answer is unknown: Exists=false then
	// proves nothing.
	Authoritative bool `json:"authoritative"`
	// Lock is a reserved volume name, new in each answer, for a policy that locks
	// the claim by itself; empty when the answer is unknown.
	Lock string `json:"lock"`
	// Latest is the newest backup, null when there is none.
	Latest *Latest `json:"latest"`
	// Doubt says why a newer backup than Latest may exist, so that the claim waits;
	// absent where Latest is the newest.
	Doubt string `json:"doubt,omitempty"`
	// Source is what the backup system knows the claim by, where that has a name
	// of its own; absent elsewhere.
	Source string `json:"source,omitempty"`
	// Error says why the answer is unknown; otherwise it is empty.
	Error string `json:"error"`
	// Systems says what each backup system told, and when it was listed, in the order
	// of Backend. One that found a backup settles Exists, whatever the others told;
	// that no backup exists takes all of them.
	Systems []System `json:"systems"`
}

// System is what one backup system told of a claim.
type System struct {
	Driver string `json:"driver"`
	// Answer is found, none or unknown.
	Answer SystemAnswer `json:"answer"`
	// ListedAt is when the listing began that this rests on or, where the answer is
	// unknown, its last one; null where it was not listed yet.
	ListedAt *time.Time `json:"listed_at"`
	// Message says why the answer is unknown, or why the system may hold a newer backup
	// than those that it found; absent elsewhere.
	Message string `json:"message,omitempty"`
}

// SystemAnswer is what a backup system told.
type SystemAnswer string

// The answers.
const (
	SystemFound   SystemAnswer = "found"
	SystemNone    SystemAnswer = "none"
	SystemUnknown SystemAnswer = "unknown"
)

// Decision is what follows for a claim from what is known of its backups.
type Decision string

// The decisions.
const (
	DecisionRestore Decision = "restore"
	DecisionFresh   Decision = "fresh"
	// DecisionHold is for a claim of which no backup exists while the whole
	// installation requires one.
	DecisionHold    Decision = "hold"
	DecisionUnknown Decision = "unknown"
)

// Latest is a claim's newest backup.
type Latest struct {
	ID      string    `json:"id"`
	Driver  string    `json:"driver"`
	TakenAt time.Time `json:"taken_at"`
	// SizeBytes is null when the driver does not know it.
	SizeBytes *int64 `json:"size_bytes"`
}

// BackupRequest is the body of POST /v1/backup.
type BackupRequest struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Driver is the backup system to use; by default the one that Soteria is
	// set to.
	Driver string `json:"driver,omitempty"`
	// Tags are put on the backup, as key=value or plain words.
	Tags []string `json:"tags,omitempty"`
	// DryRun only tells what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// BackupStarted answers POST /v1/backup: what was started (202), or would be on
// a dry run (200).
type BackupStarted struct {
	Driver string `json:"driver"`
	// JobName is the Job that does the work, in that namespace; absent for
	// drivers without Jobs.
	JobName string `json:"job_name,omitempty"`
	// Namespace is the claim's.
	Namespace string `json:"namespace"`
	// Secret is the name of the Job's own copy of the credentials.
	Secret string `json:"secret,omitempty"`
	// Volume is the backup system's own name of the volume, and Backup that of
	// the backup; absent for drivers whose backups are named when they end.
	Volume      string `json:"volume,omitempty"`
	Backup      string `json:"backup,omitempty"`
	RequestedBy string `json:"requested_by"`
	DryRun      bool   `json:"dry_run"`
}

// Backups answers GET /v1/backups.
type Backups struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Volume is the PersistentVolume that the claim is bound to; empty where it is
	// gone or has none.
	Volume string `json:"volume"`
	// Total is how many backups there are, of which a limit may show fewer.
	Total int `json:"total"`
	// Doubt says why a newer backup than those that are listed may exist; absent
	// where none does.
	Doubt string `json:"doubt,omitempty"`
	// Settle is the command that settles Doubt; absent where no command does.
	Settle string `json:"settle,omitempty"`
	// Chosen is the backup that a restore gets which asks for none by its id; absent
	// where there is none or a doubt keeps it from being chosen.
	Chosen *Chosen `json:"chosen,omitempty"`
	// Unchosen says why none is chosen though there are backups; absent elsewhere.
	Unchosen string `json:"unchosen,omitempty"`
	// Backups are newest first, as the last listings found them.
	Backups []Backup `json:"backups"`
	// Systems says what each backup system told by its last listing, and how old that
	// is.
	Systems []System `json:"systems"`
}

// BackupsUnknown answers GET /v1/backups where no backup is known and one may exist.
type BackupsUnknown struct {
	Failure
	// Systems is that of [Backups].
	Systems []System `json:"systems"`
}

// Chosen is the backup that is chosen by itself.
type Chosen struct {
	ID     string `json:"id"`
	Driver string `json:"driver"`
	// Notes are what a person should know of it: what speaks against it, and which
	// newer ones were passed over and why. Absent where there is nothing.
	Notes []string `json:"notes,omitempty"`
}

// Backup is one restorable point in time of a claim.
type Backup struct {
	ID     string `json:"id"`
	Driver string `json:"driver"`
	// URL is the backup's address; absent for drivers whose backups have none.
	URL string `json:"url,omitempty"`
	// Snapshot is the name of the snapshot that it was made of, where it has one.
	Snapshot string `json:"snapshot,omitempty"`
	// TakenAt is when the data was as the backup holds it, and Created the same.
	TakenAt time.Time `json:"taken_at"`
	Created time.Time `json:"created"`
	// DatedAt is what the backup itself says, where that is proved to be later than it
	// was taken: the clock of what took it was ahead. Absent elsewhere.
	DatedAt *time.Time `json:"dated_at,omitempty"`
	// State is completed: a listing holds no other backups.
	State State `json:"state"`
	// Cluster names the cluster that took it; absent where it does not say.
	Cluster string `json:"cluster,omitempty"`
	// Objection is why it is not restored unless asked for by its id or cluster:
	// other-cluster, implausible-time (dated more than 10 minutes ahead of now), void
	// or unreviewed. Absent where it may be.
	Objection string `json:"objection,omitempty"`
	// Unrestorable says why it cannot be restored at all, such as that it is of
	// several folders; absent where it can, as far as is known.
	Unrestorable string `json:"unrestorable,omitempty"`
	// FarLessThan is the id of the backup before it, by the same driver, of which it
	// holds at most a quarter of the files or of the data; absent where it does not,
	// or what they hold is unknown.
	FarLessThan string `json:"far_less_than,omitempty"`
	// SizeBytes, Size (the same) and Files are null when the driver does not know
	// them.
	SizeBytes *int64 `json:"size_bytes"`
	Size      *int64 `json:"size"`
	Files     *int64 `json:"files"`
	// Outcome is how the taking of it ended.
	Outcome Outcome `json:"outcome"`
	// Tool is what took it, such as "restic 0.16.4"; absent where it does not say.
	Tool string   `json:"tool,omitempty"`
	Tags []string `json:"tags"`
	// Labels are the tags of the form key=value.
	Labels map[string]string `json:"labels"`
}

// Outcome is how the taking of a backup ended.
type Outcome string

// The outcomes of a backup.
const (
	// OutcomeUnknown: nothing saw it end.
	OutcomeUnknown Outcome = "unknown"
	// OutcomeComplete: everything was read.
	OutcomeComplete Outcome = "complete"
	// OutcomePartial: some files could not be read.
	OutcomePartial Outcome = "partial"
	// OutcomeVoid: it was saved and does not count, since it lost most of what the
	// one before it held.
	OutcomeVoid Outcome = "void"
)

// State is how far a backup has come.
type State string

// StateCompleted is a backup that can be restored.
const StateCompleted State = "completed"

// Health answers /healthz and /readyz.
type Health struct {
	Status string `json:"status"`
}

// Error is the body of every answer that is an error.
type Error struct {
	// Error tells a person what is wrong.
	Error string `json:"error"`
	// Title is the cause in a few words, for a headline: what is missing, what is
	// taken, or that a setting forbids it.
	Title string `json:"title"`
	// Code tells a program: the answers of each status list the codes that it may have.
	Code string `json:"code"`
	// Reason tells a program more than Code does, where there is more: see [Reason].
	Reason Reason `json:"reason,omitempty"`
	// Field is the part of the request at fault, where there is one.
	Field string `json:"field,omitempty"`
	// Settle is the command that settles it; absent where no command does.
	Settle string `json:"settle,omitempty"`
}

// Failure is an [Error] that is part of an answer; none of it is there where
// nothing failed.
type Failure struct {
	Error string `json:"error,omitempty"`
	// Title and Reason are as in [Error].
	Title  string `json:"title,omitempty"`
	Code   string `json:"code,omitempty"`
	Reason Reason `json:"reason,omitempty"`
	Field  string `json:"field,omitempty"`
	// Settle is the command that settles it; absent where no command does.
	Settle string `json:"settle,omitempty"`
}

// Reason is why a request was refused, where its code alone does not say.
type Reason string

// The reasons.
const (
	// ReasonChoiceUnmet: backups exist, and none is what was asked for: not that old,
	// not of that id, cluster, driver or tag. Another one is never taken in its place.
	ReasonChoiceUnmet Reason = "choice_unmet"
	// ReasonNoBackups: it is proved that no backup of the claim exists.
	ReasonNoBackups Reason = "no_backups"
	// ReasonSetting: a setting of the installation forbids it to every caller.
	ReasonSetting Reason = "setting"
	// ReasonNamespaceExcluded: Soteria keeps out of the namespace.
	ReasonNamespaceExcluded Reason = "namespace_excluded"
	// ReasonNamespaceMissing: the target namespace does not exist. Settle makes it.
	ReasonNamespaceMissing Reason = "namespace_missing"
	// ReasonNamespaceTerminating: the target namespace is being deleted. Settle waits for
	// the end of that.
	ReasonNamespaceTerminating Reason = "namespace_terminating"
	// ReasonStorageClassMissing: the storage class does not exist.
	ReasonStorageClassMissing Reason = "storage_class_missing"
	// ReasonTargetExists: a claim of the target's name exists.
	ReasonTargetExists Reason = "target_exists"
	// ReasonNoClaims: the namespace has no bound claim. Its claims may exist as backups.
	ReasonNoClaims Reason = "no_claims"
	// ReasonMissing: Field is required and was not given.
	ReasonMissing Reason = "missing"
	// ReasonUnknownParameter: the query has a parameter that the path does not know.
	ReasonUnknownParameter Reason = "unknown_parameter"
	// ReasonNoCopy: the claim is no copy that Soteria made to look at; it removes nothing
	// else. Settle removes it by hand.
	ReasonNoCopy Reason = "no_copy"
	// ReasonUnproved: Soteria cannot prove that it made this very claim as a copy. Settle
	// removes it by hand.
	ReasonUnproved Reason = "unproved"
	// ReasonInUse: a pod uses the copy or waits for it.
	ReasonInUse Reason = "in_use"
	// ReasonNotYet: nothing went wrong, and the answer is on its way: ask again in
	// seconds.
	ReasonNotYet Reason = "not_yet"
	// ReasonPermission: Kubernetes does not let Soteria do it. Settle does it by hand.
	ReasonPermission Reason = "permission"
)

// Codes of requests that HTTP itself rules out.
const (
	CodeMethodNotAllowed     = "method_not_allowed"
	CodeBodyTooLarge         = "body_too_large"
	CodeUnsupportedMediaType = "unsupported_media_type"
)
