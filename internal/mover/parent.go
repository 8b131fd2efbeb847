package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/past"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// errParentUnread ends a run of restic that cannot read the parent.
var errParentUnread = errors.New("the snapshot to compare files with cannot be read")

// parentArgs name the snapshot that restic compares the files with. Without one it
// reads every snapshot of the repository to find one; where the claim is known to have
// none, it is told not to.
func (w backupWork) parentArgs() []string {
	switch w.known.Parent {
	case "":
		return nil
	case past.None:
		return []string{"--force"}
	default:
		return []string{"--parent", w.known.Parent}
	}
}

// besideItsParent has restic take the backup. A parent that was forgotten since the
// Job was made, or that cannot be read, is no reason to fail, and note says what became
// of it: where it is gone restic looks for another one itself, which it cannot in a
// repository with a snapshot that is spoilt, so that it reads all files then.
func (w backupWork) besideItsParent(ctx context.Context, p Process, program cli.Program, dated []string, result *report.Result) (summary *savedSummary, lockStays bool, note string, err error) {
	summary, lockStays, trouble, err := w.backUp(ctx, p, program, dated, result)
	if trouble == parentFine || ctx.Err() != nil {
		return summary, lockStays, "", err
	}
	parent := backup.ShortID(w.known.Parent)
	w.known.Parent = ""
	note = fmt.Sprintf("snapshot %s, which the files were to be compared with, is gone: restic looked for another one", parent)
	if trouble == parentSpoilt {
		w.known.Parent = past.None
		note = fmt.Sprintf("snapshot %s, which the files were to be compared with, cannot be read: all files were read; look at the repository with: restic check", parent)
	}
	fmt.Fprintln(p.Stderr, note)
	summary, lockStays, _, err = w.backUp(ctx, p, program, dated, result)
	return summary, lockStays, note, err
}

// trouble is what is wrong with a parent.
type trouble int32

const (
	parentFine trouble = iota
	parentGone
	parentSpoilt
)

// backUp runs restic once. What is wrong with the parent is the reason where there is
// no snapshot.
func (w backupWork) backUp(ctx context.Context, p Process, program cli.Program, dated []string, result *report.Result) (summary *savedSummary, lockStays bool, wrong trouble, err error) {
	attempt, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	summary = &savedSummary{}
	var found atomic.Int32
	problems := noteProblems(p, result)
	backingUp := cli.Invocation{
		Args: w.resticArgs(dated),
		Stdout: func(stdout io.Reader) error {
			return readMessages(stdout, p.printer(p.Stdout), summary)
		},
		Stderr: func(line string) {
			problems(line)
			unread, gone := cli.SnapshotUnread(line, w.known.Parent)
			switch {
			case !unread:
				return
			case gone:
				found.Store(int32(parentGone))
			default:
				found.CompareAndSwap(int32(parentFine), int32(parentSpoilt))
			}
			giveUp(errParentUnread) // restic would ask for it again for minutes
		},
		Otherwise: backup.DriverFailed,
	}
	lockStays, err = unlessLockStays(attempt, backingUp, summary.saved.Load, func(ctx context.Context, in cli.Invocation) error {
		return besideOthers(ctx, p, program, in)
	})
	if err == nil || summary.saved.Load() {
		return summary, lockStays, parentFine, err
	}
	return summary, lockStays, trouble(found.Load()), err
}
