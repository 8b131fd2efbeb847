package mover

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// markPrefix begins the name of the file that says, at the root of a volume, that
// a restore wrote what the volume holds.
const markPrefix = ".soteria-restore-"

// markPattern is what --mark may be: a part of a file's name.
var markPattern = regexp.MustCompile(`^[0-9A-Za-z-]{1,128}$`)

// target is a volume that is filled. Only what an attempt of the same restore
// wrote is ever removed from it:
//
//   - A volume that holds nothing is marked before a byte is written to it.
//   - A volume with the mark holds what an earlier attempt wrote; it is emptied.
//   - Any other volume was there before the restore, and is left as it is.
//
// The mark is a file whose name has the uid of the claim that the volume was made
// for (the prime). That uid is drawn when the volume is asked for, so nothing older
// can have it, and no tenant can read it. The mark is removed last, once
// everything was compared and is on the disk: what is there without it is whole,
// and an attempt that finds it compares it and writes nothing.
type target struct {
	volume string
	mark   string
}

func (t *target) register(flags *flag.FlagSet) {
	flags.StringVar(&t.volume, "target", "", "the `folder` to fill: the volume's mount")
	flags.StringVar(&t.mark, "mark", "", "the `uid` of the claim that the volume was made for, by which the volume is marked")
}

func (t *target) validate() error {
	if !markPattern.MatchString(t.mark) {
		return fmt.Errorf("--mark %q is not a uid", t.mark)
	}
	return nil
}

// markName is the name of the mark at the root of the volume.
func (t *target) markName() string { return markPrefix + t.mark }

// found is what a volume held before anything was done to it.
type found struct {
	// names are the entries at its root, but for the mark and lost+found.
	names  []string
	marked bool
}

// foreign reports whether the volume holds what this restore did not write.
func (f found) foreign() bool { return len(f.names) > 0 && !f.marked }

// look reads what the volume holds and changes nothing.
func (t *target) look() (found, error) {
	all, err := entries(t.volume)
	if err != nil {
		return found{}, backup.Errorf(backup.DriverFailed, "reading the volume: %w", err)
	}
	info, err := os.Lstat(filepath.Join(t.volume, t.markName()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found{}, backup.Errorf(backup.DriverFailed, "reading the volume: %w", err)
	}
	marked := err == nil && info.Mode().IsRegular()
	if marked {
		all = slices.DeleteFunc(all, func(name string) bool { return name == t.markName() })
	}
	return found{names: all, marked: marked}, nil
}

// refuse is the error for a volume that holds what this restore did not write.
func (f found) refuse(result *report.Result) error {
	result.Finding = report.FindingForeign
	const shown = 5
	list := strings.Join(f.names[:min(len(f.names), shown)], ", ")
	if len(f.names) > shown {
		list += ", …"
	}
	return backup.Errorf(backup.Conflict, "the new volume is not empty, and nothing was written to it: it holds %s", list)
}

// prepare marks a volume and removes what an earlier attempt of the same restore
// left on it. It must not be called on a volume that holds anything else.
func (t *target) prepare(ctx context.Context, p Process, f found, result *report.Result) error {
	if f.foreign() {
		return f.refuse(result)
	}
	if !f.marked {
		if err := t.writeMark(); err != nil {
			return backup.Errorf(backup.DriverFailed, "marking the volume: %w", err)
		}
	}
	result.Finding = report.FindingOwn
	// Read from the log by whoever must know what the volume holds, should this
	// process leave no result.
	if _, err := p.Stdout.Write(report.Progress{}.Line()); err != nil {
		return err
	}
	if err := empty(ctx, t.volume, t.markName()); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	return nil
}

func (t *target) writeMark() error {
	mark, err := os.OpenFile(filepath.Join(t.volume, t.markName()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(mark, "Soteria is restoring to this volume, for the claim with the uid %s. This file goes when the restore is complete.\n", t.mark)
	if err := errors.Join(err, mark.Sync(), mark.Close()); err != nil {
		return err
	}
	return flushFolder(t.volume)
}

// clear leaves a volume that is marked as empty as it was before. The mark goes once
// nothing that it speaks of can come back.
func (t *target) clear(ctx context.Context) error {
	if err := empty(ctx, t.volume, t.markName()); err != nil {
		return err
	}
	if err := flush(t.volume); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(t.volume, t.markName())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return flushFolder(t.volume)
}

// finish makes sure that all data is on the disk and concludes.
func (t *target) finish(root func(volume string) error, result *report.Result) error {
	if err := flush(t.volume); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	return t.conclude(root, result)
}

// conclude removes the mark, gives the root folder what only it can have last (its
// times), and makes sure that this is on the disk too. All data must be there.
func (t *target) conclude(root func(volume string) error, result *report.Result) error {
	if err := os.Remove(filepath.Join(t.volume, t.markName())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return backup.Errorf(backup.DriverFailed, "removing the mark of the restore: %w", err)
	}
	if err := root(t.volume); err != nil {
		result.Partial = true
		return backup.Errorf(backup.Partial, "the volume's root folder: %w", err)
	}
	if err := flushFolder(t.volume); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	result.Finding = report.FindingOwn
	return nil
}
