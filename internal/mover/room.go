package mover

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/room"
)

// checkRoom refuses a volume that has no room for what the snapshot holds, so that
// no one waits for hours for "no space left on device". Files of several names are
// told apart only where that matters.
func (w restoreWork) checkRoom(snapshot *studied, held found) error {
	var err error
	for _, inodes := range []bool{false, true} {
		need, sizeErr := snapshot.list.size(snapshot.root.path, inodes)
		if sizeErr != nil {
			return fmt.Errorf("adding up the sizes in snapshot %.8s: %w", w.snapshot, sizeErr)
		}
		if err = hasRoom(w.target.volume, held, need); err == nil {
			return nil
		}
	}
	return err
}

// hasRoom refuses a volume that has no room for so many bytes. What an earlier
// attempt left on it counts as room.
func hasRoom(volume string, held found, need int64) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(volume, &stat); err != nil {
		return backup.Errorf(backup.DriverFailed, "asking for the volume's size: %w", err)
	}
	blocks, size := stat.Bavail, stat.Frsize
	if len(held.names) > 0 {
		blocks = stat.Blocks
	}
	if size == 0 {
		size = stat.Bsize
	}
	free := int64(blocks) * size          // #nosec G115 -- no file system is that large
	if stat.Blocks == 0 || need <= free { // some network file systems do not tell
		return nil
	}
	return backup.Errorf(backup.Unprocessable,
		"the volume is too small, and nothing was written to it: the backup holds %s of files and the volume has room for %s; a claim that waits cannot be edited: "+
			"delete it and apply it with a larger size, or choose another backup with the annotation soteria.dev/restore-backup", room.Bytes(need), room.Bytes(free))
}
