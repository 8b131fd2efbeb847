package backup

import "errors"

// Reason is why a request was refused, in one word of the API, where the [Kind] alone
// does not say: a person who reads it knows what to change. The empty one is none.
type Reason string

// The reasons. The API's documentation says what each means to a client.
const (
	// ChoiceUnmet: backups exist, and none is what was asked for.
	ChoiceUnmet Reason = "choice_unmet"
	// NoBackups: it is proved that no backup of the claim exists.
	NoBackups Reason = "no_backups"
	// BySetting: a setting of the installation forbids it to every caller.
	BySetting Reason = "setting"
	// NamespaceExcluded: Soteria keeps out of the namespace.
	NamespaceExcluded Reason = "namespace_excluded"
	// NamespaceMissing: the target namespace does not exist.
	NamespaceMissing Reason = "namespace_missing"
	// NamespaceTerminating: the target namespace is being deleted.
	NamespaceTerminating Reason = "namespace_terminating"
	// StorageClassMissing: the storage class does not exist.
	StorageClassMissing Reason = "storage_class_missing"
	// TargetExists: a claim of the target's name exists.
	TargetExists Reason = "target_exists"
	// NoClaims: the namespace has no bound claim.
	NoClaims Reason = "no_claims"
	// Missing: something is required and was not given.
	Missing Reason = "missing"
	// UnknownParameter: the query has a parameter that is not known.
	UnknownParameter Reason = "unknown_parameter"
	// NoCopy: the claim is no copy that Soteria made to look at.
	NoCopy Reason = "no_copy"
	// Unproved: it cannot be proved that Soteria made this very claim as a copy.
	Unproved Reason = "unproved"
	// InUse: a pod uses the claim or waits for it.
	InUse Reason = "in_use"
	// Coming: nothing went wrong, and the answer is on its way; see [NotYet].
	Coming Reason = "not_yet"
	// ByPermission: Kubernetes does not let Soteria do it.
	ByPermission Reason = "permission"
)

// Reasons returns every reason.
func Reasons() []Reason {
	return []Reason{
		ChoiceUnmet, NoBackups, BySetting, NamespaceExcluded, NamespaceMissing, NamespaceTerminating, StorageClassMissing, TargetExists, NoClaims, Missing, UnknownParameter,
		NoCopy, Unproved, InUse, Coming, ByPermission,
	}
}

// ReasonOf returns the reason of the outermost [Error] in an error's chain, or "". One
// that has none and is [NotYet] is Coming.
func ReasonOf(err error) Reason {
	var typed *Error
	if errors.As(err, &typed) && typed.Reason != "" {
		return typed.Reason
	}
	if IsNotYet(err) {
		return Coming
	}
	return ""
}
