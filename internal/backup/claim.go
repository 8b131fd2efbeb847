package backup

import (
	"fmt"
	"strings"
)

// Claim names a PersistentVolumeClaim. It says nothing about whether such a
// claim exists now: backups outlive their claims.
type Claim struct {
	Namespace string
	Name      string
}

// String gives the claim as "namespace/name", the form used in messages,
// annotations and restic's host field.
func (c Claim) String() string { return c.Namespace + "/" + c.Name }

// The bounds of Kubernetes names: a namespace is an RFC 1123 label, a claim an
// RFC 1123 subdomain.
const (
	maxNamespace = 63
	maxName      = 253
)

// isLabel reports whether s is lower-case letters, digits and, between them, dashes. It
// is asked of each name in each listing and request, and takes no regular expression.
func isLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isSubdomain reports whether s is labels with dots between them.
func isSubdomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// Validate reports whether the API server would accept the claim's names. The
// error is of kind [Invalid] and carries the field at fault ("namespace" or
// "pvc").
func (c Claim) Validate() error {
	switch {
	case c.Namespace == "":
		return &Error{Kind: Invalid, Reason: Missing, Field: "namespace", Message: "namespace is missing: the name of a Kubernetes namespace"}
	case len(c.Namespace) > maxNamespace || !isLabel(c.Namespace):
		return &Error{Kind: Invalid, Field: "namespace", Message: fmt.Sprintf(
			"namespace %q is not a Kubernetes namespace name: lower-case letters, digits and '-', at most %d characters", Clip(c.Namespace, MaxWord), maxNamespace)}
	case c.Name == "":
		return &Error{Kind: Invalid, Reason: Missing, Field: "pvc", Message: "pvc is missing: the name of a claim"}
	case len(c.Name) > maxName || !isSubdomain(c.Name):
		return &Error{Kind: Invalid, Field: "pvc", Message: fmt.Sprintf(
			"pvc %q is not a Kubernetes claim name: lower-case letters, digits, '-' and '.', at most %d characters", Clip(c.Name, MaxWord), maxName)}
	}
	return nil
}

// ParseClaim reads "namespace/name". The error is of kind [Invalid].
func ParseClaim(s string) (Claim, error) {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		return Claim{}, &Error{Kind: Invalid, Message: fmt.Sprintf("%q is not of the form <namespace>/<name>", Clip(s, MaxWord))}
	}
	claim := Claim{Namespace: namespace, Name: name}
	if err := claim.Validate(); err != nil {
		return Claim{}, err
	}
	return claim, nil
}
