package restictest

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

// files are the files of a repository without snapshots, by their path in it. A path
// without content is a folder.
type files map[string][]byte

var (
	templatesMu sync.Mutex
	templates   = map[string]files{}
)

// template returns the files of a repository that a restic made, with a key that is
// cheap to open. It is made once per test process: restic takes seconds to choose
// what a key shall cost.
func template(t testing.TB, restic string) files {
	t.Helper()
	templatesMu.Lock()
	defer templatesMu.Unlock()
	if made, done := templates[restic]; done {
		return made
	}
	r := Repository{Restic: restic, Address: filepath.Join(t.TempDir(), "template"), CacheDir: t.TempDir()}
	r.make(t)
	require.NoError(t, lightkey.Replace(r.Address, Password))
	templates[restic] = readFiles(t, r.Address)
	return templates[restic]
}

func readFiles(t testing.TB, folder string) files {
	t.Helper()
	read := files{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			read[path] = nil
			return err
		}
		read[path], err = os.ReadFile(filepath.Join(folder, path))
		return err
	}))
	return read
}

// copyTo writes the files into a folder, with or without the empty folders among
// them, as a repository of its own, and returns its id.
func (f files) copyTo(t testing.TB, folder string, empty bool) string {
	t.Helper()
	var key []byte
	for path, content := range f {
		if filepath.Dir(path) == "keys" {
			key = content
		}
	}
	id, config, err := lightkey.Reidentify(f["config"], key, Password)
	require.NoError(t, err)
	for path, content := range f {
		path = filepath.Join(folder, path)
		switch {
		case content != nil:
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, content, 0o600))
		case empty:
			require.NoError(t, os.MkdirAll(path, 0o700))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config"), config, 0o600))
	return id
}
