package device_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/device"
	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
)

const mebibyte = 1 << 20

// open opens a folder that has one volume, and frees its devices when the test ends.
func open(t *testing.T) (dir string, folder device.Folder) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if folder, err = device.Open(dir); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "pvc-1", mebibyte)
	t.Cleanup(func() {
		if err := folder.Detach("pvc-1"); err != nil {
			t.Error(err)
		}
	})
	return dir, folder
}

func write(t *testing.T, dir, volume string, size int64) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, volume+".img"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func attach(t *testing.T, folder device.Folder, volume string) string {
	t.Helper()
	path, err := folder.Attach(volume)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size, err := file.Seek(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func TestADeviceFollowsItsVolume(t *testing.T) {
	dir, folder := open(t)
	path := attach(t, folder, "pvc-1")
	write(t, dir, "pvc-1", 2*mebibyte)
	if err := folder.Refresh("pvc-1"); err != nil {
		t.Fatal(err)
	}
	if got := sizeOf(t, path); got != 2*mebibyte {
		t.Errorf("the device has %d bytes", got)
	}
	if again := attach(t, folder, "pvc-1"); again != path {
		t.Errorf("attached at %s and at %s", path, again)
	}
}

func TestAVolumeWithoutADeviceIsRefreshedAndDetached(t *testing.T) {
	_, folder := open(t)
	if err := errors.Join(folder.Refresh("pvc-1"), folder.Detach("pvc-1"), folder.Refresh("gone"), folder.Detach("gone")); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoVolumeHasNoDevice(t *testing.T) {
	_, folder := open(t)
	for _, name := range []string{"", "gone", ".pvc-1", "../pvc-1", "a/b", "/dev/loop0"} {
		if path, err := folder.Attach(name); !errors.Is(err, device.ErrNoImage) {
			t.Errorf("volume %q is at %q, error %v", name, path, err)
		}
	}
}

func TestOpeningFreesDevicesOfRemovedImages(t *testing.T) {
	dir, folder := open(t)
	write(t, dir, "removed", mebibyte)
	kept := attach(t, folder, "pvc-1")
	attach(t, folder, "removed")
	if err := os.Remove(filepath.Join(dir, "removed.img")); err != nil {
		t.Fatal(err)
	}
	if _, err := device.Open(dir); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		images, err := loopdev.Below(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(images) == 1 && images[0].Device.Path() == kept {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("devices show %v", images)
		}
	}
}
