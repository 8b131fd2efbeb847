package policy

import (
	"fmt"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Preview is what keeping a policy would do now.
type Preview struct {
	Policy Policy
	// Replaces is true where a policy of the same target is kept.
	Replaces bool
	// NamespaceMissing is true where there is no such namespace.
	NamespaceMissing bool
	// Matches are the claims that the policy is for, by name.
	Matches []Match
}

// Match is a claim that a policy is for.
type Match struct {
	Claim backup.Claim
	// Holder is the policy that would hold: the previewed one, or one that overrides it.
	Holder Policy
	// Holds is true where that is the previewed one.
	Holds bool
	// Reason and Message say why the claim would not be backed up now although the
	// policy holds for it; empty where it would.
	Reason  Reason
	Message string
}

// Holding counts the claims that the policy would hold for.
func (p Preview) Holding() int {
	n := 0
	for _, match := range p.Matches {
		if match.Holds {
			n++
		}
	}
	return n
}

// Warnings say why the policy would do nothing now; nil where it would do something.
func (p Preview) Warnings() []string {
	switch holding := p.Holding(); {
	case p.NamespaceMissing:
		return []string{fmt.Sprintf("namespace %s does not exist, so the policy holds for no claim: check its name, or keep the policy for when it is made", p.Policy.Namespace)}
	case len(p.Matches) == 0 && p.Policy.PVC != "":
		return []string{fmt.Sprintf("claim %s/%s does not exist, so the policy holds for no claim: check its name, or keep the policy for when it is made", p.Policy.Namespace, p.Policy.PVC)}
	case len(p.Matches) == 0:
		return []string{fmt.Sprintf("namespace %s has no claims, so the policy holds for none yet", p.Policy.Namespace)}
	case holding == 0:
		return []string{fmt.Sprintf("the policy holds for none of the %d claims that it is for: other policies hold for them", len(p.Matches))}
	}
	return nil
}
