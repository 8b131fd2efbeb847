package backup

import (
	"fmt"
	"regexp"
	"slices"
)

// MaxClusterName is the length of the longest name of a cluster, in bytes: that of
// a DNS label, so that it fits into a label of Kubernetes.
const MaxClusterName = 63

// NoClusters is the word for an empty list of clusters (SOTERIA_RESTORE_CLUSTERS).
const NoClusters = "none"

var clusterPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// ValidateCluster reports whether a cluster can have this name. The error is of
// kind [Invalid].
func ValidateCluster(name string) error {
	if len(name) > MaxClusterName || !clusterPattern.MatchString(name) || name == NoClusters {
		return Errorf(Invalid, "%q is not the name of a cluster: lower-case letters, digits and '-', at most %d characters, and not %q",
			Clip(name, MaxWord), MaxClusterName, NoClusters)
	}
	return nil
}

// Clusters says whose backups are a cluster's own in a repository that several
// clusters may share, and which of the others it restores. The zero value is a
// cluster without a name, to which every backup counts.
type Clusters struct {
	// Own is the name of this cluster (SOTERIA_CLUSTER); empty where it has none.
	Own string
	// Restored are the other clusters whose backups are restored like own ones
	// (SOTERIA_RESTORE_CLUSTERS).
	Restored []string
	// Settled is true when the operator said which other clusters are restored,
	// also when it is none of them. Backups of the others then say nothing about
	// the claims of this cluster.
	Settled bool
	// UntaggedForeign is true when backups that name no cluster are not this
	// cluster's (SOTERIA_UNTAGGED_BACKUPS=foreign).
	UntaggedForeign bool
}

// Mine reports whether this cluster took the backup, as far as the backup tells:
// whether due times, health and retention go by it. A cluster without a name owns
// what names no cluster.
func (c Clusters) Mine(b Backup) bool {
	if b.Cluster == "" {
		return c.Own == "" || !c.UntaggedForeign
	}
	return b.Cluster == c.Own
}

// Counts reports whether the backup is restored without being asked for by name:
// it is this cluster's own or of one of those restored like it. To a cluster
// without a name whose operator has not settled it, every backup counts.
func (c Clusters) Counts(b Backup) bool {
	switch {
	case c.Mine(b), c.Own == "" && !c.Settled:
		return true
	case b.Cluster == "":
		return false
	}
	return slices.Contains(c.Restored, b.Cluster)
}

// Of reports whether the backup is one of the named cluster's.
func (c Clusters) Of(name string, b Backup) bool {
	if name == c.Own {
		return c.Mine(b)
	}
	return b.Cluster == name
}

// whose names the cluster of a backup for messages.
func whose(b Backup) string {
	if b.Cluster == "" {
		return "of a cluster that it does not name"
	}
	return fmt.Sprintf("of cluster %s", Clip(Printable(b.Cluster), MaxWord))
}
