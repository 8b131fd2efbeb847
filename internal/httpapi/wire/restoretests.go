package wire

import "time"

// RestoreTestStarted answers POST /v1/restore-test without a target: what was
// started (202), or would be on a dry run (200).
type RestoreTestStarted struct {
	Driver string `json:"driver"`
	// JobName is the Job that does the work, in Soteria's own namespace; absent on
	// a dry run.
	JobName      string `json:"job_name,omitempty"`
	JobNamespace string `json:"job_namespace"`
	// Namespace and PVC name the claim whose backup is tested.
	Namespace string    `json:"namespace"`
	PVC       string    `json:"pvc"`
	Backup    string    `json:"backup"`
	TakenAt   time.Time `json:"taken_at"`
	// RoomBytes is how much the test may take of a node's disk.
	RoomBytes   int64  `json:"room_bytes"`
	RequestedBy string `json:"requested_by"`
	DryRun      bool   `json:"dry_run"`
}

// RestoreTests answers GET /v1/restore-tests.
type RestoreTests struct {
	// Tests are newest first.
	Tests []RestoreTest `json:"tests"`
}

// TestPhase is how far a restore test is.
type TestPhase string

// The phases of tests.
const (
	TestPending TestPhase = "Pending"
	TestRunning TestPhase = "Running"
	TestPassed  TestPhase = "Passed"
	TestFailed  TestPhase = "Failed"
)

// RestoreTest is a backup being restored into nothing that lasts.
type RestoreTest struct {
	Driver    string    `json:"driver"`
	JobName   string    `json:"job_name"`
	Namespace string    `json:"namespace"`
	PVC       string    `json:"pvc"`
	Backup    string    `json:"backup"`
	Phase     TestPhase `json:"phase"`
	// Message is what it waits for or why it failed.
	Message string `json:"message"`
	// Restored is what was counted after the restore and Expected what the backup
	// lists; null until then.
	Restored    *TestCounts `json:"restored"`
	Expected    *TestCounts `json:"expected"`
	RequestedBy string      `json:"requested_by"`
	CreatedAt   time.Time   `json:"created_at"`
	// StartedAt is null until bytes move.
	StartedAt *time.Time `json:"started_at"`
}

// TestCounts is what a backup or a volume holds: files and what else is no folder,
// and the sum of their sizes.
type TestCounts struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}
