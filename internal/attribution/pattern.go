package attribution

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
)

// The placeholders of patterns.
const (
	namespaceMark = "{namespace}"
	pvcMark       = "{pvc}"
)

// The names that placeholders match, as expressions. A namespace's is a DNS
// label, a claim's a DNS subdomain; their lengths are checked afterwards.
const (
	namespaceName = `([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)`
	pvcName       = `([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)`
)

// inNamespace is every character that a namespace's name may hold.
const inNamespace = "abcdefghijklmnopqrstuvwxyz0123456789-"

// pattern matches one value as a whole. It matches any value in one way at most.
type pattern struct {
	expression *regexp.Regexp
	// marks are the placeholders, in the order of the expression's groups.
	marks []string
}

// names are what placeholders matched: empty for those that did not take part.
type names struct{ namespace, pvc string }

// parsePattern reads a pattern; what it stands for is named in errors.
func parsePattern(text string) (pattern, error) {
	var p pattern
	var expression strings.Builder
	between := "" // what was read since the last placeholder
	stars := false
	for rest := text; rest != ""; {
		var token string
		token, rest = nextToken(rest)
		switch {
		case token == namespaceMark, token == pvcMark:
			if err := p.mark(token, text, between); err != nil {
				return pattern{}, err
			}
			expression.WriteString(map[string]string{namespaceMark: namespaceName, pvcMark: pvcName}[token])
			between = ""
		case token == "*":
			stars = true
			expression.WriteString(`.*`)
		case strings.ContainsAny(token, "{}"):
			return pattern{}, fmt.Errorf("%.100q is none of {namespace} and {pvc}; * matches a brace", token)
		default:
			expression.WriteString(regexp.QuoteMeta(token))
			between += token
		}
	}
	if stars && len(p.marks) > 0 {
		return pattern{}, fmt.Errorf("%.100q has * and a placeholder, so that it may match a value in two ways", text)
	}
	var err error
	p.expression, err = regexp.Compile(`(?s)\A` + expression.String() + `\z`)
	if err != nil {
		return pattern{}, fmt.Errorf("%.100q is not a pattern: %w", text, err)
	}
	return p, nil
}

// mark takes in a placeholder, which must be told from the one before it.
func (p *pattern) mark(token, text, between string) error {
	for _, other := range p.marks {
		if other == token {
			return fmt.Errorf("%.100q has %s twice", text, token)
		}
	}
	if len(p.marks) > 0 && strings.Trim(between, inNamespace) == "" {
		return fmt.Errorf("%.100q can be read in two ways: put something between {namespace} and {pvc} that no namespace can hold, such as a slash", text)
	}
	p.marks = append(p.marks, token)
	return nil
}

// nextToken cuts a placeholder, a star, or the text before the next of either off
// a pattern that is not empty. A brace that is not of a placeholder is cut off with what it
// encloses.
func nextToken(text string) (token, rest string) {
	switch text[0] {
	case '*':
		return text[:1], text[1:]
	case '{':
		if end := strings.IndexByte(text, '}'); end >= 0 {
			return text[:end+1], text[end+1:]
		}
		return text, ""
	case '}':
		return text[:1], text[1:]
	}
	if end := strings.IndexAny(text, "*{}"); end >= 0 {
		return text[:end], text[end:]
	}
	return text, ""
}

// match compares a value with the pattern. Names that are too long do not match.
func (p pattern) match(value string) (names, bool) {
	groups := p.expression.FindStringSubmatch(value)
	if groups == nil {
		return names{}, false
	}
	var found names
	// The other half is one that every claim may have.
	check := backup.Claim{Namespace: "n", Name: "n"}
	for i, mark := range p.marks {
		if mark == namespaceMark {
			found.namespace, check.Namespace = groups[i+1], groups[i+1]
		} else {
			found.pvc, check.Name = groups[i+1], groups[i+1]
		}
	}
	return found, check.Validate() == nil
}

// and joins what two patterns matched; false where they contradict each other.
func (n names) and(other names) (names, bool) {
	joined := n
	if joined.namespace == "" {
		joined.namespace = other.namespace
	}
	if joined.pvc == "" {
		joined.pvc = other.pvc
	}
	agree := (other.namespace == "" || other.namespace == joined.namespace) && (other.pvc == "" || other.pvc == joined.pvc)
	return joined, agree
}
