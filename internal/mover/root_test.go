package mover_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// files writes files of these names and gives what a volume with them holds.
func files(t *testing.T, root string, list ...string) []string {
	t.Helper()
	for _, name := range list {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("of "+name), 0o644))
	}
	return list
}

// regular lists the regular files of a volume.
func regular(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.Type().IsRegular() {
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			list = append(list, name)
		}
		return nil
	}))
	return list
}

// typed backs up what somebody typed in a folder, and gives the snapshot and the
// path that it is of.
func (v volume) typed(t *testing.T, folder string, args ...string) (snapshot, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), v.repository.Restic, append([]string{"backup", "--json"}, args...)...)
	cmd.Dir = folder
	cmd.Stdin = strings.NewReader("what was piped in")
	cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+v.repository.Address, "RESTIC_PASSWORD="+restictest.Password, "RESTIC_CACHE_DIR="+v.repository.CacheDir)
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var summary struct {
		SnapshotID string `json:"snapshot_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &summary))
	var listed []struct{ Paths []string }
	require.NoError(t, json.Unmarshal(v.repository.Run(t, "snapshots", "--json", summary.SnapshotID), &listed))
	return summary.SnapshotID, listed[0].Paths[0]
}

func TestASnapshotIsRestoredWholeWhateverWasTyped(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		// holds are the files below the folder "srv/data", which is the volume.
		holds []string
		from  string // the folder that restic ran in, below the test's
		typed string
	}{
		"the whole path":                   {holds: []string{"a", "sub/b"}, from: ".", typed: "ABSOLUTE"},
		"a dot":                            {holds: []string{"a", "sub/b"}, from: "srv/data", typed: "."},
		"a dot, of a volume with one file": {holds: []string{"a"}, from: "srv/data", typed: "."},
		"a dot, with an inner folder of that name":     {holds: []string{"a", "data/b", "srv/data/c"}, from: "srv/data", typed: "."},
		"a dot, with one inner folder of another name": {holds: []string{"other/b"}, from: "srv/data", typed: "."},
		"dots that lead back":                          {holds: []string{"a", "sub/b"}, from: "srv/data/sub", typed: ".."},
		"the end of the path":                          {holds: []string{"a", "data/b"}, from: ".", typed: "srv/data"},
		"a path that leads out and in":                 {holds: []string{"a"}, from: "srv", typed: "../srv/data"},
		"the whole path, with an inner folder alone":   {holds: []string{"data/b"}, from: ".", typed: "ABSOLUTE"},
	}
	for version, restic := range restictest.Versions {
		for name, c := range cases {
			t.Run(name+", with "+version, func(t *testing.T) {
				v := newVolume(t, restic(t))
				v.repository.Init(t)
				top := t.TempDir()
				v.data = filepath.Join(top, "srv", "data")
				files(t, v.data, c.holds...)
				typed := strings.Replace(c.typed, "ABSOLUTE", v.data, 1)
				snapshot, path := v.typed(t, filepath.Join(top, c.from), typed)
				v.data = path

				status, restored, output := v.restore(t, snapshot)
				require.Zero(t, status, output)
				assert.ElementsMatch(t, c.holds, regular(t, v.target))
				assert.Equal(t, int64(len(c.holds)), restored.Restored.Files)
				assert.Equal(t, restored.Expected, restored.Restored)
			})
		}
	}
}

func TestASnapshotOfWhichTheRootCannotBeToldIsNotRestored(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		holds []string
		from  string
		typed []string
		says  string
	}{
		"a dot, of a volume that holds one folder of its own name": {
			holds: []string{"data/a", "data/b"}, from: "srv/data", typed: []string{"."}, says: "soteria.dev/restore-root",
		},
		"the last part of the path alone": {
			holds: []string{"a"}, from: "srv", typed: []string{"data"}, says: "soteria.dev/restore-root",
		},
		"one file":        {holds: []string{"a"}, from: "srv/data", typed: []string{"a"}, says: "a single file"},
		"what was piped":  {holds: []string{"a"}, from: ".", typed: []string{"--stdin"}, says: "a single file"},
		"a piped-in dump": {holds: []string{"a"}, from: ".", typed: []string{"--stdin", "--stdin-filename", "/dumps/db.sql"}, says: "a single file"},
	}
	for version, restic := range restictest.Versions {
		for name, c := range cases {
			t.Run(name+", with "+version, func(t *testing.T) {
				v := newVolume(t, restic(t))
				v.repository.Init(t)
				top := t.TempDir()
				files(t, filepath.Join(top, "srv", "data"), c.holds...)
				snapshot, path := v.typed(t, filepath.Join(top, c.from), c.typed...)
				v.data = path

				status, result, _ := v.restore(t, snapshot)
				assert.Equal(t, 1, status)
				assert.Equal(t, "unprocessable", result.Kind)
				assert.Contains(t, result.Error, c.says)
				assert.Contains(t, result.Error, "soteria.dev/restore-backup", "it says what to do")
				assert.Empty(t, regular(t, v.target))
			})
		}
	}
}

func TestAPersonSettlesWhichFolderWasTheRoot(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	top := t.TempDir()
	files(t, filepath.Join(top, "data"), "a", "sub/b")
	snapshot, path := v.typed(t, top, "data")
	v.data = path
	for root, holds := range map[string][]string{"folder": {"a", "sub/b"}, "top": {"data/a", "data/sub/b"}} {
		t.Run(root, func(t *testing.T) {
			v.target = t.TempDir()
			status, _, output := v.restoreWith(t, snapshot, "--root", root)
			require.Zero(t, status, output)
			assert.ElementsMatch(t, holds, regular(t, v.target))
		})
	}
}

func TestASnapshotThatSoteriaTookIsOfTheWholePath(t *testing.T) {
	t.Parallel()
	// A folder at the root of the file system, as a Job's /data is.
	data, err := os.MkdirTemp("/", "soteria-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(data)) })
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	v.data = data
	holds := files(t, data, filepath.Base(data)+"/inner")
	_, made, _ := v.backup(t)
	status, _, output := v.restore(t, made.Snapshot)
	require.Zero(t, status, output)
	assert.Equal(t, holds, regular(t, v.target))

	// Of the same folder, as somebody else's, it is in doubt.
	v.target = t.TempDir()
	status, result, _ := v.restore(t, v.repository.Snapshot(t, data, "--host", "elsewhere"))
	assert.Equal(t, 1, status)
	assert.Contains(t, result.Error, "soteria.dev/restore-root")
}

func TestASnapshotIsNotRestoredAsOneOfAnotherPath(t *testing.T) {
	v, snapshot := seeded(t, restictest.Restic(t))
	v.data = filepath.Dir(v.data)
	status, result, _ := v.restore(t, snapshot)
	assert.Equal(t, 1, status)
	assert.Contains(t, result.Error, "holds no folder "+v.data)
}
