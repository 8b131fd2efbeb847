package mover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
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
	Inode      uint64      `json:"inode"`
	ModTime    time.Time   `json:"mtime"`
	AccessTime time.Time   `json:"atime"`
	Attributes []struct {
		Name  string `json:"name"`
		Value []byte `json:"value"`
	} `json:"extended_attributes"`
}

// snapshotRoot is the folder within a snapshot that was the volume's root.
type snapshotRoot struct {
	// path is "/" for the top of the snapshot's tree.
	path string
	// folder is nil for the top, of which a snapshot keeps nothing.
	folder *rootFolder
}

// The values of --root: which folder a person says was the volume's root, where
// the snapshot does not tell.
const (
	// RootTop is the top of the snapshot's tree, as `restic backup .` leaves it.
	RootTop = "top"
	// RootFolder is the folder that the snapshot's path names.
	RootFolder = "folder"
)

// studied is what is known of a snapshot once it was looked at.
type studied struct {
	root snapshotRoot
	list *listing
}

// close frees the list.
func (s *studied) close() {
	if s != nil {
		s.list.close()
	}
}

// study lists the snapshot and finds out which folder of it was the volume's root.
// The caller closes what it returns.
//
// The snapshot says which path was backed up, and restic makes that path absolute
// whatever was typed; the tree holds what was typed:
//
//	restic backup /data            /data/…    the whole path
//	cd /srv && restic backup data  /data/…    the end of the path (/srv/data)
//	cd /data && restic backup .    /…         the content alone
//
// So the tree is looked at. See [chooseRoot].
func (w restoreWork) study(ctx context.Context, p Process, program cli.Program) (*studied, error) {
	list, err := w.list(ctx, p, program)
	if err != nil {
		return nil, err
	}
	root, err := w.findRoot(ctx, p, program, list)
	if err != nil {
		list.close()
		return nil, err
	}
	return &studied{root, list}, nil
}

func (w restoreWork) findRoot(ctx context.Context, p Process, program cli.Program, list *listing) (snapshotRoot, error) {
	depth, err := chooseRoot(parts(w.folder), list.chain, list.own, w.root)
	if err != nil {
		return snapshotRoot{}, refusal(backup.Unprocessable, "snapshot %.8s of %s cannot be restored: %v", w.snapshot, w.folder, err)
	}
	if depth == 0 {
		return snapshotRoot{path: "/"}, nil
	}
	folder, err := w.readRoot(ctx, p, program, list.chain[:depth])
	if err != nil {
		return snapshotRoot{}, err
	}
	return snapshotRoot{path: joined(list.chain[:depth]), folder: folder}, nil
}

// readRoot reads all that the snapshot holds of the folder at the end of a chain: its
// extended attributes are in no list.
func (w restoreWork) readRoot(ctx context.Context, p Process, program cli.Program, chain []rootFolder) (*rootFolder, error) {
	parent, wanted := joined(chain[:len(chain)-1]), chain[len(chain)-1]
	var only []rootFolder
	err := program.Run(ctx, cli.Invocation{
		Args:      []string{"cat", "tree", "--no-lock", subfolder(w.snapshot, parent)},
		Stdout:    func(stdout io.Reader) (err error) { only, err = readOnlyEntry(stdout); return err },
		Stderr:    tell(p),
		Otherwise: backup.DriverFailed,
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading snapshot %.8s: %w", w.snapshot, err)
	case len(only) != 1 || only[0].Name != wanted.Name || only[0].Type != wanted.Type:
		return nil, backup.Errorf(backup.DriverFailed, "reading snapshot %.8s: %s does not hold what the list of its files says", w.snapshot, parent)
	}
	return &only[0], nil
}

// readOnlyEntry reads the first two entries of what `restic cat tree` prints, to
// tell a folder of one entry from others. The rest is passed over one by one: a
// folder may hold millions.
func readOnlyEntry(from io.Reader) ([]rootFolder, error) {
	decoder := json.NewDecoder(from)
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("the snapshot's tree: %w", err)
		}
		if token == "nodes" {
			break
		}
	}
	if _, err := decoder.Token(); err != nil { // [, or null of an empty folder
		return nil, fmt.Errorf("the snapshot's tree: %w", err)
	}
	var first []rootFolder
	for decoder.More() {
		var node rootFolder
		if err := decoder.Decode(&node); err != nil {
			return nil, fmt.Errorf("the snapshot's tree: %w", err)
		}
		if len(first) < 2 {
			first = append(first, node)
		}
	}
	_, err := io.Copy(io.Discard, from)
	return first, err
}

