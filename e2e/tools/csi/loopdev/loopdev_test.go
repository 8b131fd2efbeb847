package loopdev_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
)

const mebibyte = 1 << 20

// imageFile makes an empty image whose devices are detached when the test ends.
func imageFile(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "volume.img")
	resize(t, image, mebibyte)
	t.Cleanup(func() {
		if err := loopdev.DetachAll(image); err != nil {
			t.Error(err)
		}
		waitForDevices(t, dir, 0)
	})
	return image
}

func resize(t *testing.T, image string, size int64) {
	t.Helper()
	file, err := os.OpenFile(image, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

func attach(t *testing.T, image string) loopdev.Device {
	t.Helper()
	device, err := loopdev.Attach(image)
	if err != nil {
		t.Fatal(err)
	}
	return device
}

// waitForDevices waits until so many devices show images of the folder: the kernel detaches after the last user's close.
func waitForDevices(t *testing.T, dir string, want int) []loopdev.Image {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		images, err := loopdev.Below(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(images) == want {
			return images
		}
		if time.Now().After(deadline) {
			t.Fatalf("devices show %v, want %d images", images, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func sizeOf(t *testing.T, device loopdev.Device) int64 {
	t.Helper()
	file, err := os.Open(device.Path())
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

func TestWhatIsWrittenToTheDeviceIsInTheImage(t *testing.T) {
	image := imageFile(t)
	device, err := os.OpenFile(attach(t, image).Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	want := bytes.Repeat([]byte("soteria."), 512)
	if _, err := device.WriteAt(want, 8192); err != nil {
		t.Fatal(err)
	}
	if err := device.Sync(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content[8192:8192+len(want)], want) {
		t.Error("the image does not hold what was written to the device")
	}
}

func TestAnImageIsAttachedOnceAndGrowsWithItsFile(t *testing.T) {
	image := imageFile(t)
	first := attach(t, image)
	resize(t, image, 4*mebibyte)
	if second := attach(t, image); second != first {
		t.Errorf("attached to %s and to %s", first.Path(), second.Path())
	}
	if got := sizeOf(t, first); got != 4*mebibyte {
		t.Errorf("the device has %d bytes, want %d", got, 4*mebibyte)
	}
}

func TestADeviceIsFoundByItsFile(t *testing.T) {
	want := attach(t, imageFile(t))
	if got, found, err := loopdev.At(want.Path()); err != nil || !found || got != want {
		t.Errorf("At = %v, %t, %v, want %v", got, found, err, want)
	}
	for _, path := range []string{"/dev/null", t.TempDir(), "/dev/no-such-device"} {
		if _, found, err := loopdev.At(path); err != nil || found {
			t.Errorf("At(%s) found %t, error %v", path, found, err)
		}
	}
}

func TestARemovedImageIsNotTakenForANewOneOfItsName(t *testing.T) {
	image := imageFile(t)
	old := attach(t, image)
	if err := os.Remove(image); err != nil {
		t.Fatal(err)
	}
	resize(t, image, 2*mebibyte)
	fresh := attach(t, image)
	if fresh == old {
		t.Fatalf("the new image got %s, which shows the old one", old.Path())
	}
	if err := loopdev.DetachRemoved(filepath.Dir(image)); err != nil {
		t.Fatal(err)
	}
	images := waitForDevices(t, filepath.Dir(image), 1)
	if images[0] != (loopdev.Image{Device: fresh, Path: image}) {
		t.Errorf("what is left is %+v", images[0])
	}
}

func TestADeviceInUseGoesAwayWithItsLastUser(t *testing.T) {
	image := imageFile(t)
	device := attach(t, image)
	user, err := os.Open(device.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := loopdev.DetachAll(image); err != nil {
		t.Fatal(err)
	}
	if images := waitForDevices(t, filepath.Dir(image), 1); images[0].Device != device {
		t.Errorf("%s was taken away from its user", device.Path())
	}
	if err := user.Close(); err != nil {
		t.Fatal(err)
	}
	waitForDevices(t, filepath.Dir(image), 0)
	if err := device.Detach(); err != nil {
		t.Errorf("detaching once more: %v", err)
	}
}

func TestAMissingImageIsAnError(t *testing.T) {
	if _, err := loopdev.Attach(filepath.Join(t.TempDir(), "missing.img")); err == nil {
		t.Error("a missing image was attached")
	}
}
