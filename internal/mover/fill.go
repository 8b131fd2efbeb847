package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// filler fills a volume that is marked.
type filler struct {
	restoreWork
	process      Process
	program      cli.Program
	excludeXattr bool
	flusher      *flusher
}

// run fills the volume, compares it with the snapshot and finishes it. A snapshot that
// is nil is studied beside the restore, with so much memory; 0 does not bound it.
func (f filler) run(ctx context.Context, snapshot *studied, memory int64, result *report.Result) error {
	volume, err := os.Open(f.target.volume)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "opening the volume: %w", err)
	}
	defer volume.Close() //nolint:errcheck // only a handle
	f.flusher = newFlusher(func() error { return flushAll(volume) })
	if snapshot != nil {
		err = f.fill(ctx, snapshot.root.path, result, func() {})
	} else {
		snapshot, err = f.fillAndStudy(ctx, memory, result)
		defer snapshot.close()
	}
	if err == nil {
		f.flusher.rest()
		err = f.compare(ctx, snapshot, result)
	}
	flushErr := f.flusher.end()
	switch {
	case err != nil:
		return err
	case flushErr != nil:
		return backup.Errorf(backup.DriverFailed, "%w", flushErr)
	}
	return f.target.conclude(snapshot.root.apply, result)
}

// guess is the folder of the snapshot that most likely was the volume's root.
func (w restoreWork) guess() string {
	if w.root == RootTop {
		return "/"
	}
	return w.folder
}

// errOtherRoot ends a restore of another folder than the volume's root.
var errOtherRoot = errors.New("another folder of the snapshot was the volume's root")

// fillAndStudy fills the volume from the folder that most likely was its root, while
// the snapshot is studied. Where another folder was the root, the volume is emptied and
// filled again; where the snapshot is refused, the volume is left as empty as it was.
//
// Studying begins once the restore has read the repository's index, which is in the cache
// then: at once, both would ask the store for each of its files.
//
// Studying may need more memory than there is beside a restore. It is then done once
// the restore has ended.
func (f filler) fillAndStudy(ctx context.Context, memory int64, result *report.Result) (*studied, error) {
	filling, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	indexRead := make(chan struct{})
	begun := sync.OnceFunc(func() { close(indexRead) })
	wait := beside(func() (*studied, error) {
		<-indexRead
		bounded := f.program
		bounded.MaxMemory = memory
		snapshot, err := f.study(ctx, f.process, bounded)
		if cli.CacheUnready(err) {
			snapshot, err = f.study(ctx, f.process, bounded)
		}
		if errors.Is(err, errRefused) || err == nil && snapshot.root.path != f.guess() {
			stop(errOtherRoot)
		}
		return snapshot, err
	})
	var attempt report.Result
	fillErr := f.fill(filling, f.guess(), &attempt, begun)
	if cli.CacheUnready(fillErr) {
		attempt = report.Result{}
		fillErr = f.fill(filling, f.guess(), &attempt, begun)
	}
	begun()
	snapshot, err := wait()
	if f.mustStudyAgain(ctx, err, fillErr) {
		snapshot, err = f.study(ctx, f.process, f.program)
	}
	switch {
	case errors.Is(err, errRefused):
		return nil, f.undo(ctx, err)
	case err != nil && fillErr != nil:
		return nil, fillErr
	case err != nil:
		return nil, err
	case snapshot.root.path == f.guess():
		result.Partial, result.Problems, result.ProblemCount = attempt.Partial, attempt.Problems, attempt.ProblemCount
		return snapshot, fillErr
	}
	fmt.Fprintf(f.process.Stderr, "the volume's root was the folder %s of the snapshot and not %s: beginning again\n", snapshot.root.path, f.guess())
	if err := empty(ctx, f.target.volume, f.target.markName()); err != nil {
		return snapshot, backup.Errorf(backup.DriverFailed, "%w", err)
	}
	return snapshot, f.fill(ctx, snapshot.root.path, result, func() {})
}

// mustStudyAgain reports whether the snapshot is to be studied once more, alone: how
// that ended beside the restore says nothing of the snapshot.
func (f filler) mustStudyAgain(ctx context.Context, err, fillErr error) bool {
	switch {
	case err == nil, errors.Is(err, errRefused), ctx.Err() != nil:
		return false
	default:
		// A restore that failed has a cause that both had, but for the memory.
		return fillErr == nil || errors.Is(err, cli.ErrMemory)
	}
}

// undo takes back what was written from a snapshot that is refused.
func (f filler) undo(ctx context.Context, refused error) error {
	if err := f.target.clear(ctx); err != nil {
		return backup.Errorf(backup.KindOf(refused), "%w (what was written before that was found out stays on the volume for the next attempt to remove: %v)", refused, err)
	}
	return refused
}

// fill runs `restic restore` on a folder of the snapshot. A file that restic complains
// of makes it a failure that names the files, whatever restic's exit status.
//
// It takes no lock: restic 0.16 waits a minute for the lock of another restore
// that vanishes while it is read, and a lock would only keep a prune away, which
// cannot harm a restore that is verified and tried again.
//
// Begun is called whenever restic has told that it restores, for which
// it has read the index.
func (f filler) fill(ctx context.Context, folder string, result *report.Result, begun func()) error {
	args := []string{"restore", "--json", "--sparse", "--no-lock", "--target", f.target.volume, "--exclude", "/" + lostAndFound}
	if f.excludeXattr {
		args = append(args, "--exclude-xattr", selinuxLabel)
	}
	if f.verify == VerifyContents {
		args = append(args, "--verify")
	}
	progress := f.process.printer(f.process.Stdout)
	progress.seen = func(p report.Progress) {
		f.flusher.restored(p.BytesDone)
		begun()
	}
	var summary struct{}
	err := f.program.Run(ctx, cli.Invocation{
		Args:      append(args, "--", subfolder(f.snapshot, folder)),
		Stdout:    func(stdout io.Reader) error { return readMessages(stdout, progress, &summary) },
		Stderr:    noteProblems(f.process, result),
		Otherwise: backup.DriverFailed,
	})
	if result.ProblemCount == 0 || ctx.Err() != nil {
		return err
	}
	result.Partial = true
	message := fmt.Sprintf("restic could not restore all of the data: %d problems", result.ProblemCount)
	if !f.excludeXattr && strings.Contains(strings.Join(result.Problems, "\n"), selinuxLabel) {
		message += " (SELinux labels cannot be left out before restic 0.18: set SOTERIA_RESTIC_IMAGE to a newer one)"
	}
	return &backup.Error{Kind: backup.Partial, Message: message, Err: err}
}
