// Package torture makes a tree of files with everything that backups get
// wrong: odd names, owners, modes, links, holes, times and attributes.
//
// Two trees made with the same options, in any folder, at any time, have the
// same listing.
package torture

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultSparseSize is the size of the sparse file.
const DefaultSparseSize = 1 << 30

// Options of a tree.
type Options struct {
	// Seed chooses the contents of the files.
	Seed uint64
	// SparseSize is the size of the sparse file; zero means the default.
	SparseSize int64
}

// maker makes a tree below a folder. The first error stops it: what follows
// does nothing.
type maker struct {
	dir    string
	random *rand.Rand
	err    error
}

// base is the time of the first change of a file; each file is a bit later.
var base = time.Date(2021, time.March, 4, 5, 6, 7, 123456789, time.UTC)

// Make makes the tree. The folder may exist, but nothing that the tree
// consists of may. Owners and capabilities are set only as root.
func Make(dir string, o Options) error {
	if o.SparseSize == 0 {
		o.SparseSize = DefaultSparseSize
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the tree's folder: %w", err)
	}
	m := &maker{dir: dir, random: rand.New(rand.NewPCG(o.Seed, 0))}
	m.contents()
	m.modesAndOwners()
	m.links()
	m.names()
	m.attributes()
	m.holes(o.SparseSize)
	m.special()
	m.times()
	if m.err != nil {
		return fmt.Errorf("make the torture tree: %w", m.err)
	}
	return nil
}

// contents makes files of many sizes.
func (m *maker) contents() {
	for _, size := range []int{0, 1, 511, 512, 4095, 4096, 4097, 1 << 16, 3 << 20} {
		m.file(fmt.Sprintf("contents/%d", size), size)
	}
	for i := range 200 {
		m.file(fmt.Sprintf("contents/many/%03d", i), i)
	}
	m.file("contents/"+strings.Repeat("deep/", 40)+"file", 10)
	m.folder("contents/empty")
	m.folder("contents/nested/empty")
}

func (m *maker) modesAndOwners() {
	for _, mode := range []uint32{0o644, 0o600, 0o400, 0o755, 0o777, 0o000, 0o4755, 0o2755, 0o6711} {
		name := fmt.Sprintf("modes/file-%04o", mode)
		m.file(name, 64)
		m.do(name, func(path string) error { return unix.Chmod(path, mode) })
	}
	for _, mode := range []uint32{0o700, 0o555, 0o000, 0o1777, 0o2775, 0o3770} {
		name := fmt.Sprintf("modes/folder-%04o", mode)
		m.file(name+"/file", 64)
		m.do(name, func(path string) error { return unix.Chmod(path, mode) })
	}
	for _, owner := range [][2]int{{1000, 1000}, {0, 100}, {999, 0}, {65534, 65534}, {100000, 2000000000}} {
		name := fmt.Sprintf("owners/%d-%d", owner[0], owner[1])
		m.file(name+"/file", 64)
		m.link(name+"/link", "file")
		for _, n := range []string{name, name + "/file", name + "/link"} {
			m.own(n, owner[0], owner[1])
		}
	}
}

func (m *maker) links() {
	m.file("links/file", 100)
	m.link("links/relative", "file")
	m.link("links/up", "../links/file")
	m.link("links/dangling", "no such file")
	m.link("links/absolute", "/etc/hostname")
	m.link("links/folder", "../contents/empty")
	m.link("links/itself", "itself")
	m.link("links/out-of-the-tree", "../../../../../../etc/passwd")
	m.link("links/long", strings.Repeat("x/", 1000)+"y")
	m.file("links/hard/a", 5000)
	m.folder("links/hard/sub")
	for _, name := range []string{"links/hard/b", "links/hard/sub/c"} {
		m.do(name, func(path string) error { return os.Link(filepath.Join(m.dir, "links/hard/a"), path) })
	}
	m.link("links/hard/link", "a")
	m.do("links/hard/link-again", func(path string) error { return os.Link(filepath.Join(m.dir, "links/hard/link"), path) })
}

func (m *maker) names() {
	for _, name := range []string{
		"new\nline", "carriage\rreturn", "tab\there", " leading blank", "trailing blank ", "-rf", "--help",
		`"double"`, "'single'", "`back`", `back\slash`, `\`, "*", "?", "[a-z]", "$HOME", "$(id)", "a;b", "a&b", "%s%n",
		"~", "#", "...", ".hidden", ":", "a|b", "<>", "\x01\x02\x7f", "\xff\xfe\x80 is not UTF-8",
		"zażółć gęślą jaźń", "日本語", "🦔", "\u00e9 composed", "e\u0301 decomposed", "right to left \u202e",
		"UPPER", "upper",
		strings.Repeat("n", 255), strings.Repeat("é", 127) + "e",
	} {
		m.file("names/"+name, 32)
	}
	m.file("names/folder with a\nnew line/-and/'more'/file", 32)
}

func (m *maker) holes(size int64) {
	m.file("holes/islands", 0)
	m.do("holes/islands", func(path string) error {
		if err := os.Truncate(path, size); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		island := m.bytes(4096)
		for _, at := range []int64{0, size / 3 &^ 4095, size - 4096} {
			if _, err := f.WriteAt(island, at); err != nil {
				return errors.Join(err, f.Close())
			}
		}
		return f.Close()
	})
	m.file("holes/nothing", 0)
	m.do("holes/nothing", func(path string) error { return os.Truncate(path, size/8) })
	m.file("holes/zeros-written", 0)
	m.do("holes/zeros-written", func(path string) error { return os.WriteFile(path, make([]byte, 1<<16), 0o644) })
}

func (m *maker) special() {
	m.folder("special")
	m.do("special/fifo", func(path string) error { return unix.Mkfifo(path, 0o640) })
}

// times sets the times of changes: of files to one each, of links too, of
// folders last, the deepest first, since making files changes their folders'.
func (m *maker) times() {
	if m.err != nil {
		return
	}
	var paths []string
	m.err = filepath.WalkDir(m.dir, func(path string, _ fs.DirEntry, err error) error {
		if path != m.dir {
			paths = append(paths, path)
		}
		return err
	})
	for i, path := range slices.Backward(paths) {
		m.touch(path, base.Add(time.Duration(i)*(time.Second+time.Nanosecond)))
	}
	for name, when := range map[string]time.Time{
		"contents/1":     time.Date(1970, time.January, 1, 0, 0, 0, 1, time.UTC),
		"contents/511":   time.Date(1999, time.December, 31, 23, 59, 59, 999999999, time.UTC),
		"contents/512":   time.Date(2037, time.December, 31, 0, 0, 0, 500000000, time.UTC),
		"contents/empty": time.Date(2001, time.September, 9, 1, 46, 40, 7, time.UTC),
		"links/dangling": time.Date(2002, time.February, 20, 20, 2, 20, 20022002, time.UTC),
	} {
		m.touch(filepath.Join(m.dir, name), when)
	}
}

func (m *maker) touch(path string, when time.Time) {
	if m.err != nil {
		return
	}
	at := unix.NsecToTimespec(when.UnixNano())
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		m.err = fmt.Errorf("set time of %q: %w", path, err)
	}
}
