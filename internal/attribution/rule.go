package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
)

// arrow comes before the claim that a rule names.
const arrow = "=>"

// Facts are what is known of a backup, by key, such as "host". A key may have
// several values, as tags have.
type Facts map[string][]string

// condition is one comparison of a rule.
type condition struct {
	key     string
	pattern pattern
}

// Rule is one rule. Make it with [ParseAdopt] or [ParseForeign].
type Rule struct {
	text       string
	conditions []condition
	// namespace and pvc are what the claim is made of; both are empty in a rule
	// for backups of no claim.
	namespace, pvc string
}

// String returns the rule as it was written.
func (r Rule) String() string { return r.text }

// ParseAdopt reads rules that say which claims backups are of. The keys are those
// that facts have. The error names every mistake.
func ParseAdopt(text string, keys ...string) ([]Rule, error) {
	return parseRules(text, func(one string) (Rule, error) {
		conditions, claim, arrowed := strings.Cut(one, arrow)
		r, err := parseConditions(conditions, keys)
		if err != nil {
			return Rule{}, err
		}
		if !arrowed {
			claim = namespaceMark + "/" + pvcMark
		}
		return r.named(strings.TrimSpace(claim), arrowed)
	})
}

// ParseForeign reads rules that say which backups are of no claim.
func ParseForeign(text string, keys ...string) ([]Rule, error) {
	return parseRules(text, func(one string) (Rule, error) {
		if strings.Contains(one, arrow) {
			return Rule{}, fmt.Errorf("what is of no claim has no claim after %s", arrow)
		}
		r, err := parseConditions(one, keys)
		if err == nil && len(r.marks()) > 0 {
			err = fmt.Errorf("what is of no claim has no %s; * matches anything", r.marks()[0])
		}
		return r, err
	})
}

// parseRules reads each rule of a text by itself.
func parseRules(text string, parse func(string) (Rule, error)) ([]Rule, error) {
	var rules []Rule
	var mistakes []string
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		r, err := parse(one)
		if err != nil {
			mistakes = append(mistakes, fmt.Sprintf("rule %.200q: %s", one, err))
			continue
		}
		r.text = one
		rules = append(rules, r)
	}
	if len(mistakes) > 0 {
		return nil, &backup.Error{Kind: backup.Invalid, Message: strings.Join(mistakes, "; ")}
	}
	return rules, nil
}

func parseConditions(text string, keys []string) (Rule, error) {
	var r Rule
	for one := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(one, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !found:
			return Rule{}, fmt.Errorf("%.100q is not of the form <key>=<pattern>", strings.TrimSpace(one))
		case !slices.Contains(keys, key):
			return Rule{}, fmt.Errorf("%.100q is none of the keys %s", key, strings.Join(keys, ", "))
		case value == "":
			return Rule{}, fmt.Errorf("%s has no pattern; * matches anything", key)
		}
		p, err := parsePattern(value)
		if err != nil {
			return Rule{}, err
		}
		r.conditions = append(r.conditions, condition{key: key, pattern: p})
	}
	return r, nil
}

// marks returns the placeholders of all conditions, each once.
func (r Rule) marks() []string {
	var all []string
	for _, c := range r.conditions {
		for _, mark := range c.pattern.marks {
			if !slices.Contains(all, mark) {
				all = append(all, mark)
			}
		}
	}
	return all
}

// named gives the rule the claim that it names. Every placeholder of the claim must be in
// a condition, and the other way round.
func (r Rule) named(claim string, written bool) (Rule, error) {
	namespace, pvc, found := strings.Cut(claim, "/")
	r.namespace, r.pvc = strings.TrimSpace(namespace), strings.TrimSpace(pvc)
	if !found || r.namespace == "" || r.pvc == "" {
		return Rule{}, fmt.Errorf("%.100q after %s is not of the form <namespace>/<name>", claim, arrow)
	}
	for _, mark := range []string{namespaceMark, pvcMark} {
		used, matched := strings.Contains(claim, mark), slices.Contains(r.marks(), mark)
		switch {
		case used && !matched && written:
			return Rule{}, fmt.Errorf("no condition says what %s is", mark)
		case used && !matched && len(r.marks()) > 0:
			return Rule{}, fmt.Errorf("no condition says what %s is: add it to one, or name it: %s %s", mark, arrow, halfNamed(mark))
		case used && !matched:
			return Rule{}, fmt.Errorf("it names no claim: add %s <namespace>/<name>", arrow)
		case matched && !used:
			return Rule{}, fmt.Errorf("%s is matched and not used after %s; * matches anything", mark, arrow)
		}
	}
	// A stand-in for what the placeholders match shows whether the rest can be of
	// a claim.
	if err := r.claim(names{namespace: "n", pvc: "n"}).Validate(); err != nil {
		return Rule{}, fmt.Errorf("%.100q after %s can be no claim: %w", claim, arrow, err)
	}
	return r, nil
}

// halfNamed shows how a claim is written of which one part is fixed.
func halfNamed(missing string) string {
	if missing == namespaceMark {
		return "<namespace>/" + pvcMark
	}
	return namespaceMark + "/<name>"
}

func (r Rule) claim(n names) backup.Claim {
	fill := strings.NewReplacer(namespaceMark, n.namespace, pvcMark, n.pvc)
	return backup.Claim{Namespace: fill.Replace(r.namespace), Name: fill.Replace(r.pvc)}
}

// match returns everything that the placeholders can stand for, each once; nothing
// where the facts do not match.
func (r Rule) match(facts Facts) []names {
	found := []names{{}}
	for _, c := range r.conditions {
		var next []names
		for _, value := range facts[c.key] {
			matched, ok := c.pattern.match(value)
			if !ok {
				continue
			}
			for _, before := range found {
				if joined, agree := before.and(matched); agree && !slices.Contains(next, joined) {
					next = append(next, joined)
				}
			}
		}
		found = next
	}
	return found
}
