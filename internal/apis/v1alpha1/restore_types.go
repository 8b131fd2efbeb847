package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Restore tracks one claim getting its data back. Soteria makes one for each
// claim that admission locks; a user may also write one, keep it in Git and
// refer to it from a claim's dataSourceRef.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rst,categories=soteria
// +kubebuilder:printcolumn:name="Claim",type=string,JSONPath=`.status.claim.name`
// +kubebuilder:printcolumn:name="Backup",type=string,JSONPath=`.status.backup.shortID`
// +kubebuilder:printcolumn:name="Taken",type=date,JSONPath=`.status.backup.takenAt`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.progress.summary`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Restore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Spec RestoreSpec `json:"spec,omitempty"`
	// +optional
	Status RestoreStatus `json:"status,omitempty"`
}

// RestoreList is a list of Restores.
//
// +kubebuilder:object:root=true
type RestoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Restore `json:"items"`
}

// RestoreSpec says which backup is wanted. An empty spec wants the newest backup
// of the claim that refers to the Restore. Where the claim's annotations say
// something too, the annotations win. The annotation soteria.dev/expires on the Restore
// (RFC 3339) bounds the choice: a claim that is made later gets its newest backup.
type RestoreSpec struct {
	// Source is the claim whose backup is wanted; by default the claim that
	// refers to this Restore. Another namespace is allowed only where
	// SOTERIA_CROSS_NAMESPACE=true.
	// +optional
	Source *SourceClaim `json:"source,omitempty"`
	// AsOf wants the newest backup taken at or before this time.
	// +optional
	AsOf *metav1.Time `json:"asOf,omitempty"`
	// Backup wants the backup with this id (or its first eight characters or
	// more).
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Backup string `json:"backup,omitempty"`
}

// SourceClaim names a claim that backups were taken of.
type SourceClaim struct {
	// Cluster wants a backup that the cluster of this name took
	// (SOTERIA_CLUSTER there). Left out, it is one of this cluster's own.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Cluster string `json:"cluster,omitempty"`
	// Namespace defaults to the Restore's own.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Phase is how far a restore has come.
//
// +kubebuilder:validation:Enum=Selecting;Preparing;Transferring;Verifying;HandingOver;Completed
type Phase string

// The phases, in order. A failed attempt goes back to Transferring; there is no
// phase of final failure, since a restore is retried for ever.
const (
	PhaseSelecting    Phase = "Selecting"
	PhasePreparing    Phase = "Preparing"
	PhaseTransferring Phase = "Transferring"
	PhaseVerifying    Phase = "Verifying"
	PhaseHandingOver  Phase = "HandingOver"
	PhaseCompleted    Phase = "Completed"
)

// The conditions of a Restore, one per step; each is False with a reason while
// its step waits or has failed.
const (
	// ConditionSelected: the backup is pinned, or it is settled that the claim
	// starts empty.
	ConditionSelected = "Selected"
	// ConditionTransferred: the data is on the volume.
	ConditionTransferred = "Transferred"
	// ConditionVerified: what is on the volume is what the backup holds.
	ConditionVerified = "Verified"
	// ConditionReady: the claim is Bound to the volume.
	ConditionReady = "Ready"
	// ConditionStalled: nothing has moved for minutes. Its reason names who holds
	// the restore up, its message says why and what to do. Unlike the others it is
	// there only once that has happened, and False when things move again.
	ConditionStalled = "Stalled"
)

// RestoreStatus is what Soteria observed and settled. It belongs to one life of
// the claim: when a claim of another uid refers to the Restore, it starts anew.
type RestoreStatus struct {
	// ObservedGeneration is the spec's generation that the status was made from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Claim is the claim that is being restored.
	// +optional
	Claim *ClaimReference `json:"claim,omitempty"`
	// Backup is the backup that was chosen. Another takes its place only before
	// handover begins: where something else is asked for, or where the backup is
	// proved gone.
	// +optional
	Backup *PinnedBackup `json:"backup,omitempty"`
	// Wish sums up what was asked for when that was settled: what is asked for
	// otherwise is heeded until handover begins.
	// +optional
	Wish string `json:"wish,omitempty"`
	// Empty is true when it is settled that the claim starts empty; Message
	// says why.
	// +optional
	Empty bool `json:"empty,omitempty"`
	// Evidence tells what the choice rests on.
	// +optional
	Evidence string `json:"evidence,omitempty"`
	// Attempt counts the transfers begun, from 1.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// RetryAt is when the next attempt begins, after one that failed.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`
	// +optional
	Progress *Progress `json:"progress,omitempty"`
	// Message is the state in a sentence: what it waits for, or what failed.
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// ProgressedAt is when the restore was last seen to come further, to the minute
	// while bytes move.
	// +optional
	ProgressedAt *metav1.Time `json:"progressedAt,omitempty"`
	// +optional
	CompletedAt *metav1.Time `json:"completedAt,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClaimReference names the claim that is being restored, in the Restore's
// namespace.
type ClaimReference struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
	// Lock is the volume name that keeps the claim Pending.
	Lock string `json:"lock"`
}

// PinnedBackup is the backup that was chosen.
type PinnedBackup struct {
	Driver string `json:"driver"`
	ID     string `json:"id"`
	// ShortID is the beginning of the id, for people.
	ShortID string      `json:"shortID"`
	TakenAt metav1.Time `json:"takenAt"`
	// SizeBytes is negative when the driver does not know it.
	SizeBytes int64 `json:"sizeBytes"`
	// Files is negative when the driver does not know it.
	Files   int64  `json:"files"`
	Locator string `json:"locator,omitempty"`
	// Source is the claim that the backup was taken of.
	Source SourceClaim `json:"source"`
	// Capacity is the size of the volume that the backup was taken of, as a
	// quantity; empty when the backup does not say.
	Capacity string `json:"capacity,omitempty"`
	// Notes are what was to be known of the backup when it was chosen, such as that it
	// is partial, or holds far less than an earlier one.
	// +optional
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=1024
	Notes []string `json:"notes,omitempty"`
	// Content says how the backup is recognised under another id, after somebody
	// retagged, rewrote or copied it.
	// +optional
	Content *BackupContent `json:"content,omitempty"`
}

// BackupContent is what a backup system says of a backup beyond its id.
type BackupContent struct {
	// Backup is the id of the backup that this was read from. Where it is not the
	// chosen one's, a version of Soteria chose that does not know this field, and
	// the rest says nothing.
	// +kubebuilder:validation:MaxLength=253
	Backup string `json:"backup"`
	// Tree identifies the data, such as restic's tree.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Tree string `json:"tree,omitempty"`
	// Original is the id that the backup had before it was first changed.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Original string `json:"original,omitempty"`
}

// Progress counts what has been moved. Totals are zero until known.
type Progress struct {
	BytesDone  int64 `json:"bytesDone"`
	BytesTotal int64 `json:"bytesTotal"`
	FilesDone  int64 `json:"filesDone"`
	FilesTotal int64 `json:"filesTotal"`
	// Summary is the progress for people, such as "62% of 1.2 GiB".
	Summary string `json:"summary,omitempty"`
}
