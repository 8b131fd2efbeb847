package mover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// node is an entry that `restic ls --json` lists.
type node struct {
	Struct  string      `json:"struct_type"`
	Message string      `json:"message_type"`
	Name    string      `json:"name"`
	Type    string      `json:"type"`
	Path    string      `json:"path"`
	Size    int64       `json:"size"`
	Inode   uint64      `json:"inode"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	Mode    fs.FileMode `json:"mode"`
	ModTime time.Time   `json:"mtime"`
}

// is reports whether the line is of a kind, snapshot or node. restic says so twice, and
// means to leave struct_type out one day.
func (n node) is(kind string) bool { return n.Struct == kind || n.Message == kind }

// isIn reports whether the entry is right in a folder.
func (n node) isIn(folder string) bool { return path.Dir(n.Path) == folder }

func (n node) attributes() attributes {
	return attributes{uid: n.UID, gid: n.GID, mode: n.Mode, modified: n.ModTime}
}

// compare compares what is on the volume with what the snapshot lists: each
// entry's type, size, owner, mode and time, and the sums.
func (w restoreWork) compare(ctx context.Context, snapshot *studied, result *report.Result) error {
	counted := beside(func() (report.Counts, error) { return count(ctx, w.target.volume, w.target.markName()) })
	check := &comparison{volume: w.target.volume, folder: snapshot.root.path, problem: result.Problem, links: map[uint64]*link{}}
	err := snapshot.list.each(func(n node) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return check.node(n)
	})
	restored, countErr := counted()
	if err := errors.Join(err, countErr); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	expected := check.expected()
	result.Expected, result.Restored = &expected, &restored
	return compared(expected, restored, result)
}

// compared is the error of a comparison that found a difference.
func compared(expected, restored report.Counts, result *report.Result) error {
	if result.ProblemCount == 0 && expected == restored {
		return nil
	}
	result.Partial = true
	return backup.Errorf(backup.Partial, "the volume does not hold what the backup holds: %d of %d files, %d of %d bytes; %d files differ",
		restored.Files, expected.Files, restored.Bytes, expected.Bytes, result.ProblemCount)
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
	// differs is how the file differs from what every name lists of it; "" if it is
	// as one of them does.
	differs string
}

// node compares one entry of the snapshot's list.
func (c *comparison) node(n node) error {
	relative, within := below(c.folder, n.Path)
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
	case n.Type == "file" && stat.Nlink > 1 && n.Inode != 0:
		c.link(n, stat)
		return nil
	case n.Type == "file" && stat.Size != n.Size:
		c.problem(fmt.Sprintf("%s: %d bytes instead of %d", n.Path, stat.Size, n.Size))
	default:
		if differs := n.attributes().differ(stat); differs != "" {
			c.problem(n.Path + ": " + differs)
		}
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

func (c *comparison) link(n node, stat unix.Stat_t) {
	l := c.links[n.Inode]
	if l == nil {
		l = &link{path: n.Path, listed: n.Size}
		c.links[n.Inode] = l
	}
	differs := n.attributes().differ(stat)
	if !l.found || differs == "" {
		l.differs = differs
	}
	l.onDisk, l.found = stat.Size, true
	l.same = l.same || n.Size == stat.Size || l.listed == stat.Size
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
			if l.differs != "" {
				c.problem(l.path + ": " + l.differs)
			}
		default:
			counts.Bytes += l.listed
			c.problem(fmt.Sprintf("%s: %d bytes instead of %d", l.path, l.onDisk, l.listed))
		}
	}
	return counts
}

// below returns an entry's path below the volume's root, which was that folder of the
// snapshot, and whether the entry is one that a restore brings back.
func below(folder, entry string) (string, bool) {
	inner, found := strings.CutPrefix(entry, strings.TrimSuffix(folder, "/")+"/")
	if !found || inner == "" || inner == lostAndFound || strings.HasPrefix(inner, lostAndFound+"/") {
		return "", false
	}
	return inner, true
}

func sameType(listed string, mode uint32) bool {
	types := map[string]uint32{
		"file": unix.S_IFREG, "dir": unix.S_IFDIR, "symlink": unix.S_IFLNK,
		"dev": unix.S_IFBLK, "chardev": unix.S_IFCHR, "fifo": unix.S_IFIFO,
	}
	wanted, known := types[listed]
	return known && mode&unix.S_IFMT == wanted
}
