package attribution

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/soteria-dr/soteria/internal/backup"
)

// What a suggested rule leaves to be filled in.
const (
	blankNamespace = "<namespace>"
	blankName      = "<name>"
	blank          = blankNamespace + "/" + blankName
)

// The keys of facts that suggestions know of.
const (
	KeyHost = "host"
	KeyPath = "path"
	KeyTag  = "tag"
	KeyUser = "user"
)

// k8upFolder is where K8up's backups have a folder for each claim.
const k8upFolder = "/data/"

// Hints returns the claims that facts name in a way that others use, though not
// for certain, each once: a host or tag <namespace>/<name> (the host of snapshots
// that Soteria took), or K8up's host <namespace> and path /data/<name>.
func Hints(facts Facts) []backup.Claim {
	var claims []backup.Claim
	add := func(claim backup.Claim) {
		if claim.Validate() == nil && !slices.Contains(claims, claim) {
			claims = append(claims, claim)
		}
	}
	for _, text := range slices.Concat(facts[KeyHost], facts[KeyTag]) {
		namespace, name, _ := strings.Cut(text, "/")
		add(backup.Claim{Namespace: namespace, Name: name})
	}
	for _, host := range facts[KeyHost] {
		for _, folder := range facts[KeyPath] {
			if name, found := strings.CutPrefix(folder, k8upFolder); found {
				add(backup.Claim{Namespace: host, Name: name})
			}
		}
	}
	return claims
}

// SuggestAdopt returns a rule that adopts backups with these facts: one for all
// backups of their kind where it is plain which part names what, else one with
// blanks, "<namespace>/<name>".
func (s Settings) SuggestAdopt(facts Facts) string {
	candidates := append(s.telling(facts), s.literal(facts, slices.DeleteFunc(slices.Clone(s.Keys), func(key string) bool { return key != KeyTag })),
		s.literal(facts, s.Keys))
	for _, rule := range candidates {
		if s.adopts(rule, facts) {
			return rule
		}
	}
	return s.Keys[0] + "=* " + arrow + " " + blank
}

// SuggestForeign returns a rule that declares backups with these facts as of no
// claim.
func (s Settings) SuggestForeign(facts Facts) string {
	for _, key := range s.Keys {
		for _, value := range facts[key] {
			if value == "" {
				continue
			}
			rule := key + "=" + quoted(value)
			if parsed, err := ParseForeign(rule, s.Keys...); err == nil && (Rules{Foreign: parsed}).Of(facts).Standing == Foreign {
				return rule
			}
		}
	}
	return s.Keys[0] + "=*"
}

// adopts reports whether the rule is one, and adopts a backup with these facts
// once its blanks are filled in.
func (s Settings) adopts(rule string, facts Facts) bool {
	if rule == "" {
		return false
	}
	parsed, err := ParseAdopt(strings.NewReplacer(blankNamespace, "n", blankName, "n").Replace(rule), s.Keys...)
	return err == nil && Rules{Adopt: parsed}.Of(facts).Standing == Adopted
}

// telling returns the rules for backups whose facts name a claim in a way that
// others use.
func (s Settings) telling(facts Facts) []string {
	var rules []string
	for _, tag := range facts[KeyTag] {
		if _, err := backup.ParseClaim(tag); err == nil {
			rules = append(rules, "tag={namespace}/{pvc}")
		}
		if namespace, found := strings.CutPrefix(tag, "namespace="); found {
			rules = append(rules, "tag=namespace={namespace},path="+k8upFolder+"{pvc}",
				"tag="+quoted(tag)+" "+arrow+" "+namespace+"/"+blankName)
		}
	}
	for _, host := range facts[KeyHost] {
		if _, err := backup.ParseClaim(host); err == nil {
			rules = append(rules, "host={namespace}/{pvc}")
		}
	}
	if slices.ContainsFunc(facts[KeyPath], func(p string) bool { return path.Dir(p)+"/" == k8upFolder }) {
		rules = append(rules, "host={namespace},path="+k8upFolder+"{pvc}")
	}
	return rules
}

// literal returns the rule that wants just the first value of each of these keys.
func (s Settings) literal(facts Facts, keys []string) string {
	var conditions []string
	for _, key := range keys {
		for _, value := range facts[key] {
			if value != "" {
				conditions = append(conditions, key+"="+quoted(value))
				break
			}
		}
	}
	if len(conditions) == 0 {
		return ""
	}
	return strings.Join(conditions, ",") + " " + arrow + " " + blank
}

// maxPattern bounds a pattern that is suggested, in bytes.
const maxPattern = 80

// quoted turns a value into a pattern that matches it: what would have a meaning
// in a rule, would not be seen or is too long becomes a star.
func quoted(value string) string {
	if len(value) > maxPattern {
		value = strings.ToValidUTF8(value[:maxPattern-1], "") + "*"
	}
	runes := []rune(strings.ReplaceAll(strings.ToValidUTF8(value, "*"), arrow, "*"))
	for i, r := range runes {
		atEdge := i == 0 || i == len(runes)-1
		makesArrow := i == 0 && r == '>' // behind the equals sign of a condition
		if makesArrow || strings.ContainsRune(",;{}*", r) || r != ' ' && !unicode.IsPrint(r) || atEdge && unicode.IsSpace(r) {
			runes[i] = '*'
		}
	}
	return string(runes)
}
