package catalog

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/soteria-dr/soteria/internal/backup"
)

// clustersIn returns the names of the clusters that took backups, each once; those
// that name no cluster count for none.
func clustersIn(backups []backup.Backup) map[string]struct{} {
	names := make(map[string]struct{})
	for i := range backups {
		if name := backups[i].Cluster; name != "" {
			names[name] = struct{}{}
		}
	}
	return names
}

// stranger says why a repository proves nothing of a claim without backups: other
// clusters use it and this one's name was never seen there, so that the name may be
// mistyped. It returns nil where the name is known, where this cluster has none, or
// where the operator has said which other clusters are restored.
func stranger(clusters backup.Clusters, seen map[string]struct{}) error {
	if _, known := seen[clusters.Own]; known || clusters.Own == "" || clusters.Settled || len(seen) == 0 {
		return nil
	}
	return backup.Errorf(backup.Unavailable,
		"the repository holds backups of other clusters (%s) and none of this one, %s (SOTERIA_CLUSTER), so that the name may be mistyped: correct it, "+
			"or say with SOTERIA_RESTORE_CLUSTERS which of them this cluster restores, or none",
		backup.Clip(backup.Printable(strings.Join(slices.Sorted(maps.Keys(seen)), ", ")), backup.MaxWord), clusters.Own)
}

// ofOthers reports whether all of a claim's backups are other clusters' and the
// operator has settled that those say nothing of this cluster's claims.
func ofOthers(clusters backup.Clusters, backups []backup.Backup) bool {
	return clusters.Settled && len(backups) > 0 && !slices.ContainsFunc(backups, clusters.Counts)
}

// sightings are the names of the clusters that were seen in any repository, since the
// process began. It is safe for concurrent use.
type sightings struct {
	mu    sync.Mutex
	names map[string]struct{}
}

func (s *sightings) add(names map[string]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = make(map[string]struct{})
	}
	maps.Copy(s.names, names)
}

func (s *sightings) lacks(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, seen := s.names[name]
	return !seen
}

// mistyped returns why other clusters' backups of a claim may be meant to be restored:
// SOTERIA_RESTORE_CLUSTERS lists a name that was seen in no repository, and not those
// of the clusters that took them. It returns nil where every listed name was seen, or
// none is listed.
func mistyped(clusters backup.Clusters, seen *sightings, others []backup.Backup) error {
	listed := slices.DeleteFunc(slices.Clone(clusters.Restored), func(name string) bool { return !seen.lacks(name) })
	unlisted := slices.Sorted(maps.Keys(clustersIn(others)))
	if len(listed) == 0 || len(unlisted) == 0 {
		return nil
	}
	clip := func(names []string) string { return backup.Clip(strings.Join(names, ", "), backup.MaxWord) }
	return backup.Errorf(backup.Unavailable,
		"other clusters (%s) have backups of it, and SOTERIA_RESTORE_CLUSTERS lists %s instead, of which no repository holds a backup, so that it may be mistyped: "+
			"correct it there, or leave it out",
		clip(unlisted), clip(listed))
}
