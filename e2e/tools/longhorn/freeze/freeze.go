// Package freeze makes the file system on a volume's image hold still while a snapshot is copied. The image is attached
// to a loop device and mounted by the CSI driver, which is another process in another mount namespace: device and mount
// are found in /sys and /proc.
package freeze

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The ioctls of linux/fs.h.
const (
	fifreeze = 0xc0045877
	fithaw   = 0xc0045878
)

// While runs f with all file systems written to disk, and the one on the image frozen if it is mounted anywhere. It fails
// if that is frozen already. image is the end of the image's path, such as "volumes/pvc-1.img": the node knows the folder
// by another name.
func While(image string, f func() error) error {
	// Also what was written to a block device directly.
	unix.Sync()
	dir, err := open(image)
	if err != nil {
		return err
	}
	if dir == nil {
		return f()
	}
	defer dir.Close() //nolint:errcheck // only a handle
	return whileFrozen(dir, f)
}

func whileFrozen(dir *os.File, f func() error) (err error) {
	if err := ioctl(dir, fifreeze); err != nil {
		return fmt.Errorf("freeze the file system: %w", err)
	}
	// A frozen file system that nobody thaws blocks whoever writes to it: even a panic must not leave one.
	defer func() {
		if thaw := ioctl(dir, fithaw); thaw != nil {
			err = errors.Join(err, fmt.Errorf("thaw the file system: %w", thaw))
		}
	}()
	return f()
}

// Thaw undoes what a crash in [While] left frozen. An image that is not mounted, or not frozen, is none of its business.
func Thaw(image string) error {
	dir, err := open(image)
	if err != nil || dir == nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only a handle
	if err := ioctl(dir, fithaw); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("thaw the file system: %w", err)
	}
	return nil
}

// open opens the folder at which the image is mounted; nil where it is not.
func open(image string) (*os.File, error) {
	device, ok, err := loopDevice(os.DirFS("/sys/block"), image)
	if err != nil || !ok {
		return nil, err
	}
	mounts, err := mountsOf(os.DirFS("/proc"), device)
	if err != nil {
		return nil, err
	}
	return openFirst("/proc", mounts)
}

// openFirst opens the first of the folders that can be opened. A process that has more rights than this one keeps others
// out of what it sees, as the node's first process may; any other that sees the same mount will do.
func openFirst(proc string, mounts []string) (*os.File, error) {
	var refused error
	for _, mount := range mounts {
		dir, err := os.Open(filepath.Join(proc, mount))
		if err == nil {
			return dir, nil
		}
		// It is unmounted meanwhile, or the process has ended.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			refused = fmt.Errorf("open the mounted volume: %w", err)
		}
	}
	return nil, refused
}

func ioctl(file *os.File, request uint) error {
	return unix.IoctlSetInt(int(file.Fd()), request, 0)
}

// loopDevice finds the number, such as "7:3", of the loop device that has the image.
func loopDevice(block fs.FS, image string) (number string, found bool, err error) {
	files, err := fs.Glob(block, "loop*/loop/backing_file")
	if err != nil {
		return "", false, err
	}
	for _, file := range files {
		backing, err := fs.ReadFile(block, file)
		if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such device") {
			continue
		}
		if err != nil {
			return "", false, fmt.Errorf("read what loop devices have: %w", err)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(backing)), "/"+image) {
			continue
		}
		number, err := fs.ReadFile(block, path.Join(path.Dir(path.Dir(file)), "dev"))
		if err != nil {
			return "", false, fmt.Errorf("read the number of a loop device: %w", err)
		}
		return strings.TrimSpace(string(number)), true, nil
	}
	return "", false, nil
}

// mountsOf finds where a device is mounted, as paths in /proc that lead there: "<pid>/root/<folder>".
func mountsOf(proc fs.FS, device string) ([]string, error) {
	tables, err := fs.Glob(proc, "[0-9]*/mountinfo")
	if err != nil {
		return nil, err
	}
	var mounts []string
	for _, table := range tables {
		point, ok, err := mountIn(proc, table, device)
		if err != nil {
			return nil, err
		}
		if ok {
			mounts = append(mounts, path.Join(path.Dir(table), "root", point))
		}
	}
	return mounts, nil
}

// The fields of a line of mountinfo; see proc(5).
const (
	fieldDevice = 2
	fieldPoint  = 4
	fieldsLeast = 6
)

func mountIn(proc fs.FS, table, device string) (point string, found bool, err error) {
	file, err := proc.Open(table)
	if hasEnded(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("open %s: %w", table, err)
	}
	defer file.Close() //nolint:errcheck // only read from
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= fieldsLeast && fields[fieldDevice] == device && isFileSystem(fields) {
			return unescape(fields[fieldPoint]), true, nil
		}
	}
	if err := lines.Err(); err != nil && !hasEnded(err) {
		return "", false, fmt.Errorf("read %s: %w", table, err)
	}
	return "", false, nil
}

// hasEnded tells that a process, and its mounts with it, was gone when its table was read: wholly, or but for its parent.
func hasEnded(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL)
}

// isFileSystem tells a mounted disk from the bind mount of its device file, which shows the file system the file is in.
func isFileSystem(fields []string) bool {
	separator := slices.Index(fields, "-")
	return separator >= 0 && len(fields) > separator+1 && fields[separator+1] != "devtmpfs"
}

// unescape undoes how mountinfo writes blanks.
func unescape(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}
