package mover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/mover/report"
)

// lostAndFound at the root of a volume is the file system's own.
const lostAndFound = "lost+found"

// entries gives the names at the root of a volume that are not the file
// system's own.
func entries(volume string) ([]string, error) {
	folder, err := os.Open(volume) // #nosec G304 -- the volume's mount
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // only read from
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == lostAndFound })
	slices.Sort(names)
	return names, nil
}

// empty removes everything from a volume but what is the file system's own and the
// entry called kept, and from its root folder what new files would inherit. Nothing
// outside of it can be reached, whatever links lie in it.
func empty(ctx context.Context, volume, kept string) error {
	names, err := entries(volume)
	if err != nil {
		return fmt.Errorf("reading the volume: %w", err)
	}
	root, err := os.OpenRoot(volume)
	if err != nil {
		return fmt.Errorf("opening the volume: %w", err)
	}
	defer root.Close() //nolint:errcheck // only a handle
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == kept {
			continue
		}
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("emptying the volume: %w", err)
		}
	}
	if err := removeAttributes(volume); err != nil {
		return fmt.Errorf("emptying the volume: its root folder: %w", err)
	}
	return nil
}

// removeAttributes removes a folder's ACLs, of which a default one is inherited
// by whatever is made in it, and attributes that users set.
func removeAttributes(folder string) error {
	size, err := unix.Llistxattr(folder, nil)
	if err != nil || size == 0 {
		return ignoreUnsupported(err)
	}
	list := make([]byte, size)
	if size, err = unix.Llistxattr(folder, list); err != nil {
		return err
	}
	for name := range strings.SplitSeq(string(list[:size]), "\x00") {
		if !strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "system.posix_acl_") {
			continue
		}
		if err := unix.Lremovexattr(folder, name); err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// ignoreUnsupported drops the error of a file system without extended
// attributes.
func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// flush sees to it that all that was written to a volume's file system is on
// its disk.
func flush(volume string) error {
	folder, err := os.Open(volume) // #nosec G304 -- the volume's mount
	if err != nil {
		return fmt.Errorf("flushing the volume: %w", err)
	}
	defer folder.Close() //nolint:errcheck // only a handle
	return flushAll(folder)
}

// flushAll is [flush] for a folder that is open. Linux reports what it could not write
// since then.
func flushAll(folder *os.File) error {
	if err := unix.Syncfs(int(folder.Fd())); err != nil {
		return fmt.Errorf("flushing the volume: %w", err)
	}
	return nil
}

// flushFolder sees to it that a folder's entries and attributes are on the disk.
// Network file systems that cannot do that for a folder flush all of it.
func flushFolder(path string) error {
	folder, err := os.Open(path) // #nosec G304 -- the volume's mount
	if err != nil {
		return fmt.Errorf("flushing the volume's root folder: %w", err)
	}
	defer folder.Close() //nolint:errcheck // only a handle
	err = folder.Sync()
	if errors.Is(err, unix.EINVAL) {
		err = unix.Syncfs(int(folder.Fd()))
	}
	if err != nil {
		return fmt.Errorf("flushing the volume's root folder: %w", err)
	}
	return nil
}

// count counts what a volume holds, but for the entry of its root called kept.
func count(ctx context.Context, volume, kept string) (report.Counts, error) {
	var counts report.Counts
	linked := map[uint64]bool{}
	err := filepath.WalkDir(volume, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case path == filepath.Join(volume, lostAndFound):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir(), path == filepath.Join(volume, kept):
			return nil
		}
		counts.Files++
		if !entry.Type().IsRegular() {
			return nil
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		if stat.Nlink > 1 {
			if linked[stat.Ino] {
				return nil
			}
			linked[stat.Ino] = true
		}
		counts.Bytes += stat.Size
		return nil
	})
	if err != nil {
		return report.Counts{}, fmt.Errorf("counting what is on the volume: %w", err)
	}
	return counts, nil
}

// isMissing reports whether an error says that a file is not there.
func isMissing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}
