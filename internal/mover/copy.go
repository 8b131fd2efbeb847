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

// copyWork is one copy of a restored volume to another one.
type copyWork struct {
	source string
	target target
	verify string
	// room is whether the volume must be seen to have room for the data first.
	room bool
}

// parseCopy reads `copy <flags>`.
func parseCopy(flags *flag.FlagSet, args []string) (work, error) {
	var w copyWork
	w.target.register(flags)
	flags.StringVar(&w.source, "source", "", "the `folder` to copy from: a restored volume's mount")
	flags.StringVar(&w.verify, "verify", VerifySizes, "what to compare with the source: sizes or contents")
	flags.BoolVar(&w.room, "room", false, "refuse a volume that has no room for the data before anything is written")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := require(flags, "source", "target", "mark"); err != nil {
		return nil, err
	}
	if err := checkVerify(w.verify); err != nil {
		return nil, err
	}
	return w.run, w.target.validate()
}

// run makes a volume hold what another one holds, with all attributes, hard links
// and holes, and compares both. The source is read, and the volume looked at, before
// anything is written or removed.
func (w copyWork) run(ctx context.Context, p Process, result *report.Result) error {
	expected, err := count(ctx, w.source, "")
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "the volume to copy from: %w", err)
	}
	held, err := w.target.look()
	if err != nil {
		return err
	}
	if held.foreign() {
		return w.acceptWhole(ctx, expected, held, result)
	}
	if w.room {
		if err := hasRoom(w.target.volume, held, expected.Bytes); err != nil {
			return err
		}
	}
	if err := w.target.prepare(ctx, p, held, result); err != nil {
		return err
	}
	_, end := p.working(ctx)
	defer end()
	if err := continuity.CopyDir(w.target.volume, w.source, continuity.WithXAttrExclude(selinuxLabel, defaultACL)); err != nil {
		result.Partial = true
		return backup.Errorf(backup.Partial, "copying the volume: %w", err)
	}
	if err := finishFolders(ctx, w.source, w.target.volume); err != nil {
		result.Partial = true
		return backup.Errorf(backup.Partial, "copying what belongs to folders: %w", err)
	}
	if err := w.compare(ctx, expected, result); err != nil {
		return err
	}
	return w.target.finish(w.finishRoot, result)
}

// acceptWhole is what [restoreWork.acceptWhole] is to a restore.
func (w copyWork) acceptWhole(ctx context.Context, expected report.Counts, held found, result *report.Result) error {
	compared := report.Result{Action: result.Action}
	err := w.compare(ctx, expected, &compared)
	switch {
	case backup.KindOf(err) == backup.Partial:
		return held.refuse(result)
	case err != nil:
		return err
	}
	result.Expected, result.Restored = compared.Expected, compared.Restored
	return w.target.finish(w.finishRoot, result)
}

// compare compares both volumes: each entry's type, size, owner, mode and time, the
// contents where that is wanted, and the sums.
func (w copyWork) compare(ctx context.Context, expected report.Counts, result *report.Result) error {
	if err := compareTrees(ctx, w.source, w.target.volume, w.verify == VerifyContents, result.Problem); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	restored, err := count(ctx, w.target.volume, w.target.markName())
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	result.Expected, result.Restored = &expected, &restored
	return compared(expected, restored, result)
}

// finishRoot gives the root folder its times again, which the mark changed.
func (w copyWork) finishRoot(volume string) error { return finishFolder(w.source, volume) }

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
