package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
)

// lockPatience is how long restic waits for another's exclusive lock, such as
// that of a prune. Then the backup fails and says so; it is tried again, ever less
// often.
const lockPatience = "10m"

// freshStarts is how often restic is started anew because it asks for a lock that
// is gone; after that it may take its time.
const freshStarts = 20

// lastUnlock is how long removing the own lock may take once the pod is told to end.
const lastUnlock = 8 * time.Second

// errLockGone ends a run of restic that asks for a lock that is gone.
var errLockGone = errors.New("restic asks for a lock that is gone")

// removeStaleLocks removes the locks that restic knows to be left over from
// processes that died: those of this pod at once, those of others once they are
// half an hour old. Those of living ones stay. Whether it worked shows when the
// lock is needed, so that only what cannot pass by itself is an error.
func removeStaleLocks(ctx context.Context, p Process, program cli.Program) error {
	if noLocks(ctx, program) {
		return nil
	}
	unlock := cli.Invocation{Args: []string{"unlock"}, Stderr: tell(p), Otherwise: backup.Unavailable}
	// It takes no lock itself, so it leaves none wherever it is ended.
	_, err := unlessLockStays(ctx, unlock, func() bool { return true }, func(ctx context.Context, in cli.Invocation) error {
		return beginningAgain(ctx, p, program, in, func() error { return nil })
	})
	if kind := backup.KindOf(err); kind == backup.Credentials || kind == backup.RepositoryAbsent {
		return err
	}
	return ctx.Err()
}

// noLocks reports whether the repository is known to hold no lock at all, which takes
// one request in the place of a restic that opens the repository.
func noLocks(ctx context.Context, program cli.Program) bool {
	if !store.Can(program.Location.Kind) {
		return false
	}
	opened, err := store.Open(program.Location, program.Credentials, program.Region, nil)
	if err != nil {
		return false
	}
	defer opened.Close()
	locked, err := opened.Locked(ctx)
	return err == nil && !locked
}

// besideOthers runs restic while others use the repository too. Before it begins,
// restic reads all their locks; one that is given up meanwhile it goes on asking
// for, for about a minute. Started anew it does not see that lock any more, which
// costs nothing as long as it has printed nothing; but it looks at the others once
// more after it has made its own, which it may then have left behind. So may a
// restic before 0.17 that is told to end.
func besideOthers(ctx context.Context, p Process, program cli.Program, in cli.Invocation) error {
	err := beginningAgain(ctx, p, program, in, func() error { return removeStaleLocks(ctx, p, program) })
	if ctx.Err() != nil {
		last, done := context.WithTimeout(context.WithoutCancel(ctx), lastUnlock)
		defer done()
		_ = removeStaleLocks(last, p, program) // what stays is removed by a later backup
	}
	return err
}

// errLockStays ends a run of restic that has nothing left to do but to remove a
// lock, and cannot.
var errLockStays = errors.New("restic cannot remove a lock")

// unlessLockStays has restic run, and ends it where it goes on trying for a quarter
// of an hour to remove a lock that it may not remove, once all its work is done.
// That is no error. Stays reports whether a lock could not be removed; restic's own
// words are passed on once.
func unlessLockStays(ctx context.Context, in cli.Invocation, done func() bool, run func(context.Context, cli.Invocation) error) (stays bool, err error) {
	attempt, end := context.WithCancelCause(ctx)
	defer end(nil)
	var told atomic.Bool
	stderr := in.Stderr
	in.Stderr = func(line string) {
		if !cli.LockStays(line) {
			stderr(line)
			return
		}
		if !told.Swap(true) {
			stderr(line)
		}
		if done() {
			end(errLockStays)
		}
	}
	err = run(attempt, in)
	if ctx.Err() == nil && errors.Is(context.Cause(attempt), errLockStays) {
		err = nil
	}
	return told.Load(), err
}

// beginningAgain runs restic until a run asks for no lock that is gone, and has
// something done between runs.
func beginningAgain(ctx context.Context, p Process, program cli.Program, in cli.Invocation, between func() error) error {
	for range freshStarts {
		err := untilALockIsGone(ctx, program, in)
		if !errors.Is(err, errLockGone) {
			return err
		}
		fmt.Fprintln(p.Stderr, "another restic has given up its lock meanwhile: beginning again")
		if err := between(); err != nil {
			return err
		}
	}
	return program.Run(ctx, in)
}

// untilALockIsGone is one run; its error is errLockGone if it is to begin again.
func untilALockIsGone(ctx context.Context, program cli.Program, in cli.Invocation) error {
	attempt, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var began atomic.Bool
	stdout, stderr := in.Stdout, in.Stderr
	if stdout != nil {
		in.Stdout = func(from io.Reader) error { return stdout(&noticing{from: from, read: &began}) }
	}
	in.Stderr = func(line string) {
		if cli.LockGone(line) && !began.Load() {
			giveUp(errLockGone)
			return
		}
		stderr(line)
	}
	err := program.Run(attempt, in)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(attempt), errLockGone) {
		return errLockGone
	}
	return err
}

// noticing is a reader that notices when something is read.
type noticing struct {
	from io.Reader
	read *atomic.Bool
}

// Read implements [io.Reader].
func (n *noticing) Read(p []byte) (int, error) {
	count, err := n.from.Read(p)
	if count > 0 {
		n.read.Store(true)
	}
	return count, err
}
