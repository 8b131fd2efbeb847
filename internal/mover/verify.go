package mover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// node is a line of `restic ls --json`.
type node struct {
	Struct string `json:"struct_type"`
	Type   string `json:"type"`
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Inode  uint64 `json:"inode"`
}

// verify compares what is on the volume with what the snapshot lists, each file
// and the sums. The list is streamed: it may have millions of files.
func (w restoreWork) verify(ctx context.Context, p Process, program cli.Program, result *report.Result) error {
	check := &comparison{volume: w.target, folder: w.folder, problem: result.Problem, links: map[uint64]*link{}}
	err := program.Run(ctx, cli.Invocation{
		Args: []string{"ls", "--json", "--no-lock", w.snapshot},
		Stdout: func(stdout io.Reader) error {
			return eachLine(stdout, func(line []byte) error {
				var n node
				if err := json.Unmarshal(line, &n); err != nil {
					return fmt.Errorf("the list of the snapshot's files: %w", err)
				}
				if n.Struct != "node" {
					return nil
				}
				return check.node(n)
			})
		},
		Stderr:    tell(p),
		Otherwise: backup.DriverFailed,
	})
	if err != nil {
		return fmt.Errorf("listing snapshot %.8s: %w", w.snapshot, err)
	}
	expected := check.expected()
	restored, err := count(ctx, w.target)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	result.Expected, result.Restored = &expected, &restored
	if result.ProblemCount > 0 || expected != restored {
		result.Partial = true
		return backup.Errorf(backup.Partial, "the volume does not hold what the snapshot lists: %d of %d files, %d of %d bytes; %d files differ",
			restored.Files, expected.Files, restored.Bytes, expected.Bytes, result.ProblemCount)
	}
	return nil
}

// comparison goes through a snapshot's files and looks for each on the volume.
type comparison struct {
	volume  string
	folder  string
	problem func(string)
	counts  report.Counts
	// links are the files that have several names on the volume, by their inode
	// in the snapshot, and those whose names do not tell.
	links map[uint64]*link
}

// link is a file of possibly several names. A volume in use may have changed it
// between the reading of one name and another: the snapshot then lists several
// sizes, of which the file can have one.
type link struct {
	path   string
	listed int64
	onDisk int64
	found  bool
	same   bool
}

// node compares one entry of the snapshot's list.
func (c *comparison) node(n node) error {
	relative, within := c.relative(n.Path)
	if !within || n.Type == "socket" { // a socket is its program's to make
		return nil
	}
	if n.Type != "dir" {
		c.counts.Files++
	}
	var stat unix.Stat_t
	err := unix.Lstat(filepath.Join(c.volume, relative), &stat)
	switch {
	case isMissing(err) && strings.ContainsRune(n.Path, utf8.RuneError):
		// A name that is not UTF-8 comes through JSON altered; it is among the
		// sums all the same.
		c.unnamed(n)
		return nil
	case isMissing(err):
		c.problem(n.Path + ": missing")
		c.count(n)
		return nil
	case err != nil:
		return fmt.Errorf("looking at %s: %w", n.Path, err)
	case !sameType(n.Type, stat.Mode):
		c.problem(fmt.Sprintf("%s: not a %s", n.Path, n.Type))
		return nil
	case n.Type != "file":
		return nil
	case stat.Nlink > 1 && n.Inode != 0:
		c.link(n, stat.Size)
		return nil
	case stat.Size != n.Size:
		c.problem(fmt.Sprintf("%s: %d bytes instead of %d", n.Path, stat.Size, n.Size))
	}
	c.count(n)
	return nil
}

func (c *comparison) count(n node) {
	if n.Type == "file" {
		c.counts.Bytes += n.Size
	}
}

func (c *comparison) unnamed(n node) {
	switch {
	case n.Type != "file":
	case n.Inode == 0:
		c.count(n)
	case c.links[n.Inode] == nil:
		c.links[n.Inode] = &link{path: n.Path, listed: n.Size}
	}
}

func (c *comparison) link(n node, onDisk int64) {
	l := c.links[n.Inode]
	if l == nil {
		l = &link{path: n.Path, listed: n.Size}
		c.links[n.Inode] = l
	}
	l.onDisk, l.found = onDisk, true
	l.same = l.same || n.Size == onDisk || l.listed == onDisk
}

// expected gives the counts, once all nodes were seen.
func (c *comparison) expected() report.Counts {
	counts := c.counts
	for _, l := range c.links {
		switch {
		case !l.found:
			counts.Bytes += l.listed
		case l.same:
			counts.Bytes += l.onDisk
		default:
			counts.Bytes += l.listed
			c.problem(fmt.Sprintf("%s: %d bytes instead of %d", l.path, l.onDisk, l.listed))
		}
	}
	return counts
}

// relative gives an entry's path below the volume's root, and whether it is one
// that a restore brings back.
func (c *comparison) relative(path string) (string, bool) {
	below, found := strings.CutPrefix(path, strings.TrimSuffix(c.folder, "/")+"/")
	if !found || below == "" || below == lostAndFound || strings.HasPrefix(below, lostAndFound+"/") {
		return "", false
	}
	return below, true
}

func sameType(listed string, mode uint32) bool {
	types := map[string]uint32{
		"file": unix.S_IFREG, "dir": unix.S_IFDIR, "symlink": unix.S_IFLNK,
		"dev": unix.S_IFBLK, "chardev": unix.S_IFCHR, "fifo": unix.S_IFIFO,
	}
	wanted, known := types[listed]
	return known && mode&unix.S_IFMT == wanted
}
