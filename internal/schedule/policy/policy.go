package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

// Source says where a policy comes from.
type Source string

// The sources, the one that wins first.
const (
	FromAnnotation Source = "claim-annotation"
	FromLabel      Source = "claim-label"
	ForClaim       Source = "api-claim"
	ForNamespace   Source = "api-namespace"
)

// Policy is a schedule for backing up one claim or every claim of a namespace.
type Policy struct {
	Namespace string
	// PVC is the claim; empty: every claim of the namespace.
	PVC string
	// IntervalHours is how old a claim's newest backup gets, at most, before the
	// next one; 0 where Schedule says when.
	IntervalHours int
	// Schedule is a time-table as [ParseSchedule] reads it; empty where
	// IntervalHours says when.
	Schedule string
	// Driver is the backup system to use; empty: the one that Soteria is set to.
	Driver string
	// Enabled is false for a policy that keeps its claims from being backed up by
	// a lesser one, or that is switched off for a while.
	Enabled bool
	// Keep says which old backups stay; the zero value keeps all.
	Keep retention.Keep
	// Source says where the policy comes from.
	Source Source
}

// The bounds of a policy's numbers.
const (
	// MaxIntervalHours is a year.
	MaxIntervalHours = 366 * 24
)

// target is what a policy is for. A target has one policy of the API.
func (p Policy) target() backup.Claim { return backup.Claim{Namespace: p.Namespace, Name: p.PVC} }

// Claims names what the policy is for, in words.
func (p Policy) Claims() string {
	if p.PVC == "" {
		return "every claim of namespace " + p.Namespace
	}
	return "claim " + p.target().String()
}

// Declared reports whether the policy is written on its claim, and not kept by
// the API.
func (p Policy) Declared() bool { return p.Source == FromAnnotation || p.Source == FromLabel }

// SameTarget reports whether two policies of the API are for the same target, so
// that one of them takes the other's place.
func (p Policy) SameTarget(other Policy) bool { return p.target() == other.target() }

// ID names the policy in the API. It follows from the target and from whether the
// policy is declared on it, so that it survives everything that they do.
func (p Policy) ID() string {
	kept := "api"
	if p.Declared() {
		kept = "claim"
	}
	const bytes = 8
	sum := sha256.Sum256([]byte(kept + "/" + p.Namespace + "/" + p.PVC))
	return hex.EncodeToString(sum[:bytes])
}

// When says when in a few words.
func (p Policy) When() string {
	if p.Schedule != "" {
		return fmt.Sprintf("schedule %q", backup.Clip(p.Schedule, backup.MaxWord))
	}
	return fmt.Sprintf("every %d h", p.IntervalHours)
}

// Validate says what is wrong with a policy of the API: an error of kind
// [backup.Invalid] with the field at fault, in the API's words.
func (p Policy) Validate() error {
	if err := p.validateTarget(); err != nil {
		return err
	}
	if _, err := p.Timing(); err != nil {
		return err
	}
	return p.Keep.Validate()
}

func (p Policy) validateTarget() error {
	target := p.target()
	if target.Name == "" {
		target.Name = "any" // of the claim only the namespace is to be checked
	}
	return target.Validate()
}

// Timing gives when the policy wants backups. The error is of kind
// [backup.Invalid], with the field interval_hours or schedule.
func (p Policy) Timing() (Timing, error) {
	switch {
	case p.IntervalHours != 0 && p.Schedule != "":
		return Timing{}, invalid("schedule", "interval_hours and schedule exclude each other")
	case p.Schedule != "":
		return ParseSchedule(p.Schedule)
	case p.IntervalHours == 0:
		return Timing{}, invalid("interval_hours", "interval_hours or schedule must say when")
	case p.IntervalHours < 0 || p.IntervalHours > MaxIntervalHours:
		return Timing{}, invalid("interval_hours", "interval_hours is %d; it must be from 1 to %d", p.IntervalHours, MaxIntervalHours)
	}
	return Every(time.Duration(p.IntervalHours) * time.Hour), nil
}

func invalid(field, format string, args ...any) error {
	return &backup.Error{Kind: backup.Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}
