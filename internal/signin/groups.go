package signin

import (
	"slices"
	"strings"
	"unicode"
)

// ParseGroups reads a list of groups, separated by commas or semicolons. Leading
// slashes, which Keycloak writes, and spaces around are left out, as are empty
// and repeated groups. Case is kept: it tells groups apart.
func ParseGroups(list string) []string {
	var groups []string
	for entry := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ';' }) {
		group := strings.TrimSpace(strings.TrimLeftFunc(entry, func(r rune) bool { return r == '/' || unicode.IsSpace(r) }))
		if group != "" && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}
