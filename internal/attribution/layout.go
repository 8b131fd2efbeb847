package attribution

import (
	"fmt"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
)

// keyFolder is the key of the one fact that a layout goes by.
const keyFolder = "folder"

// Layout says which folder of a store is which claim's. The zero value is not
// ready; see [ParseLayout].
type Layout struct {
	rule Rule
	// parts match the folders on the way, one each.
	parts []pattern
}

// ParseLayout reads a layout: a pattern of a folder, such as
// "{namespace}/{pvc}", or one with a fixed part of the claim after an arrow, such
// as "volsync/{pvc}-backup => shop/{pvc}". Errors are of kind Invalid.
func ParseLayout(text string) (Layout, error) {
	folder, _, _ := strings.Cut(text, arrow)
	folder = strings.TrimSpace(folder)
	if strings.ContainsAny(text, ",;\n*") {
		return Layout{}, backup.Errorf(backup.Invalid, "%.200q is not one folder: it holds a comma, a semicolon, a line end or *", text)
	}
	var parts []pattern
	for part := range strings.SplitSeq(folder, "/") {
		if part == "" || part == "." || part == ".." {
			return Layout{}, backup.Errorf(backup.Invalid, "%.200q is not a folder's path: it begins or ends with a slash, or has a part without a name", text)
		}
		p, err := parsePattern(part)
		if err != nil {
			return Layout{}, backup.Errorf(backup.Invalid, "%.200q is no layout: %w", text, err)
		}
		parts = append(parts, p)
	}
	rules, err := ParseAdopt(keyFolder+"="+text, keyFolder)
	if err != nil {
		return Layout{}, fmt.Errorf("%.200q is no layout: %w", text, err)
	}
	if len(rules[0].marks()) == 0 {
		return Layout{}, backup.Errorf(backup.Invalid, "%.200q has neither {namespace} nor {pvc}, and so is one claim's alone", text)
	}
	return Layout{rule: rules[0], parts: parts}, nil
}

// String returns the layout as it was written.
func (l Layout) String() string { return strings.TrimPrefix(l.rule.text, keyFolder+"=") }

// Depth is how many folders deep those of claims are.
func (l Layout) Depth() int { return len(l.parts) }

// Leads reports whether claims' folders may be in this one, by its path, which is
// less deep than theirs.
func (l Layout) Leads(folder string) bool {
	for i, name := range strings.Split(folder, "/") {
		if i >= len(l.parts) {
			return false
		}
		if _, matches := l.parts[i].match(name); !matches {
			return false
		}
	}
	return true
}

// Claim returns the claim whose folder this is, by its path without a slash at
// its end; false where it is none's.
func (l Layout) Claim(folder string) (backup.Claim, bool) {
	ruling := Rules{Adopt: []Rule{l.rule}}.Of(Facts{keyFolder: {folder}})
	return ruling.Claim, ruling.Standing == Adopted
}

// Folder returns the one folder that is the claim's, by its path without a slash at its
// end; false where none is, or where the layout does not say so in so many words.
func (l Layout) Folder(claim backup.Claim) (string, bool) {
	folder, _, _ := strings.Cut(l.String(), arrow)
	folder = strings.NewReplacer(namespaceMark, claim.Namespace, pvcMark, claim.Name).Replace(strings.TrimSpace(folder))
	of, is := l.Claim(folder)
	return folder, is && of == claim && plain(l.rule.namespace, namespaceMark) && plain(l.rule.pvc, pvcMark)
}

// plain reports whether a part of a claim is just what the placeholder stands for, or holds
// no placeholder.
func plain(part, mark string) bool { return part == mark || !strings.ContainsAny(part, "{}") }
