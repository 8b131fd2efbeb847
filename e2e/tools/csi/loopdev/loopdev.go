package loopdev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	controlFile = "/dev/loop-control"
	sysBlock    = "/sys/block"
	namePrefix  = "loop"
	// major is the number of the loop driver; see Documentation/admin-guide/devices.txt of the kernel.
	major = 7
	// deletedSuffix is what the kernel adds to the path of an image that was removed.
	deletedSuffix = " (deleted)"
	// maxAttempts is how often another process may take the free device first.
	maxAttempts = 64
)

// Device is a loop device, by its number.
type Device int

// Path is the device's file.
func (d Device) Path() string { return "/dev/" + namePrefix + strconv.Itoa(int(d)) }

// Image is what a device shows.
type Image struct {
	Device Device
	// Path is where the image is, or was.
	Path string
	// Removed is true if the image was removed since it was attached.
	Removed bool
}

// Attach returns the device that shows the image, at the image's present size. It makes one if there is none. Two calls
// for one image must not run at the same time.
func Attach(image string) (Device, error) {
	image, err := filepath.EvalSymlinks(image)
	if err != nil {
		return 0, fmt.Errorf("find the image: %w", err)
	}
	attached, err := Below(filepath.Dir(image))
	if err != nil {
		return 0, err
	}
	for _, other := range attached {
		if other.Path == image && !other.Removed {
			return other.Device, other.Device.Refresh()
		}
	}
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return 0, fmt.Errorf("open the image: %w", err)
	}
	defer func() { _ = file.Close() }()
	return configure(file)
}

// configure makes a free device show the file.
func configure(file *os.File) (Device, error) {
	control, err := os.OpenFile(controlFile, os.O_RDWR, 0)
	if err != nil {
		return 0, fmt.Errorf("open the loop driver: %w", err)
	}
	defer func() { _ = control.Close() }()
	for range maxAttempts {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return 0, fmt.Errorf("find a free loop device: %w", err)
		}
		device := Device(number)
		err = device.do(os.O_RDWR, func(fd int) error {
			config := unix.LoopConfig{Fd: uint32(file.Fd())} //nolint:gosec // The kernel numbers open files from zero.
			// The kernel prefers the path that it knows itself; this one is for old programs.
			copy(config.Info.File_name[:unix.LO_NAME_SIZE-1], file.Name())
			return unix.IoctlLoopConfigure(fd, &config)
		})
		if err == nil {
			return device, nil
		}
		if !errors.Is(err, unix.EBUSY) { // taken by another process
			return 0, fmt.Errorf("attach %s to %s: %w", file.Name(), device.Path(), err)
		}
	}
	return 0, fmt.Errorf("attach %s: other processes took %d free devices first", file.Name(), maxAttempts)
}

// Refresh gives the device the size that its image has now.
func (d Device) Refresh() error {
	err := d.do(os.O_RDWR, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_SET_CAPACITY, 0) })
	if err != nil {
		return fmt.Errorf("refresh the size of %s: %w", d.Path(), err)
	}
	return nil
}

// Detach takes the image away from the device, as soon as nothing uses the device any more. It does nothing to a device
// that shows none.
func (d Device) Detach() error {
	err := d.do(os.O_RDONLY, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0) })
	if err != nil && !errors.Is(err, unix.ENXIO) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("detach %s: %w", d.Path(), err)
	}
	return nil
}

// do calls something with the device open.
func (d Device) do(flag int, call func(fd int) error) error {
	file, err := os.OpenFile(d.Path(), flag|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(call(int(file.Fd())), file.Close())
}

// At returns the device that a file leads to, such as a device file that is mounted there; false if it is none.
func At(path string) (Device, bool, error) {
	var info unix.Stat_t
	if err := unix.Stat(path, &info); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return 0, false, nil
		}
		return 0, false, fmt.Errorf("look at %s: %w", path, err)
	}
	if info.Mode&unix.S_IFMT != unix.S_IFBLK || unix.Major(info.Rdev) != major {
		return 0, false, nil
	}
	return Device(unix.Minor(info.Rdev)), true, nil
}

// Below returns all images in the folder, or below it, that devices show. The folder must be free of symbolic links.
func Below(dir string) ([]Image, error) {
	files, err := filepath.Glob(filepath.Join(sysBlock, namePrefix+"[0-9]*", "loop", "backing_file"))
	if err != nil {
		return nil, fmt.Errorf("list the loop devices: %w", err)
	}
	var found []Image
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) { // detached meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read what a loop device shows: %w", err)
		}
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(file))), namePrefix))
		if err != nil {
			return nil, fmt.Errorf("read the number of a loop device: %w", err)
		}
		path, removed := strings.CutSuffix(strings.TrimSuffix(string(content), "\n"), deletedSuffix)
		if strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") {
			found = append(found, Image{Device: Device(number), Path: path, Removed: removed})
		}
	}
	return found, nil
}

// DetachAll detaches every device that shows the image of this path, also where it was removed since. Its folder must be
// free of symbolic links.
func DetachAll(image string) error {
	return detach(filepath.Dir(image), func(other Image) bool { return other.Path == image })
}

// DetachRemoved detaches every device that shows an image that was removed from the folder, or from below it.
func DetachRemoved(dir string) error {
	return detach(dir, func(other Image) bool { return other.Removed })
}

func detach(dir string, these func(Image) bool) error {
	attached, err := Below(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, image := range attached {
		if these(image) {
			failed = append(failed, image.Device.Detach())
		}
	}
	return errors.Join(failed...)
}
