package s3

import (
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// lockedFor is how long after it was last refreshed restic heeds a lock.
const lockedFor = 30 * time.Minute

// entry is one thing in a claim's folder.
type entry struct {
	// path is relative to the claim's folder. That of a folder ends with a slash.
	path string
	// modified is when an object was written; zero for a folder.
	modified time.Time
}

// folder is what a claim's folder turned out to be.
type folder struct {
	// path is the folder's in the bucket.
	path string
	// snapshots are a repository's.
	snapshots []entry
	// config is true where a restic repository was initialised.
	config bool
	// repository is true where there is anything of a restic repository.
	repository bool
	// lockedAt is when the newest lock was refreshed.
	lockedAt time.Time
	// foreign is true where there is anything that no restic repository has, and
	// newest when the newest of it was written.
	foreign bool
	newest  time.Time
}

// add takes an entry into account. Of the same entry twice only snapshots count
// twice.
func (f *folder) add(e entry) {
	first, rest, _ := strings.Cut(e.path, "/")
	switch {
	case e.path == "":
		// A marker of the folder itself.
	case e.path == "config":
		f.config, f.repository = true, true
	case first == "snapshots" && rest == "", first == "keys", first == "data", first == "index":
		f.repository = true
	case first == "snapshots":
		f.repository = true
		f.snapshots = append(f.snapshots, e)
	case first == "locks":
		f.repository = true
		f.lockedAt = later(f.lockedAt, e.modified)
	default:
		f.foreign = true
		f.newest = later(f.newest, e.modified)
	}
}

// backups gives the backups that a claim's folder holds and, where that there are
// none would prove nothing, why.
func (f *folder) backups(claim backup.Claim, at string, now time.Time) ([]backup.Backup, error) {
	if len(f.snapshots) > 0 {
		backups := make([]backup.Backup, 0, len(f.snapshots))
		for _, s := range f.snapshots {
			backups = append(backups, found(claim, at, strings.TrimPrefix(s.path, "snapshots/"), s.modified))
		}
		return backups, nil
	}
	switch {
	case f.foreign:
		return []backup.Backup{found(claim, at, folderID, f.newest)}, nil
	case !f.repository:
		return nil, nil
	case !f.config:
		return nil, backup.Errorf(backup.Unavailable,
			"the restic repository %s has no config: it is being made, or was torn; mend or remove it", at)
	case !f.lockedAt.IsZero() && now.Sub(f.lockedAt) < lockedFor:
		return nil, backup.Errorf(backup.Unavailable,
			"the restic repository %s was locked at %s and has no snapshot yet: its first backup may be running", at, f.lockedAt.UTC().Format(time.RFC3339))
	default:
		return nil, nil
	}
}

// folderID stands for the id of the one backup that a folder is.
const folderID = "folder"

// found is a backup of which only the listing is known.
func found(claim backup.Claim, at, id string, modified time.Time) backup.Backup {
	return backup.Backup{
		Claim: claim, Driver: Name, ID: id, TakenAt: modified, Locator: at,
		SizeBytes: -1, Files: -1, DataBytes: -1,
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
