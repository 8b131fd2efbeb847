package mover

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"path/filepath"

	continuity "github.com/containerd/continuity/fs"
	"github.com/containerd/continuity/sysx"
	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// parseCopy reads `copy --source <folder> --target <folder>`.
func parseCopy(flags *flag.FlagSet, args []string) (work, error) {
	source := flags.String("source", "", "the `folder` to copy from: a restored volume's mount")
	target := flags.String("target", "", "the `folder` to copy to: the volume's mount, which is emptied first")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ Process, result *report.Result) error {
		return copyVolume(ctx, *source, *target, result)
	}, require(flags, "source", "target")
}

// copyVolume makes a volume hold what another one holds, with all attributes,
// hard links and holes, and counts both. The source is counted before anything
// is removed.
func copyVolume(ctx context.Context, source, target string, result *report.Result) error {
	expected, err := count(ctx, source)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "the volume to copy from: %w", err)
	}
	if err := empty(ctx, target); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	if err := continuity.CopyDir(target, source, continuity.WithXAttrExclude(selinuxLabel, defaultACL)); err != nil {
		result.Partial = true
		return backup.Errorf(backup.Partial, "copying the volume: %w", err)
	}
	if err := finishFolders(ctx, source, target); err != nil {
		result.Partial = true
		return backup.Errorf(backup.Partial, "copying what belongs to folders: %w", err)
	}
	if err := flush(target); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	restored, err := count(ctx, target)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	result.Expected, result.Restored = &expected, &restored
	return nil
}

// defaultACL is what is made in a folder inherits.
const defaultACL = "system.posix_acl_default"

// finishFolders gives folders what they can have only once they are filled: a
// default ACL, which would be inherited, and their times, which writing changes.
func finishFolders(ctx context.Context, source, target string) error {
	return filepath.WalkDir(source, func(from string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !entry.IsDir():
			return nil
		}
		inner, err := filepath.Rel(source, from)
		if err != nil {
			return err
		}
		return finishFolder(from, filepath.Join(target, inner))
	})
}

func finishFolder(from, to string) error {
	acl, err := sysx.LGetxattr(from, defaultACL)
	switch {
	case err == nil:
		if err := sysx.LSetxattr(to, defaultACL, acl, 0); err != nil {
			return &fs.PathError{Op: "setxattr " + defaultACL, Path: to, Err: err}
		}
	case !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP):
		return &fs.PathError{Op: "getxattr " + defaultACL, Path: from, Err: err}
	}
	var stat unix.Stat_t
	if err := unix.Lstat(from, &stat); err != nil {
		return &fs.PathError{Op: "lstat", Path: from, Err: err}
	}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{stat.Atim, stat.Mtim}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "utimes", Path: to, Err: err}
	}
	return nil
}
