package mover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// rootFolder is what a snapshot holds of the folder that was the volume's root.
// `restic restore <snapshot>:<folder>` restores what is in the folder and not
// the folder itself, which on a volume exists already.
type rootFolder struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Mode       fs.FileMode `json:"mode"`
	UID        int         `json:"uid"`
	GID        int         `json:"gid"`
	ModTime    time.Time   `json:"mtime"`
	AccessTime time.Time   `json:"atime"`
	Attributes []struct {
		Name  string `json:"name"`
		Value []byte `json:"value"`
	} `json:"extended_attributes"`
}

// readRoot finds the folder in the snapshot: it is an entry of its parent, which
// `restic cat tree` prints with all that the snapshot knows of it. Nil is the
// top of a snapshot, of which nothing is kept. It is an error if the snapshot
// has no such folder.
func readRoot(ctx context.Context, p Process, program cli.Program, snapshot, folder string) (*rootFolder, error) {
	if folder == "/" {
		return nil, nil //nolint:nilnil // nothing is kept of it
	}
	var tree struct {
		Nodes []rootFolder `json:"nodes"`
	}
	err := program.Run(ctx, cli.Invocation{
		Args:      []string{"cat", "tree", "--no-lock", subfolder(snapshot, path.Dir(folder))},
		Stdout:    func(stdout io.Reader) error { return json.NewDecoder(stdout).Decode(&tree) },
		Stderr:    tell(p),
		Otherwise: backup.DriverFailed,
	})
	if err != nil {
		return nil, fmt.Errorf("reading snapshot %.8s: %w", snapshot, err)
	}
	for _, node := range tree.Nodes {
		if node.Name == path.Base(folder) && node.Type == "dir" {
			return &node, nil
		}
	}
	return nil, backup.Errorf(backup.DriverFailed, "snapshot %.8s holds no folder %s", snapshot, folder)
}

// apply gives the volume's root the owner, attributes, mode and times that it
// had; in this order, since each of them changes one after it or is checked
// against one before it.
func (r *rootFolder) apply(volume string) error {
	if err := os.Chown(volume, r.UID, r.GID); err != nil {
		return err
	}
	for _, attribute := range r.Attributes {
		if attribute.Name == selinuxLabel {
			continue
		}
		if err := unix.Setxattr(volume, attribute.Name, attribute.Value, 0); err != nil {
			return fmt.Errorf("setting %s: %w", attribute.Name, err)
		}
	}
	if err := os.Chmod(volume, r.Mode); err != nil {
		return err
	}
	return os.Chtimes(volume, r.AccessTime, r.ModTime)
}
