package attribution

import (
	"fmt"
	"slices"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Rules are all that an operator has said about backups that do not say by
// themselves whose they are. The zero value says nothing.
type Rules struct {
	// Adopt says which claims backups are of, Foreign which are of none.
	Adopt, Foreign []Rule
}

// ParseRules reads both kinds of rules. Each error is of kind Invalid and begins
// with the name of the setting at fault.
func ParseRules(settings Settings, adopt, foreign string) (Rules, []error) {
	var rules Rules
	var problems []error
	var err error
	if rules.Adopt, err = ParseAdopt(adopt, settings.Keys...); err != nil {
		problems = append(problems, backup.Errorf(backup.Invalid, "%s: %w", settings.Adopt, err))
	}
	if rules.Foreign, err = ParseForeign(foreign, settings.Keys...); err != nil {
		problems = append(problems, backup.Errorf(backup.Invalid, "%s: %w", settings.Foreign, err))
	}
	return rules, problems
}

// Standing is what rules make of a backup. The zero value is Unattributed.
type Standing uint8

// The standings of a backup.
const (
	// Unattributed: no rule says anything of the backup.
	Unattributed Standing = iota
	// Adopted: the backup is of one claim.
	Adopted
	// Foreign: the backup is of no claim.
	Foreign
	// Disputed: rules contradict each other.
	Disputed
)

// Ruling is what rules say of one backup.
type Ruling struct {
	Standing Standing
	// Claim is whose the backup is, where it is adopted.
	Claim backup.Claim
	// Why says what contradicts what, where it is disputed.
	Why string
}

// Of applies the rules to what is known of a backup. The order of rules does not
// matter to the standing.
func (r Rules) Of(facts Facts) Ruling {
	var said Ruling
	var by Rule
	for _, rule := range r.Adopt {
		for _, matched := range rule.match(facts) {
			claim := rule.claim(matched)
			switch {
			case claim.Validate() != nil:
				return Ruling{Standing: Disputed, Why: fmt.Sprintf("rule %.100q makes it one of %.100q, which can be no claim", rule, claim)}
			case said.Standing == Adopted && said.Claim != claim:
				return Ruling{Standing: Disputed, Why: fmt.Sprintf("rule %.100q makes it one of %s, and rule %.100q one of %s", by, said.Claim, rule, claim)}
			}
			said, by = Ruling{Standing: Adopted, Claim: claim}, rule
		}
	}
	i := slices.IndexFunc(r.Foreign, func(rule Rule) bool { return len(rule.match(facts)) > 0 })
	switch {
	case i < 0:
		return said
	case said.Standing == Adopted:
		return Ruling{Standing: Disputed, Why: fmt.Sprintf("rule %.100q makes it one of %s, and rule %.100q one of no claim", by, said.Claim, r.Foreign[i])}
	default:
		return Ruling{Standing: Foreign}
	}
}
