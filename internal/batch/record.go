package batch

import (
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Kind is what is done with each member.
type Kind string

// The kinds.
const (
	Restore Kind = "restore"
	Backup  Kind = "backup"
)

// Record is a batch as it is kept.
type Record struct {
	// ID names the slot and this use of it; [Store.Create] draws it.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Namespace is the sources', Target the targets'; empty for backups, and for the
	// restore of one claim: see [Record.TargetNamespace].
	Namespace string `json:"namespace"`
	Target    string `json:"target,omitempty"`
	// Driver and Tags are those of backups.
	Driver      string    `json:"driver,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
	RequestedBy string    `json:"requestedBy"`
	CreatedAt   time.Time `json:"createdAt"`
	// SeenAt is when the replica that works on it last said so.
	SeenAt time.Time `json:"seenAt"`
	// EndedAt is when the last member was started or refused; the zero time until then.
	EndedAt  time.Time `json:"endedAt,omitzero"`
	Warnings []string  `json:"warnings,omitempty"`
	Members  []Member  `json:"members"`

	// version is that of the ConfigMap that it was read from.
	version string
}

// Ended reports whether every member was started or refused.
func (r *Record) Ended() bool { return !r.EndedAt.IsZero() }

// Member is one claim of a batch.
type Member struct {
	// Source is the claim's name, and Target that of the claim to make.
	Source string `json:"source"`
	Target string `json:"target,omitempty"`
	Choice Choice `json:"choice,omitzero"`
	// Instead is what was asked for all claims where Choice is the claim's own.
	Instead Choice `json:"instead,omitzero"`
	// Lock is the lock that the target gets, and the name of its Restore.
	Lock string `json:"lock,omitempty"`
	// Single is what a restore of one claim asks for besides; nil in batches of several.
	Single *Single `json:"single,omitempty"`
	// Outcome is what became of it; nil until that is known.
	Outcome *Outcome `json:"outcome,omitempty"`
	// End is how the backup ended that was started; nil until that was seen, and for
	// restores, of which their Restore tells.
	End *End `json:"end,omitempty"`
}

// Single is what a restore of one claim asks for besides the choice. The record has no
// Target then: a version that does not know this refuses the member, and makes no other
// claim than was asked for.
type Single struct {
	// Target is the target's namespace.
	Target string `json:"target"`
	// URL is the backup's address, instead of the choice's snapshot.
	URL          string   `json:"url,omitempty"`
	StorageClass string   `json:"storageClass,omitempty"`
	Size         string   `json:"size,omitempty"`
	AccessModes  []string `json:"accessModes,omitempty"`
	VolumeMode   string   `json:"volumeMode,omitempty"`
	// Copy makes the target a copy to look at, and Expires says when that is to go, as a
	// request has it.
	Copy    bool   `json:"copy,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// TargetNamespace is where the claims are made; empty for backups.
func (r *Record) TargetNamespace() string {
	if len(r.Members) == 1 && r.Members[0].Single != nil {
		return r.Members[0].Single.Target
	}
	return r.Target
}

// EndResult is how a backup ended.
type EndResult string

// The ends. The first three are those of package backupjob.
const (
	EndSucceeded EndResult = "succeeded"
	EndPartial   EndResult = "partial"
	EndFailed    EndResult = "failed"
	// EndUnknown: it has ended, and nothing that is left says how.
	EndUnknown EndResult = "unknown"
)

// End is how a backup ended, and what that was told by.
type End struct {
	At      time.Time `json:"at"`
	Result  EndResult `json:"result"`
	Message string    `json:"message,omitempty"`
}

// Choice is which backup is restored; see package intent.
type Choice struct {
	Snapshot string    `json:"snapshot,omitempty"`
	AsOf     time.Time `json:"asOf,omitzero"`
	Cluster  string    `json:"cluster,omitempty"`
	Driver   string    `json:"driver,omitempty"`
	Tags     []string  `json:"tags,omitempty"`
}

// Outcome is that a member was started, or why it was refused.
type Outcome struct {
	At time.Time `json:"at"`
	// Job, Driver, Backup and Notes are of what was started.
	Job    string   `json:"job,omitempty"`
	Driver string   `json:"driver,omitempty"`
	Backup string   `json:"backup,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	// Refusal is why it was not; nil where it was.
	Refusal *Refusal `json:"refusal,omitempty"`
}

// Refusal is an error as it is kept.
type Refusal struct {
	Kind    string        `json:"kind"`
	Reason  backup.Reason `json:"reason,omitempty"`
	Field   string        `json:"field,omitempty"`
	Message string        `json:"message"`
	Settle  string        `json:"settle,omitempty"`
}

// refused keeps an error. The text of one that was not foreseen stays in the log.
func refused(err error) *Refusal {
	kept := &Refusal{
		Kind: backup.KindOf(err).String(), Reason: backup.ReasonOf(err), Field: backup.FieldOf(err), Message: backup.Message(err), Settle: backup.SettleOf(err),
	}
	if backup.KindOf(err) == backup.Internal {
		kept.Message = "internal error: Soteria's log tells more"
	}
	return kept
}

// Err is the error that was kept.
func (r *Refusal) Err() error {
	kind := backup.Internal
	for _, each := range backup.Kinds() {
		if each.String() == r.Kind {
			kind = each
		}
	}
	err := error(&backup.Error{Kind: kind, Reason: r.Reason, Field: r.Field, Message: r.Message})
	if r.Settle != "" {
		err = backup.WithSettle(err, r.Settle)
	}
	return err
}
