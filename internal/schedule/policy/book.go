package policy

import (
	"fmt"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

// Book answers which policy holds for a claim. It never changes and may be shared.
type Book struct {
	byTarget map[backup.Claim]entry
}

type entry struct {
	policy Policy
	timing Timing
}

// NewBook makes a book of the policies that the API keeps. The error is that of
// [Policy.Validate], or of kind [backup.Invalid] for two with one target.
func NewBook(kept []Policy) (*Book, error) {
	b := &Book{byTarget: make(map[backup.Claim]entry, len(kept))}
	for _, p := range kept {
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("the policy for %s: %w", p.Claims(), err)
		}
		if _, twice := b.byTarget[p.target()]; twice {
			return nil, invalid("", "there are two policies for %s", p.Claims())
		}
		p.Source = ForNamespace
		if p.PVC != "" {
			p.Source = ForClaim
		}
		timing, err := p.Timing()
		if err != nil {
			return nil, err
		}
		b.byTarget[p.target()] = entry{policy: p, timing: timing}
	}
	return b, nil
}

// Assignment is what holds for one claim.
type Assignment struct {
	// Policy is the policy that holds; its Keep is what holds for the claim, from
	// whichever policy it comes.
	Policy Policy
	// Timing is the policy's; the zero value where it is not enabled.
	Timing Timing
	// Warnings are the declarations of the claim that were passed over.
	Warnings []Warning
}

// For gives what holds for a claim with these labels and annotations. It is false
// where there is no policy; Warnings may be set all the same.
func (b *Book) For(claim backup.Claim, labels, annotations map[string]string) (Assignment, bool) {
	declared, ok, warnings := Declaration(claim, labels, annotations)
	own, hasOwn := b.byTarget[claim]
	general, hasGeneral := b.byTarget[backup.Claim{Namespace: claim.Namespace}]
	a := Assignment{Warnings: warnings}
	switch {
	case ok:
		a.Policy = declared
		if declared.Enabled {
			a.Timing, _ = declared.Timing() // Declaration has read it before
		}
	case hasOwn:
		a.Policy, a.Timing = own.policy, own.timing
	case hasGeneral:
		a.Policy, a.Timing = general.policy, general.timing
	default:
		return a, false
	}
	a.Policy.Keep = retention.Keep{}
	switch {
	case !a.Policy.Enabled:
		a.Timing = Timing{}
	case hasOwn && own.policy.Enabled && !own.policy.Keep.IsZero():
		a.Policy.Keep = own.policy.Keep
	case hasGeneral && general.policy.Enabled:
		a.Policy.Keep = general.policy.Keep
	}
	return a, true
}

// Kept gives the policies that the API keeps, in no order.
func (b *Book) Kept() []Policy {
	kept := make([]Policy, 0, len(b.byTarget))
	for _, e := range b.byTarget {
		kept = append(kept, e.policy)
	}
	return kept
}
