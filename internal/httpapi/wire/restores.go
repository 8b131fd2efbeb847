package wire

import "time"

// RestoreRequest is the body of POST /v1/restores.
type RestoreRequest struct {
	// Namespace and PVC name the claim whose backup is wanted. A restore test needs no
	// PVC where Snapshot names a backup or the namespace has one claim alone.
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc,omitempty"`
	// Snapshot is latest (the default), a backup's id, at least the first eight
	// characters of one, or the name of the snapshot that a backup was made of.
	Snapshot string `json:"snapshot,omitempty"`
	// BackupURL is a backup's url, instead of Snapshot.
	BackupURL string `json:"backup_url,omitempty"`
	// AsOf (RFC 3339) wants the newest backup taken at or before that time, Cluster one
	// that the cluster of this name took, Driver one of this driver, and Tags one that
	// has all of them. All that is given must hold together, Snapshot included; a choice
	// that no backup meets is refused, and another backup is never taken in its place.
	AsOf    string   `json:"as_of,omitempty"`
	Cluster string   `json:"cluster,omitempty"`
	Driver  string   `json:"driver,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	// TargetNamespace is Namespace by default.
	TargetNamespace string `json:"target_namespace,omitempty"`
	// TargetPVC is the claim to make; it must not exist.
	TargetPVC string `json:"target_pvc,omitempty"`
	// StorageClass, Size ("10Gi"), AccessModes and VolumeMode are by default the
	// source claim's or, where it is gone, the cluster's default class, what the
	// backup needs, ReadWriteOnce and Filesystem.
	StorageClass string   `json:"storage_class,omitempty"`
	Size         string   `json:"size,omitempty"`
	AccessModes  []string `json:"access_modes,omitempty"`
	VolumeMode   string   `json:"volume_mode,omitempty"`
	// Copy is true for a claim to look at alone: policies do not back it up, health does
	// not count it, and DELETE /v1/copies/{namespace}/{pvc} removes it. A restore test to
	// a claim always makes a copy.
	Copy bool `json:"copy,omitempty"`
	// Expires has Soteria remove the copy by itself: a duration such as "24h" or "7d", or
	// a time (RFC 3339). It is for copies alone. A copy that a pod uses is not removed
	// before that has ended.
	Expires string `json:"expires,omitempty"`
	// DryRun only tells what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// RestoreStarted answers POST /v1/restores: what was started (202), or would be
// on a dry run (200).
type RestoreStarted struct {
	// Restore is the name of the Restore in the target's namespace: GET
	// /v1/restores/{target_namespace}/{restore} follows it. It is drawn when the
	// restore starts, so it is absent on a dry run.
	Restore string `json:"restore,omitempty"`
	// Volume is the PersistentVolume that the target will be bound to.
	Volume string `json:"volume,omitempty"`
	// Namespace and PVC name the source.
	Namespace       string    `json:"namespace"`
	PVC             string    `json:"pvc"`
	TargetNamespace string    `json:"target_namespace"`
	TargetPVC       string    `json:"target_pvc"`
	Driver          string    `json:"driver"`
	Backup          string    `json:"backup"`
	TakenAt         time.Time `json:"taken_at"`
	Size            string    `json:"size"`
	// StorageClass is empty where the cluster's default is meant.
	StorageClass string `json:"storage_class"`
	VolumeMode   string `json:"volume_mode"`
	// Notes are what a person should know of the backup: what speaks against it, and
	// which newer ones were passed over and why. Absent where there is nothing.
	Notes []string `json:"notes,omitempty"`
	// Copy is true where the target is a copy; see [Copy].
	Copy bool `json:"copy,omitempty"`
	// ExpiresAt is when Soteria removes the copy by itself; absent for never.
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	RequestedBy string     `json:"requested_by"`
	DryRun      bool       `json:"dry_run"`
}

// Restores answers GET /v1/restores.
type Restores struct {
	// Restores are newest first.
	Restores []Restore `json:"restores"`
}

// Restore is one claim getting its data back.
type Restore struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// PVC is the claim that is restored; empty for a Restore that no claim refers
	// to yet.
	PVC string `json:"pvc"`
	// Phase is Pending until the controller takes the claim up, then Selecting,
	// Preparing, Transferring, Verifying, HandingOver, Completed.
	Phase string `json:"phase"`
	// Empty is true when it is settled that the claim starts without data.
	Empty   bool  `json:"empty"`
	Attempt int32 `json:"attempt"`
	// Backup is null until one is chosen.
	Backup *RestoreBackup `json:"backup"`
	// Progress is null until bytes move.
	Progress *RestoreProgress `json:"progress"`
	// Message is the state in a sentence.
	Message string `json:"message"`
	// Evidence tells what the choice of the backup rests on.
	Evidence   string             `json:"evidence"`
	Conditions []RestoreCondition `json:"conditions"`
	CreatedAt  time.Time          `json:"created_at"`
	// StartedAt, CompletedAt and RetryAt are null until they are known.
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	RetryAt     *time.Time `json:"retry_at"`
}

// RestoreBackup is the backup that a restore is from.
type RestoreBackup struct {
	// Namespace and PVC name the claim that the backup was taken of.
	Namespace string    `json:"namespace"`
	PVC       string    `json:"pvc"`
	Driver    string    `json:"driver"`
	ID        string    `json:"id"`
	TakenAt   time.Time `json:"taken_at"`
	// SizeBytes and Files are null when the driver does not know them.
	SizeBytes *int64 `json:"size_bytes"`
	Files     *int64 `json:"files"`
}

// RestoreProgress counts what a restore has moved. Totals are zero until known.
type RestoreProgress struct {
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	FilesDone  int64  `json:"files_done"`
	FilesTotal int64  `json:"files_total"`
	Summary    string `json:"summary"`
}

// RestoreCondition is the state of one step: Selected, Transferred, Verified or
// Ready.
type RestoreCondition struct {
	Type    string    `json:"type"`
	Met     bool      `json:"met"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}
