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
	// Namespace is the sources', Target the targets'; empty for backups.
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
	// Outcome is what became of it; nil until that is known.
	Outcome *Outcome `json:"outcome,omitempty"`
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