// rootInode is the inode number of the root folder of an ext2, ext3 or ext4 file
// system, and of no other folder of it.
const rootInode = 2

var (
	errOneFile = errors.New("it is the backup of a single file and not of a volume; " +
		"choose another backup with the annotation soteria.dev/restore-backup")
	errAmbiguous = errors.New("its tree holds one folder of the name that the path ends with, and it cannot be told whether that folder was the volume's root " +
		"or lies in it; settle it with the annotation soteria.dev/restore-root on the claim (folder: restore what is in that folder; top: restore the folder itself), " +
		"or choose another backup with the annotation soteria.dev/restore-backup")
	errNotItsFolder = errors.New("its tree does not hold that folder; choose another backup with the annotation soteria.dev/restore-backup")
)

// chooseRoot decides how deep in a snapshot's tree the volume's root is: 0 is the
// top, and n the folder that the first n links of the chain lead to. path is the
// path that was backed up, in parts; chain is the way down from the top on which
// every folder holds a single entry.
//
// A chain that equals the end of the path may have been backed up by that name, or
// be all that the volume holds. Two or more names in a row are no coincidence. A
// single one is ambiguous, unless Soteria took the backup, the folder is the root
// of a file system, or a person settled it.
func chooseRoot(path []string, chain []rootFolder, own bool, settled string) (depth int, err error) {
	var depths []int // of the chains that equal an end of the path, the longest first
	for n := min(len(path), len(chain)); n > 0; n-- {
		if slices.Equal(names(chain[:n]), path[len(path)-n:]) {
			depths = append(depths, n)
		}
	}
	switch {
	case own && (len(depths) == 0 || depths[0] != len(path)):
		return 0, errNotItsFolder
	case len(depths) == 0:
		return 0, nil
	case chain[depths[0]-1].Type != "dir":
		return 0, errOneFile
	case own, settled == RootFolder:
		return depths[0], nil
	case settled == RootTop:
		return 0, nil
	}
	for _, n := range depths {
		if chain[n-1].Inode == rootInode {
			return n, nil
		}
	}
	if len(depths) == 1 && depths[0] > 1 {
		return depths[0], nil
	}
	return 0, errAmbiguous
}

func names(chain []rootFolder) []string {
	list := make([]string, 0, len(chain))
	for _, folder := range chain {
		list = append(list, folder.Name)
	}
	return list
}

func joined(chain []rootFolder) string { return path.Join("/", path.Join(names(chain)...)) }

// parts takes a clean absolute path apart; "/" has none.
func parts(folder string) []string {
	return strings.FieldsFunc(folder, func(r rune) bool { return r == '/' })
}

// apply gives the volume's root the owner, attributes, mode and times that it
// had; in this order, since each of them changes one after it or is checked
// against one before it. Of the top of a snapshot nothing is known, and the
// volume's root stays as its provisioner made it.
func (r snapshotRoot) apply(volume string) error {
	folder := r.folder
	if folder == nil {
		return nil
	}
	if err := os.Chown(volume, folder.UID, folder.GID); err != nil {
		return err
	}
	for _, attribute := range folder.Attributes {
		if attribute.Name == selinuxLabel {
			continue
		}
		if err := unix.Setxattr(volume, attribute.Name, attribute.Value, 0); err != nil {
			return fmt.Errorf("setting %s: %w", attribute.Name, err)
		}
	}
	if err := os.Chmod(volume, folder.Mode); err != nil {
		return err
	}
	return os.Chtimes(volume, folder.AccessTime, folder.ModTime)
}
