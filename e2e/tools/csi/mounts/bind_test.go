package mounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
)

// folders returns a source that holds a file and a target that is not there yet. What a test mounts at the target is
// taken away when it ends.
func folders(t *testing.T) (source, target string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	base := t.TempDir()
	source, target = filepath.Join(base, "source"), filepath.Join(base, "target")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "file"), []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mounts.Release(target); err != nil {
			t.Error(err)
		}
	})
	return source, target
}

func bind(t *testing.T, source, target string, options ...string) {
	t.Helper()
	if err := mounts.Bind(source, target, options); err != nil {
		t.Fatal(err)
	}
}

func TestBindShowsTheSourceUntilRelease(t *testing.T) {
	source, target := folders(t)
	bind(t, source, target)

	if err := os.WriteFile(filepath.Join(target, "written"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(source, "written")); err != nil {
		t.Errorf("what was written at the target is not in the source: %v", err)
	}
	users, err := mounts.Users(source)
	if err != nil {
		t.Fatal(err)
	}
	if len(users) != 1 || users[0] != target {
		t.Errorf("Users = %q, want the target", users)
	}

	for range 2 {
		if err := mounts.Release(target); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the target is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(source, "file")); err != nil {
		t.Errorf("the source lost its file: %v", err)
	}
}

func TestBindReadOnlyRefusesWrites(t *testing.T) {
	source, target := folders(t)
	bind(t, source, target, "ro", "noexec", "noatime")

	if err := os.WriteFile(filepath.Join(target, "written"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Errorf("a write failed with %v, want EROFS", err)
	}
	if err := os.WriteFile(filepath.Join(source, "written"), nil, 0o600); err != nil {
		t.Errorf("the source became read-only too: %v", err)
	}
}

func TestBindAgainChangesNothing(t *testing.T) {
	for name, options := range map[string][]string{"writable": nil, "read-only": {"ro"}} {
		t.Run(name, func(t *testing.T) {
			source, target := folders(t)
			for range 2 {
				bind(t, source, target, options...)
			}
			users, err := mounts.Users(source)
			if err != nil {
				t.Fatal(err)
			}
			if len(users) != 1 {
				t.Errorf("mounted at %q, want one mount", users)
			}
		})
	}
}

func TestBindRefusesATargetThatShowsSomethingElse(t *testing.T) {
	source, target := folders(t)
	bind(t, source, target)

	if err := mounts.Bind(t.TempDir(), target, nil); !errors.Is(err, mounts.ErrOccupied) {
		t.Errorf("Bind of another source = %v, want ErrOccupied", err)
	}
	if err := mounts.Bind(source, target, []string{"ro"}); !errors.Is(err, mounts.ErrOccupied) {
		t.Errorf("Bind with another mode = %v, want ErrOccupied", err)
	}
}

func TestBindKnowsMountsMadeThroughALink(t *testing.T) {
	source, target := folders(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(target), link); err != nil {
		t.Fatal(err)
	}
	throughLink := filepath.Join(link, filepath.Base(target))
	for range 2 {
		bind(t, source, throughLink)
	}
	if err := mounts.Release(throughLink); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseKeepsDataThatIsNotAMount(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mounts.Release(dir); err == nil {
		t.Error("Release of a folder that holds data reported no error")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestReleaseTakesAwayStackedMounts(t *testing.T) {
	source, target := folders(t)
	bind(t, source, target)
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	if err := mounts.Release(target); err != nil {
		t.Fatal(err)
	}
	users, err := mounts.Users(source)
	if err != nil {
		t.Fatal(err)
	}
	if len(users) > 0 {
		t.Errorf("still mounted at %q", users)
	}
}

func TestUnknownMountOptionsAreNamed(t *testing.T) {
	if err := mounts.CheckOptions([]string{"ro", "data=journal"}); err == nil {
		t.Error("CheckOptions accepted an option of a filesystem")
	}
}

func TestBindShowsADeviceFileAtAFile(t *testing.T) {
	_, target := folders(t)
	bind(t, "/dev/zero", target)
	bind(t, "/dev/zero", target)
	if info, err := os.Stat(target); err != nil || info.Mode().Type() != os.ModeDevice|os.ModeCharDevice {
		t.Errorf("the target is %v, error %v", info, err)
	}
	if err := mounts.Bind("/dev/null", target, nil); !errors.Is(err, mounts.ErrOccupied) {
		t.Errorf("another device at the same target: %v", err)
	}
	if err := mounts.Release(target); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("the target is still there: %v", err)
	}
}

func TestUnmountLeavesTheMountPoint(t *testing.T) {
	source, target := folders(t)
	bind(t, source, target)
	for range 2 {
		if err := mounts.Unmount(target); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(target); err != nil || len(entries) != 0 {
		t.Errorf("the mount point holds %v, error %v", entries, err)
	}
	if err := mounts.Unmount(filepath.Join(target, "missing")); err != nil {
		t.Errorf("unmounting what is not there: %v", err)
	}
}

func TestReleaseKeepsWhatIsNotEmpty(t *testing.T) {
	source, _ := folders(t)
	file := filepath.Join(source, "file")
	if err := mounts.Release(file); err == nil {
		t.Error("a file that holds data was released")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
