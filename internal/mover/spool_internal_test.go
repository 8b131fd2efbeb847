package mover

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	must "github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASpoolReturnsItsLinesAsOftenAsTheyAreRead(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z"{}]{1,40}`)).Draw(t, "lines")
		s := spool{folder: folder}
		defer s.close()
		for _, line := range lines {
			must.NoError(t, s.add([]byte(line)))
		}
		must.NoError(t, s.end())
		for range 2 {
			var read []string
			must.NoError(t, s.each(func(line []byte) error { read = append(read, string(line)); return nil }))
			assert.True(t, slices.Equal(lines, read), "%q", read)
		}
	})
}

func TestASpoolThatIsLargeIsAFileWithoutAName(t *testing.T) {
	folder := t.TempDir()
	s := spool{folder: folder}
	defer s.close()
	// Noise, which cannot be compressed below three quarters.
	state, line := uint64(1), make([]byte, 1<<10)
	const lines = 3 * mostInMemory >> 10
	for range lines {
		for i := range line {
			state = state*6364136223846793005 + 1442695040888963407
			line[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[state>>58]
		}
		must.NoError(t, s.add(line))
	}
	must.NoError(t, s.end())
	must.NotNil(t, s.file)
	assert.LessOrEqual(t, s.memory.Len(), mostInMemory)
	left, err := os.ReadDir(folder)
	must.NoError(t, err)
	assert.Empty(t, left)
	for range 2 {
		read := 0
		must.NoError(t, s.each(func(each []byte) error {
			read++
			assert.Len(t, each, len(line))
			return nil
		}))
		assert.Equal(t, lines, read)
	}
}

func TestASpoolSaysThatItCannotBeKept(t *testing.T) {
	s := spool{folder: path.Join(t.TempDir(), "absent")}
	s.memory.Grow(mostInMemory)
	s.memory.Write(make([]byte, mostInMemory))
	_, err := spoolWriter{&s}.Write([]byte("more"))
	must.ErrorContains(t, err, "keeping the list: ")
}

// tree is a folder of a snapshot; an entry that is nil is a file.
type tree map[string]tree

// list lists a tree as restic does: by name, a folder before what it holds.
func (f tree) list(folder string, see func(node)) {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		n := node{Name: name, Path: path.Join(folder, name), Type: "file"}
		if f[name] != nil {
			n.Type = "dir"
		}
		see(n)
		f[name].list(n.Path, see)
	}
}

// chain follows the tree down, folder by folder.
func (f tree) chain(wanted []string) []string {
	var chain []string
	for len(chain) < len(wanted) && len(f) == 1 {
		for name, inner := range f {
			if !slices.Contains(wanted, name) {
				return chain
			}
			chain, f = append(chain, name), inner
		}
	}
	return chain
}

func TestTheWayDownIsFoundFromTheListAsFolderByFolder(t *testing.T) {
	var folders func(depth int) *rapid.Generator[tree]
	folders = func(depth int) *rapid.Generator[tree] {
		return rapid.Custom(func(t *rapid.T) tree {
			f := tree{}
			for range rapid.SampledFrom([]int{1, 1, 1, 0, 2}).Draw(t, "entries") {
				name := rapid.SampledFrom([]string{"srv", "data", "other"}).Draw(t, "name")
				f[name] = nil
				if depth > 0 && rapid.IntRange(0, 4).Draw(t, "is a folder") > 0 {
					f[name] = folders(depth-1).Draw(t, name)
				}
			}
			return f
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		top := folders(4).Draw(t, "top")
		wanted := rapid.SliceOfN(rapid.SampledFrom([]string{"srv", "data"}), 0, 3).Draw(t, "path")
		way := newDescent("/" + strings.Join(wanted, "/"))
		top.list("/", way.see)
		assert.Equal(t, append([]string{}, top.chain(wanted)...), names(way.chain()))
	})
}

func TestAFileOfSeveralNamesTakesRoomOnce(t *testing.T) {
	l := listing{nodes: spool{folder: t.TempDir()}}
	defer l.close()
	for _, line := range []string{
		`{"type":"dir","path":"/data"}`,
		`{"type":"file","path":"/data/a","size":5,"inode":7,"mtime":"2026-01-02T03:04:05Z"}`,
		`{"type":"file","path":"/data/b","size":5,"inode":7,"mtime":"2026-01-02T03:04:05Z"}`,
		`{"type":"file","path":"/data/another that had its inode later","size":3,"inode":7,"mtime":"2026-01-02T03:04:06Z"}`,
		`{"type":"file","path":"/data/without an inode","size":100}`,
		`{"type":"file","path":"/data/likewise","size":100}`,
		`{"type":"file","path":"/data/lost+found/x","size":1000}`,
		`{"type":"file","path":"/elsewhere","size":1000}`,
		`{"type":"symlink","path":"/data/link","size":1000}`,
	} {
		must.NoError(t, l.nodes.add([]byte(line)))
	}
	must.NoError(t, l.nodes.end())
	told, err := l.size("/data", true)
	must.NoError(t, err)
	assert.Equal(t, int64(208), told)
	most, err := l.size("/data", false)
	must.NoError(t, err)
	assert.Equal(t, int64(213), most)
}

func TestASnapshotIsStudiedBesideARestoreOnlyWhereBothHaveMemory(t *testing.T) {
	for name, c := range map[string]struct {
		room, bytes int64
		enough      bool
	}{
		"nothing bounds them":       {room: 0, bytes: 0, enough: true},
		"what movers have":          {room: 1800 << 20, bytes: 600 << 20, enough: true},
		"just enough":               {room: 576 << 20, bytes: 192 << 20, enough: true},
		"less than restic needs":    {room: 575 << 20, bytes: (575 << 20) / 3},
		"what is left of a quarter": {room: 128 << 20, bytes: (128 << 20) / 3},
	} {
		t.Run(name, func(t *testing.T) {
			bytes, enough := memoryBeside(c.room)
			assert.Equal(t, c.bytes, bytes)
			assert.Equal(t, c.enough, enough)
		})
	}
}
