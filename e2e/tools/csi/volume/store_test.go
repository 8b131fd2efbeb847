package volume_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

const handle = "vol-a"

var spec = volume.Spec{CapacityBytes: 1 << 20, LostAndFound: true}

// fixture is a store in a folder that has something beside it to lose.
type fixture struct {
	*volume.Store
	dir     string
	outside string
	users   []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	base := t.TempDir()
	f := &fixture{dir: filepath.Join(base, "data"), outside: filepath.Join(base, "outside", "precious")}
	write(t, f.outside)
	f.Store = f.open(t)
	return f
}

func (f *fixture) open(t *testing.T) *volume.Store {
	t.Helper()
	store, err := volume.Open(f.dir, func(string) ([]string, error) { return f.users, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func (f *fixture) create(t *testing.T) {
	t.Helper()
	if err := f.Create(handle, spec); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) path(names ...string) string {
	return filepath.Join(append([]string{f.dir}, names...)...)
}

// names lists the data directory.
func (f *fixture) names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// write makes a file and the folders that lead to it.
func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func assertExists(t *testing.T, path string, want bool) {
	t.Helper()
	_, err := os.Lstat(path)
	if exists := err == nil; exists != want {
		t.Errorf("%s exists: %t, want %t (%v)", path, exists, want, err)
	}
}

func TestCreateMakesWhatAFreshFilesystemHolds(t *testing.T) {
	f := newFixture(t)
	f.create(t)

	for path, mode := range map[string]fs.FileMode{
		f.path(handle):               fs.ModeDir | 0o755,
		f.path(handle, "lost+found"): fs.ModeDir | 0o700,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
	}
}

func TestCreateWithoutLostAndFoundMakesAnEmptyFolder(t *testing.T) {
	f := newFixture(t)
	if err := f.Create(handle, volume.Spec{}); err != nil {
		t.Fatal(err)
	}
	assertExists(t, f.path(handle, "lost+found"), false)
}

func TestCreateOntoAFolderThatHoldsSomething(t *testing.T) {
	f := newFixture(t)
	if err := f.Create(handle, volume.Spec{Holds: "photos"}); err != nil {
		t.Fatal(err)
	}
	assertExists(t, f.path(handle, "photos"), true)
	for _, outside := range []string{"../photos", "a/b", "..", "/"} {
		if err := f.Create("vol-b", volume.Spec{Holds: outside}); !errors.Is(err, volume.ErrInvalid) {
			t.Errorf("a volume that holds %q: %v", outside, err)
		}
	}
}

func TestCreateAgainKeepsTheData(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	write(t, f.path(handle, "file"))

	f.create(t)
	assertExists(t, f.path(handle, "file"), true)
}

func TestCreateAgainWithAnotherSpecIsAConflict(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	if err := f.Create(handle, volume.Spec{CapacityBytes: 1}); !errors.Is(err, volume.ErrConflict) {
		t.Errorf("Create = %v, want ErrConflict", err)
	}
}

func TestDeleteRemovesEverythingAndMayBeRepeated(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	write(t, f.path(handle, "sub", "file"))

	for range 2 {
		if err := f.Delete(handle); err != nil {
			t.Fatal(err)
		}
		if names := f.names(t); len(names) > 0 {
			t.Errorf("the data directory holds %q, want nothing", names)
		}
	}
}

func TestDeleteRefusesAVolumeInUse(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	f.users = []string{"/some/mount/point"}

	if err := f.Delete(handle); !errors.Is(err, volume.ErrInUse) {
		t.Errorf("Delete = %v, want ErrInUse", err)
	}
	assertExists(t, f.path(handle, "lost+found"), true)

	f.users = nil
	if err := f.Delete(handle); err != nil {
		t.Errorf("Delete of a volume no longer in use = %v", err)
	}
}

func TestDeleteNeverLeavesTheDataDirectory(t *testing.T) {
	for name, arrange := range map[string]func(t *testing.T, f *fixture) (handle string){
		"a handle that leads outside": func(*testing.T, *fixture) string {
			return "../outside"
		},
		"a link in place of a volume": func(t *testing.T, f *fixture) string {
			link(t, filepath.Dir(f.outside), f.path("vol-link"))
			return "vol-link"
		},
		"a link inside a volume": func(t *testing.T, f *fixture) string {
			f.create(t)
			link(t, filepath.Dir(f.outside), f.path(handle, "link"))
			return handle
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			err := f.Delete(arrange(t, f))
			t.Logf("Delete = %v", err)
			assertExists(t, f.outside, true)
		})
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestUseGivesTheFolderOfAnExistingVolume(t *testing.T) {
	f := newFixture(t)
	unexpected := func(dir string) error {
		t.Errorf("called with %s", dir)
		return nil
	}
	if err := f.Use(handle, unexpected); !errors.Is(err, volume.ErrNotFound) {
		t.Errorf("Use of no volume = %v, want ErrNotFound", err)
	}
	if err := f.Use("../outside", unexpected); !errors.Is(err, volume.ErrInvalid) {
		t.Errorf("Use of a way up = %v, want ErrInvalid", err)
	}

	f.create(t)
	failure := errors.New("failure of the caller")
	err := f.Use(handle, func(dir string) error {
		assertExists(t, filepath.Join(dir, "lost+found"), true)
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("Use = %v, want what the caller returned", err)
	}
}

func TestCleanRemovesWhatACrashLeft(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	write(t, f.path(".vol-b.partial", "lost+found", "file"))
	write(t, f.path(".vol-b.json"))
	write(t, f.path(".vol-c.deleted", "file"))
	write(t, f.path(".unknown", "file"))
	write(t, f.path("vol-partial.partial", "file"))

	removed, err := f.Clean()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{".vol-b.json", ".vol-b.partial", ".vol-c.deleted"}; !slices.Equal(removed, want) {
		t.Errorf("Clean removed %q, want %q", removed, want)
	}
	want := []string{".unknown", "." + handle + ".json", handle, "vol-partial.partial"}
	if names := f.names(t); !slices.Equal(names, want) {
		t.Errorf("the data directory holds %q, want %q", names, want)
	}
}

func TestVolumesOutliveTheProcess(t *testing.T) {
	f := newFixture(t)
	f.create(t)

	f.Store = f.open(t)
	f.create(t)
	if err := f.Create(handle, volume.Spec{}); !errors.Is(err, volume.ErrConflict) {
		t.Errorf("Create = %v, want ErrConflict", err)
	}
}
