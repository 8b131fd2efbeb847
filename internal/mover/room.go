package mover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/room"
)

// checkRoom refuses a volume that has no room for what the snapshot holds, so that
// no one waits for hours for "no space left on device". restic adds the sizes up,
// which reads folders alone.
func (w restoreWork) checkRoom(ctx context.Context, p Process, program cli.Program, held found) error {
	if !w.room {
		return nil
	}
	var stats struct {
		TotalSize int64 `json:"total_size"`
	}
	err := program.Run(ctx, cli.Invocation{
		Args:      []string{"stats", "--json", "--no-lock", "--mode", "restore-size", w.snapshot},
		Stdout:    func(stdout io.Reader) error { return json.NewDecoder(stdout).Decode(&stats) },
		Stderr:    tell(p),
		Otherwise: backup.DriverFailed,
	})
	if err != nil {
		return fmt.Errorf("adding up the sizes in snapshot %.8s: %w", w.snapshot, err)
	}
	return hasRoom(w.target.volume, held, stats.TotalSize)
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
