package decision

import (
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Mode is how a claim is protected. The zero value is not at all.
type Mode uint8

// The modes, from the label soteria.dev/restore of the claim or its namespace.
const (
	// NotOptedIn claims are none of Soteria's business.
	NotOptedIn Mode = iota
	// Auto claims start empty only when it is proved that no backup exists.
	Auto
	// Required claims never start empty unless somebody says so with a reason.
	Required
	// Skip claims start empty, for the reason given.
	Skip
)

// String gives the mode as it is written in the label.
func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case Required:
		return "required"
	case Skip:
		return "skip"
	case NotOptedIn:
		return "none"
	default:
		return "none"
	}
}

// Populator names an object of another operator's, in the claim's namespace, that
// fills a claim which has it as its data source.
type Populator struct {
	Group, Kind, Name string
}

// String gives the populator as group/kind/name.
func (p Populator) String() string { return p.Group + "/" + p.Kind + "/" + p.Name }

// Facts is all that a verdict depends on.
type Facts struct {
	// Claim is the claim to be judged. Its Name is empty while only
	// generateName is set.
	Claim backup.Claim
	// Mode is how the claim is protected, after claim label, namespace label
	// and cluster mode have been weighed.
	Mode Mode
	// ModeProblem, when not empty, says that a label could not be understood.
	ModeProblem string
	// Excluded is true for claims in namespaces that Soteria keeps out of.
	Excluded bool
	// MadeBySoteria is true for primes and other claims of Soteria's own.
	MadeBySoteria bool
	// VolumeChosen is true when spec.volumeName names a volume that is not a
	// lock of Soteria's.
	VolumeChosen bool
	// ForeignSource is true when a dataSource or dataSourceRef names something
	// that is not a Restore of Soteria's.
	ForeignSource bool
	// SkipReason is why the claim may start empty, in the user's words.
	SkipReason string
	// Source is the claim whose backup is wanted: Claim itself, unless the user
	// asked for another's.
	Source backup.Claim
	// CrossNamespaceAllowed permits a Source in another namespace.
	CrossNamespaceAllowed bool
	// Selector says which backup is wanted.
	Selector backup.Selector
	// Rules say which backup is chosen among those that are wanted.
	Rules backup.Rules
	// SelectionProblem, when not empty, says that the user's wish for a source,
	// a time or an id could not be understood.
	SelectionProblem string
	// MissingRestore names the Restore that the claim's manifest refers to and that
	// does not exist: which backup it wants is not known. Empty where there is none.
	MissingRestore string
	// LookedUp names the drivers whose backups Soteria only looks up: it cannot
	// restore them.
	LookedUp []string
	// Populator is what restores those to the claim, by the cluster's settings;
	// the zero value where nothing does.
	Populator Populator
	// DenyUnknown refuses a claim where the answer is Unknown instead of
	// holding it.
	DenyUnknown bool
	// Promised is what was found of Source when the claim was admitted or its backup
	// was chosen, in words; empty where nothing is known to have been. It only ever
	// makes the verdict stricter, since users can write where it is read from.
	Promised string
	// PromisedAt is when the claim was made: what a person accepted since then
	// settles the promise.
	PromisedAt time.Time
	// Provisional is true where the verdict only locks the claim, as at admission, and
	// the claim is judged again, from a proof, before it is given a backup.
	Provisional bool
	// Answer is what the catalog says of Source. Only looked at where
	// [NeedsAnswer].
	Answer backup.Answer
	// Own is what the catalog says of Claim itself, where Source is another claim.
	// It is told and never restored, and only looked at where [NeedsOwn].
	Own backup.Answer
}
