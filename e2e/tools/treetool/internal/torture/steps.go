package torture

import (
	"fmt"
	"os"
	"path/filepath"
)

// do calls step with the full path of a name in the tree.
func (m *maker) do(name string, step func(path string) error) {
	if m.err != nil {
		return
	}
	if err := step(filepath.Join(m.dir, name)); err != nil {
		m.err = fmt.Errorf("%q: %w", name, err)
	}
}

// folder makes a folder and those above it.
func (m *maker) folder(name string) {
	m.do(name, func(path string) error { return os.MkdirAll(path, 0o755) })
}

// file makes a file with contents of its own.
func (m *maker) file(name string, size int) {
	m.folder(filepath.Dir(name))
	m.do(name, func(path string) error { return os.WriteFile(path, m.bytes(size), 0o644) })
}

// link makes a symbolic link.
func (m *maker) link(name, target string) {
	m.folder(filepath.Dir(name))
	m.do(name, func(path string) error { return os.Symlink(target, path) })
}

// own gives a file, not what it links to, to an owner, if root does it.
func (m *maker) own(name string, uid, gid int) {
	if os.Geteuid() != 0 {
		return
	}
	m.do(name, func(path string) error { return os.Lchown(path, uid, gid) })
}

// bytes returns the next bytes of the tree's contents.
func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.random.Uint32())
	}
	return b
}
