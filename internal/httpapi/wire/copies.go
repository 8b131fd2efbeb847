package wire

import "time"

// CopyState is how a copy stands.
type CopyState string

// The states of a copy.
const (
	// CopyStarting: Soteria wrote down that it makes the claim, and the claim was not
	// seen yet. Where it does not come, the record goes by itself.
	CopyStarting CopyState = "starting"
	// CopyRestoring: the claim does not have its data yet.
	CopyRestoring CopyState = "restoring"
	// CopyReady: the claim has its data.
	CopyReady CopyState = "ready"
	// CopyRemoving: the claim is being deleted; what uses it has to end first.
	CopyRemoving CopyState = "removing"
	// CopyUnproved: the claim is spared as a copy, and Soteria cannot prove that it made
	// this very claim: it was marked by a version that kept no records, or Soteria was
	// stopped while it made it. Soteria never removes it; Remove is the command.
	CopyUnproved CopyState = "unproved"
	// CopyUnknown: the claim could not be read; Message says why.
	CopyUnknown CopyState = "unknown"
)

// Pods are the names of pods; null where they could not be told.
type Pods []string

// Copy is a claim that Soteria made to look at a backup. Policies do not back it up,
// and health does not count it.
type Copy struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// UID is the claim's that Soteria made; empty where that is not known.
	UID   string    `json:"uid"`
	State CopyState `json:"state"`
	// Message is the state in a sentence, with what keeps the copy from being removed.
	Message string `json:"message"`
	// SourceNamespace, SourcePVC, Driver, Backup and TakenAt say what was restored;
	// empty, and TakenAt null, of a copy that a version without records made.
	SourceNamespace string     `json:"source_namespace"`
	SourcePVC       string     `json:"source_pvc"`
	Driver          string     `json:"driver"`
	Backup          string     `json:"backup"`
	TakenAt         *time.Time `json:"taken_at"`
	// Restore is the name of the Restore in Namespace.
	Restore     string    `json:"restore"`
	RequestedBy string    `json:"requested_by"`
	CreatedAt   time.Time `json:"created_at"`
	// ExpiresAt is when Soteria removes it by itself; null for never.
	ExpiresAt *time.Time `json:"expires_at"`
	// Expired is true once that time has come.
	Expired bool `json:"expired"`
	// UsedBy names the pods that use it, or wait for it; null where that could not be
	// told, and Message says why.
	UsedBy Pods `json:"used_by"`
	// Removable is true where DELETE /v1/copies/{namespace}/{pvc} would remove it now. One
	// that has a UID and is used is removed with while_used=true alone.
	Removable bool `json:"removable"`
	// Keep is the command that keeps the copy as a claim like others: it is backed up and
	// counted from then on, and neither removed nor expired.
	Keep string `json:"keep"`
	// Remove is the command that removes it by hand.
	Remove string `json:"remove"`
}

// Copies answers GET /v1/copies.
type Copies struct {
	// GeneratedAt is Soteria's time, by which ages are to be told.
	GeneratedAt time.Time `json:"generated_at"`
	// Copies are newest first.
	Copies []Copy `json:"copies"`
	// Warnings tell of records that could not be understood.
	Warnings []string `json:"warnings,omitempty"`
}

// CopyRemoved answers DELETE /v1/copies/{namespace}/{pvc}: the claim was deleted.
type CopyRemoved struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	UID       string `json:"uid"`
	// Restoring is true where a restore into it was under way: it is cancelled.
	Restoring bool `json:"restoring"`
	// UsedBy names the pods that use it: the claim goes once they have ended.
	UsedBy []string `json:"used_by"`
	// Volume is the volume that it was bound to; empty where there was none.
	Volume string `json:"volume"`
	// Message says what happened, and what stays.
	Message     string `json:"message"`
	RequestedBy string `json:"requested_by"`
}
