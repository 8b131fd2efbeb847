package wire

import "time"

// BatchKind is what a batch does.
type BatchKind string

// The kinds of batches.
const (
	BatchRestore BatchKind = "restore"
	BatchBackup  BatchKind = "backup"
)

// BatchState is how far a batch is.
type BatchState string

// The states of a batch.
const (
	// BatchStarting: not all of its members have been started or refused.
	BatchStarting BatchState = "starting"
	// BatchRunning: all have, and some of those that were started are under way.
	BatchRunning BatchState = "running"
	// BatchDone: none of them is under way any more, well or not: see their states.
	BatchDone BatchState = "done"
)

// MemberState is how far one claim of a batch is.
type MemberState string

// The states of a member.
const (
	// MemberWaiting: it was not come to yet.
	MemberWaiting MemberState = "waiting"
	// MemberRefused: it was not started; the failure says why.
	MemberRefused MemberState = "refused"
	// MemberStarted: it was started and is under way.
	MemberStarted MemberState = "started"
	// MemberDone: the claim has its data, or the backup is there. Notes say where it
	// lacks files.
	MemberDone MemberState = "done"
	// MemberFailed: the backup failed; the failure says why.
	MemberFailed MemberState = "failed"
	// MemberUnknown: the backup has ended, or must have, and nothing that is left says
	// how; GET /v1/backups lists what there is.
	MemberUnknown MemberState = "unknown"
	// MemberGone: it was started, and the claim was deleted since.
	MemberGone MemberState = "gone"
)

// Batch is work on one or several claims that goes on in the server when the caller
// leaves. It is the answer (202) to a request that says Prefer: respond-async, with its
// address in the header Location, and to GET /v1/batches/{id}. Batches outlive restarts;
// the last 16 are kept, for a week at most.
type Batch struct {
	ID   string    `json:"id"`
	Kind BatchKind `json:"kind"`
	// State is derived from Members.
	State           BatchState `json:"state"`
	Namespace       string     `json:"namespace"`
	TargetNamespace string     `json:"target_namespace,omitempty"`
	RequestedBy     string     `json:"requested_by"`
	CreatedAt       time.Time  `json:"created_at"`
	// StartedAllAt is when the last member was started or refused; null until then.
	StartedAllAt *time.Time  `json:"started_all_at"`
	Counts       BatchCounts `json:"counts"`
	// Warnings are as in [NamespaceRestore].
	Warnings []string `json:"warnings,omitempty"`
	// Members are by name of the source; absent from GET /v1/batches.
	Members []BatchMember `json:"members,omitempty"`
}

// BatchCounts counts members by state.
type BatchCounts struct {
	Members int `json:"members"`
	Waiting int `json:"waiting"`
	Refused int `json:"refused"`
	Started int `json:"started"`
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	Gone    int `json:"gone"`
}

// BatchMember is one claim of a batch.
type BatchMember struct {
	PVC string `json:"pvc"`
	// TargetPVC is the claim that is made; absent for backups.
	TargetPVC string      `json:"target_pvc,omitempty"`
	State     MemberState `json:"state"`
	// Restore is the name of the Restore in the target namespace, and JobName the Job
	// of a backup; absent where it was not started or there is none.
	Restore string `json:"restore,omitempty"`
	JobName string `json:"job_name,omitempty"`
	Driver  string `json:"driver,omitempty"`
	Backup  string `json:"backup,omitempty"`
	// EndedAt is when the end of a backup was seen; absent before, and for restores.
	EndedAt *time.Time `json:"ended_at,omitempty"`
	// Phase, Progress and Message are those of the [Restore]. Of a backup that has ended
	// Message says what came of it.
	Phase    string           `json:"phase,omitempty"`
	Progress *RestoreProgress `json:"progress,omitempty"`
	Message  string           `json:"message,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	// Failure says why, when it was refused or failed.
	Failure
}

// Batches answers GET /v1/batches.
type Batches struct {
	// Batches are newest first, without their members.
	Batches []Batch `json:"batches"`
}
