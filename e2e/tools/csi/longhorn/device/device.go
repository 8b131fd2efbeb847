// Package device gives each Longhorn volume a block device on this node: what /dev/longhorn/<volume> is where Longhorn's
// own data path runs. The volume's data is a disk image in a folder, which a loop device shows.
package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
)

// ErrNoImage marks a volume that has no image on this node.
var ErrNoImage = errors.New("the volume has no image")

// imageSuffix ends the name of every image; see the layout in package longhorn of e2e/tools/longhorn.
const imageSuffix = ".img"

// Folder holds the images. Two calls for one volume must not run at the same time.
type Folder struct {
	dir string
}

// Open makes the folder if need be, and frees the devices of images that were removed while nobody looked.
func Open(dir string) (Folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return Folder{}, fmt.Errorf("make the folder of the images: %w", err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Folder{}, fmt.Errorf("resolve the folder of the images: %w", err)
	}
	if err := loopdev.DetachRemoved(dir); err != nil {
		return Folder{}, fmt.Errorf("free the devices of removed images: %w", err)
	}
	return Folder{dir: dir}, nil
}

// Attach returns the file of the volume's device, at the size that the volume has now. It makes the device if there is
// none; the error is [ErrNoImage] if there is no image.
func (f Folder) Attach(volume string) (path string, err error) {
	image, err := f.image(volume)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(image); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s", ErrNoImage, volume)
	}
	device, err := loopdev.Attach(image)
	if err != nil {
		return "", fmt.Errorf("attach volume %q: %w", volume, err)
	}
	return device.Path(), nil
}

// Refresh gives the volume's device, if it has one, the size that the volume has now.
func (f Folder) Refresh(volume string) error {
	image, err := f.image(volume)
	if err != nil {
		return err
	}
	attached, err := loopdev.Below(f.dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, other := range attached {
		if other.Path == image && !other.Removed {
			failed = append(failed, other.Device.Refresh())
		}
	}
	return errors.Join(failed...)
}

// Detach frees every device of the volume, as soon as nobody uses it. A volume without one, or without an image, is
// detached already.
func (f Folder) Detach(volume string) error {
	image, err := f.image(volume)
	if err != nil {
		return err
	}
	if err := loopdev.DetachAll(image); err != nil {
		return fmt.Errorf("detach volume %q: %w", volume, err)
	}
	return nil
}

// image returns where a volume's image is. A name that leads elsewhere is no volume's.
func (f Folder) image(volume string) (string, error) {
	if volume == "" || strings.HasPrefix(volume, ".") || strings.ContainsRune(volume, filepath.Separator) {
		return "", fmt.Errorf("%w: %q is no volume's name", ErrNoImage, volume)
	}
	return filepath.Join(f.dir, volume+imageSuffix), nil
}
