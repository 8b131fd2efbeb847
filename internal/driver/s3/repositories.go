package s3

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// object is one entry of a listing of the bucket: an object, or a folder, whose key
// ends with a slash and which has no time.
type object struct {
	key      string
	modified time.Time
}

// resticNames are what a restic repository has at its top.
var resticNames = []string{"config", "data", "index", "keys", "locks", "snapshots"}

// resticFile matches the files that no program but restic writes, and takes the
// folder of their repository.
var resticFile = regexp.MustCompile(`^(?:(.*)/)?(?:(?:snapshots|keys|index|locks)/[0-9a-f]{64}|data/[0-9a-f]{2}/[0-9a-f]{64})$`)

// repositories are the folders that objects show to be restic repositories, by
// their paths without a slash at the end; "" is the bucket's root.
type repositories map[string]struct{}

// findRepositories finds the repositories that objects are of. One that has none of
// restic's files is known by its config: at less depth than claims' folders are by
// that alone, elsewhere where there is nothing beside it that a repository has not.
func findRepositories(objects []object, depth int) repositories {
	found := repositories{}
	configured := map[string]struct{}{}
	others := map[string]struct{}{}
	for _, o := range objects {
		if parts := resticFile.FindStringSubmatch(o.key); parts != nil {
			found[parts[1]] = struct{}{}
		}
		folder, rest := "", o.key
		for {
			name, below, deeper := strings.Cut(rest, "/")
			switch {
			case name == "config" && !deeper:
				configured[folder] = struct{}{}
			case name != "" && !slices.Contains(resticNames, name):
				others[folder] = struct{}{}
			}
			if !deeper {
				break
			}
			folder, rest = strings.TrimPrefix(folder+"/"+name, "/"), below
		}
	}
	for folder := range configured {
		if _, mixed := others[folder]; !mixed || depthOf(folder) < depth {
			found[folder] = struct{}{}
		}
	}
	return found
}

// depthOf is how many folders deep a folder is.
func depthOf(folder string) int {
	if folder == "" {
		return 0
	}
	return 1 + strings.Count(folder, "/")
}

// of returns the repository that a key is part of, the deepest one if there are
// several.
func (r repositories) of(key string) (folder string, found bool) {
	if parts := resticFile.FindStringSubmatch(key); parts != nil {
		return parts[1], true
	}
	parts := strings.Split(strings.TrimSuffix(key, "/"), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		folder = strings.Join(parts[:i], "/")
		if _, there := r[folder]; there && slices.Contains(resticNames, parts[i]) {
			return folder, true
		}
	}
	return "", false
}
