// Package listing writes all there is to know of a tree of files as text, so
// that two trees are equal exactly if their listings are.
//
// Left out is what no backup can keep: inode numbers, access and change times,
// and the sizes of folders.
package listing

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options of a listing.
type Options struct {
	// SkipRoot leaves out the folder itself.
	SkipRoot bool
	// LostFound includes the folder lost+found, which file systems make, at
	// the top.
	LostFound bool
}

// blockSize is the unit of a file's allocated blocks, whatever the file system.
const blockSize = 512

// Write lists the folder, in the order of names. An entry that cannot be read
// is an error, but the rest is listed all the same.
func Write(w io.Writer, dir string, o Options) error {
	l := lister{root: dir, first: map[inode]string{}}
	var errs []error
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name == "." && o.SkipRoot {
			return nil
		}
		if name == "lost+found" && e.IsDir() && !o.LostFound {
			return fs.SkipDir
		}
		line, err := l.describe(path, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("describe %q: %w", path, err))
			return nil
		}
		_, err = fmt.Fprintln(w, line)
		return err
	})
	return errors.Join(append(errs, err)...)
}

// inode is a file's identity.
type inode struct{ device, number uint64 }

type lister struct {
	root string
	// first maps each file with several names to the first that was listed.
	first map[inode]string
}

// describe returns the line of one entry. Names and values are quoted as in
// Go, so that any byte can be in them.
func (l *lister) describe(path, name string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	kind := kindOf(st.Mode)
	parts := []string{
		strconv.Quote(name),
		"type=" + kind,
		fmt.Sprintf("mode=%04o", st.Mode&0o7777),
		fmt.Sprintf("uid=%d", st.Uid),
		fmt.Sprintf("gid=%d", st.Gid),
		"mtime=" + time.Unix(st.Mtim.Unix()).UTC().Format("2006-01-02T15:04:05.000000000Z"),
	}
	if kind != "folder" {
		parts = append(parts, l.links(name, st)...)
	}
	switch kind {
	case "link":
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		parts = append(parts, "target="+strconv.Quote(target))
	case "file":
		sum, err := hashFile(path)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("size=%d", st.Size), "sparse="+sparse(st), "sha256="+sum)
	case "device":
		parts = append(parts, fmt.Sprintf("device=%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)))
	}
	attributes, err := xattrs(path)
	if err != nil {
		return "", err
	}
	return strings.Join(append(parts, attributes...), " "), nil
}

// links tells how many names the file has, and the first of them in the
// listing, which is the same for all names of one file.
func (l *lister) links(name string, st unix.Stat_t) []string {
	parts := []string{fmt.Sprintf("nlink=%d", st.Nlink)}
	if st.Nlink < 2 {
		return parts
	}
	id := inode{device: st.Dev, number: st.Ino}
	if _, seen := l.first[id]; !seen {
		l.first[id] = name
	}
	return append(parts, "same-as="+strconv.Quote(l.first[id]))
}

func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "file"
	case unix.S_IFDIR:
		return "folder"
	case unix.S_IFLNK:
		return "link"
	case unix.S_IFIFO:
		return "fifo"
	case unix.S_IFSOCK:
		return "socket"
	default:
		return "device"
	}
}

// sparse says whether fewer blocks are allocated than the size needs.
func sparse(st unix.Stat_t) string {
	if st.Blocks*blockSize < st.Size {
		return "yes"
	}
	return "no"
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
