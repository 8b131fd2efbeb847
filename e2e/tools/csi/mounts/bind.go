package mounts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// ErrOccupied marks a target that shows something else than what is to be mounted there.
var ErrOccupied = errors.New("target is in use for something else")

// Bind shows source, a folder or the file of a device, at target, which it makes if need be; its parent must exist. It
// does nothing if target shows source already, and fails with [ErrOccupied] if it shows something else or is writable
// where ro was asked for, or the other way round. A Bind that fails leaves no mount.
func Bind(source, target string, options []string) error {
	want, err := attributes(options)
	if err != nil {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("look at what is to be mounted: %w", err)
	}
	target, err = makeTarget(target, info.IsDir())
	if err != nil {
		return err
	}
	table, err := Read()
	if err != nil {
		return err
	}
	if table.At(target) != nil {
		return table.compare(source, target, slices.Contains(options, "ro"))
	}

	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s at %s: %w", source, target, err)
	}
	// Binding ignores options, so they come second; they add to what the source's own mount forbids.
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_SYMLINK_NOFOLLOW, &want); err != nil {
		return errors.Join(fmt.Errorf("set the mount options of %s: %w", target, err), unmount(target))
	}
	return nil
}

// compare checks that the mount at target is one of source, read-only or not as wanted.
func (t Table) compare(source, target string, wantReadOnly bool) error {
	place, err := t.Locate(source)
	if err != nil {
		return err
	}
	mount := t.At(target)
	if placeOf(mount) != place {
		return fmt.Errorf("%w: %s shows %s of device %d:%d", ErrOccupied, target, mount.Root, mount.Major, mount.Minor)
	}
	if is := readOnly(mount.Options); is != wantReadOnly {
		return fmt.Errorf("%w: %s shows the volume with read-only %t, asked for with %t", ErrOccupied, target, is, wantReadOnly)
	}
	return nil
}

// makeTarget makes the folder, or the empty file, to mount at, unless it is there, and returns its path free of symbolic
// links.
func makeTarget(target string, folder bool) (string, error) {
	if err := makeEmpty(target, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the mount point: %w", err)
	}
	target, err := resolve(target)
	if err != nil {
		return "", err
	}
	switch info, err := os.Lstat(target); {
	case err != nil:
		return "", fmt.Errorf("look at the mount point: %w", err)
	case info.Mode().Type() == fs.ModeSymlink:
		return "", fmt.Errorf("mount point %s is a symbolic link", target)
	case info.IsDir() != folder:
		return "", fmt.Errorf("mount point %s is a folder: %t, what is to be mounted there: %t", target, info.IsDir(), folder)
	}
	return target, nil
}

func makeEmpty(target string, folder bool) error {
	if folder {
		return os.Mkdir(target, 0o750)
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// Unmount takes away every mount at target, and leaves target. It does nothing if target is not there.
func Unmount(target string) error {
	target, err := resolve(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for {
		table, err := Read()
		if err != nil {
			return err
		}
		if table.At(target) == nil {
			return nil
		}
		if err := unmount(target); err != nil {
			return err
		}
	}
}

// Release takes away every mount at target, and target itself. It does nothing if target is not there. It removes
// target only if it is empty: what is not a mount may hold data.
func Release(target string) error {
	if err := Unmount(target); err != nil {
		return err
	}
	info, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the mount point: %w", err)
	}
	if !info.IsDir() && (!info.Mode().IsRegular() || info.Size() > 0) {
		return fmt.Errorf("mount point %s is not an empty folder or file", target)
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mount point: %w", err)
	}
	return nil
}

func unmount(target string) error {
	if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

// resolve frees the path to target of symbolic links, as the mount table is; target itself it leaves as it is.
func resolve(target string) (string, error) {
	if !filepath.IsAbs(target) {
		return "", fmt.Errorf("mount point %q is not an absolute path", target)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(target))
	if err != nil {
		return "", fmt.Errorf("resolve the folder of the mount point: %w", err)
	}
	return filepath.Join(parent, filepath.Base(target)), nil
}
