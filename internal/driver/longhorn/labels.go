package longhorn

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/soteria-dr/soteria/internal/backup"
)

// What Soteria writes on its backups and their snapshots. These are labels of
// Longhorn's, which are kept in the backup itself and so survive the cluster.
// Their values, unlike those of Kubernetes, may have any length; Longhorn's engine
// splits them at "=", so that they may not hold it.
const (
	// NamespaceLabel and PVCLabel name the claim whose data the backup holds.
	NamespaceLabel = "soteria.dev/namespace"
	PVCLabel       = "soteria.dev/pvc"
	// ClusterLabel names the cluster that took the backup.
	ClusterLabel = "soteria.dev/cluster"
	// TagsLabel holds the caller's tags, each escaped as in a URL's query, with
	// commas between them.
	TagsLabel = "soteria.dev/tags"
)

// isBackupOf reports whether Soteria took this backup of the claim: it is labelled
// as the claim's, the snapshot is named as Soteria names those, and no recurring
// job of Longhorn's took it. Labels alone prove nothing, since people put them on
// backups, too, to say whose those are.
func isBackupOf(claim backup.Claim, b backupRecord) bool {
	return b.label(NamespaceLabel) == claim.Namespace && b.label(PVCLabel) == claim.Name &&
		isSnapshotName(claim, b.snapshot()) && b.label(recurringJobLabel) == ""
}

// recurringJobLabel is Longhorn's, on what its recurring jobs make.
const recurringJobLabel = "RecurringJob"

// The bounds of a caller's tags. They are those of the restic driver, so that a
// request fits either.
const (
	maxTags      = 32
	maxTagLength = 128
)

// checkTags refuses tags that cannot be kept: an error of kind Invalid with the
// field "tags" for one that is empty, too long, not text, or names another claim.
func checkTags(claim backup.Claim, tags []string) error {
	invalid := func(format string, args ...any) error {
		return &backup.Error{Kind: backup.Invalid, Field: "tags", Message: fmt.Sprintf(format, args...)}
	}
	if count := backup.CallersTags(tags); count > maxTags {
		return invalid("%d tags are more than %d", count, maxTags)
	}
	own := []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name}
	for _, tag := range tags {
		switch {
		case strings.TrimSpace(tag) == "":
			return invalid("a tag is empty")
		case len(tag) > maxTagLength:
			return invalid("tag %.20q… is longer than %d bytes", tag, maxTagLength)
		case !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl):
			return invalid("tag %q holds a control character", tag)
		case (strings.HasPrefix(tag, "namespace=") || strings.HasPrefix(tag, "pvc=")) && !slices.Contains(own, tag):
			return invalid("tag %q names another claim than %s", tag, claim)
		case strings.HasPrefix(tag, "cluster="):
			return invalid("tag %q names a cluster, which Soteria does itself (SOTERIA_CLUSTER)", tag)
		}
	}
	return nil
}

func joinTags(tags []string) string {
	escaped := make([]string, 0, len(tags))
	for _, tag := range tags {
		if text := url.QueryEscape(tag); !slices.Contains(escaped, text) {
			escaped = append(escaped, text)
		}
	}
	return strings.Join(escaped, ",")
}

// splitTags reads what joinTags wrote. What it did not write is left out.
func splitTags(joined string) []string {
	var tags []string
	for text := range strings.SplitSeq(joined, ",") {
		if tag, err := url.QueryUnescape(text); err == nil && tag != "" && utf8.ValidString(tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}
