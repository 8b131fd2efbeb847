package restic

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

// The tags that say whose a snapshot is.
const (
	namespaceTag = "namespace="
	pvcTag       = "pvc="
)

// clusterTag says which cluster took a snapshot.
const clusterTag = "cluster="

// reserved begin the tags that say whose a snapshot is, what it is to Soteria and what
// its claim was like. No one else may add one to a backup of Soteria's.
var reserved = []string{
	namespaceTag, pvcTag, clusterTag, outcome.OwnTag, backup.UnreviewedTag,
	"capacity=", "storage-class=", "access-mode=",
}

// reservedTag reports whether a tag is reserved, and by which beginning.
func reservedTag(tag string) (prefix string, is bool) {
	at := slices.IndexFunc(reserved, func(prefix string) bool { return strings.HasPrefix(tag, prefix) })
	if at < 0 {
		return "", false
	}
	return reserved[at], true
}

// The bounds of a caller's tags.
const (
	maxTags      = 32
	maxTagLength = 128
)

// snapshotTags gives the tags of a claim's snapshot: those that say whose it is,
// then the caller's. A caller's tag that restic would take apart or that names
// another claim gives an error of kind Invalid with the field "tags".
func snapshotTags(claim backup.Claim, wanted []string) ([]string, error) {
	invalid := func(format string, args ...any) error {
		return &backup.Error{Kind: backup.Invalid, Field: "tags", Message: fmt.Sprintf(format, args...)}
	}
	if count := backup.CallersTags(wanted); count > maxTags {
		return nil, invalid("%d tags are more than %d", count, maxTags)
	}
	tags := []string{namespaceTag + claim.Namespace, pvcTag + claim.Name}
	own := slices.Clone(tags)
	for _, tag := range wanted {
		switch {
		case tag == "":
			return nil, invalid("a tag is empty")
		case len(tag) > maxTagLength:
			return nil, invalid("tag %.20q… is longer than %d bytes", tag, maxTagLength)
		case !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl):
			return nil, invalid("tag %q holds a control character", tag)
		case strings.Contains(tag, ","):
			return nil, invalid("tag %q holds a comma, at which restic would split it", tag)
		case strings.TrimSpace(tag) != tag:
			return nil, invalid("tag %q begins or ends with a space, which restic would drop", tag)
		case (strings.HasPrefix(tag, namespaceTag) || strings.HasPrefix(tag, pvcTag)) && !slices.Contains(own, tag):
			return nil, invalid("tag %q names another claim than %s", tag, claim)
		case strings.HasPrefix(tag, outcome.OwnTag):
			return nil, invalid("tag %q begins with %q, which Soteria keeps for its own snapshots", tag, outcome.OwnTag)
		case strings.HasPrefix(tag, clusterTag):
			return nil, invalid("tag %q names a cluster, which Soteria does itself (SOTERIA_CLUSTER)", tag)
		}
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// claimsOf gives the claims that a snapshot's tags name. With several namespaces
// or names it is every combination, so that no snapshot is lost to a claim whose
// data it may hold. Combinations that can be no claim are left out: nobody can
// ask for them.
func claimsOf(tags []string) []backup.Claim {
	var claims []backup.Claim
	for _, namespace := range valuesOf(tags, namespaceTag) {
		for _, name := range valuesOf(tags, pvcTag) {
			claim := backup.Claim{Namespace: namespace, Name: name}
			if claim.Validate() == nil {
				claims = append(claims, claim)
			}
		}
	}
	return claims
}

// clusterOf returns the cluster that a snapshot's tags name, empty where they name
// none. Several names are no cluster's: they are joined to what can be no name.
func clusterOf(tags []string) string {
	return strings.Join(valuesOf(tags, clusterTag), ",")
}

func valuesOf(tags []string, prefix string) []string {
	var values []string
	for _, tag := range tags {
		if value, found := strings.CutPrefix(tag, prefix); found && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}
