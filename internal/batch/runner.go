package batch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// width is how many members are dealt with at once.
	width = 8
	// saveEvery is how often what became of members is written, and seenEvery how often
	// the replica says that it is there.
	saveEvery = 2 * time.Second
	seenEvery = 15 * time.Second
	// silence is how long a replica may say nothing before the leader takes its batches
	// over, and rescueEvery how often the leader looks.
	silence     = time.Minute
	rescueEvery = 30 * time.Second
	// longest is how long after it was asked for a member may be begun.
	longest = time.Hour
	// finalSave bounds the last write when the process stops.
	finalSave = 5 * time.Second
)

// Runner works on batches. Its methods are safe for concurrent use.
type Runner struct {
	Store Store
	// Do deals with one member. It may be asked twice about the same one; see the
	// package's comment. It must not need the request that asked for the batch.
	Do func(ctx context.Context, record Record, member Member) (Outcome, error)
	// Follow looks how the backup goes on that a member began; nil as long as it does.
	// Nil where nothing but [Runner.Tell] says how backups end.
	Follow func(ctx context.Context, record Record, member Member) (*End, error)
	Clock  clock.WithTicker
	Log    *slog.Logger

	mu      sync.Mutex
	base    context.Context //nolint:containedctx // the process', which batches end with, not the caller's
	work    sync.WaitGroup
	running map[string]bool
	// ends are the ends of backups that are not written yet.
	ends []Ended
}

// Start implements controller-runtime's Runnable, on every replica: it lets batches run
// until ctx ends, and waits for them to be written down.
func (r *Runner) Start(ctx context.Context) error {
	r.mu.Lock()
	r.base = ctx
	r.mu.Unlock()
	r.writeEnds(ctx)
	r.work.Wait()
	return nil
}

// NeedLeaderElection tells controller-runtime that every replica works on the batches
// that it is asked for.
func (r *Runner) NeedLeaderElection() bool { return false }

// Begin writes a batch and begins to work on it. It returns once it is written; the work
// goes on without the caller.
func (r *Runner) Begin(ctx context.Context, record Record) (Record, error) {
	now := r.Clock.Now().UTC()
	record.CreatedAt, record.SeenAt = now, now
	stored, err := r.Store.Create(ctx, record)
	if err != nil {
		return Record{}, err
	}
	shown := stored
	shown.Members = slices.Clone(stored.Members)
	if !r.spawn(stored) { //nolint:contextcheck // the work ends with the process, not with the caller
		r.Log.Info("a batch waits for the leader: this replica is not up yet, or stops", "batch", stored.ID)
	}
	return shown, nil
}

// Get returns a batch; see [Store.Get].
func (r *Runner) Get(ctx context.Context, id string) (Record, error) { return r.Store.Get(ctx, id) }

// List returns the batches that are kept, newest first.
func (r *Runner) List(ctx context.Context) ([]Record, error) { return r.Store.List(ctx) }

// Rescue takes batches over whose replica has fallen silent, and removes those that
// ended long ago.
func (r *Runner) Rescue(ctx context.Context) error {
	list, err := r.Store.List(ctx)
	if err != nil {
		return err
	}
	now := r.Clock.Now().UTC()
	for _, record := range list {
		if record.Ended() || now.Sub(record.SeenAt) < silence || r.isRunning(record.ID) {
			continue
		}
		record.SeenAt = now
		taken, err := r.Store.Save(ctx, record)
		if err != nil {
			r.Log.Warn("a batch could not be taken over", "batch", record.ID, "error", err)
			continue
		}
		r.Log.Info("taking a batch over: nothing was heard of its replica", "batch", record.ID)
		r.spawn(taken) //nolint:contextcheck // as in Begin
	}
	r.followEnds(ctx, list)
	return r.Store.Remove(ctx, now)
}

// Rescuer has the leader look for batches that no replica works on.
type Rescuer struct{ Runner *Runner }

// Start implements controller-runtime's Runnable, on the leader.
func (r Rescuer) Start(ctx context.Context) error {
	ticker := r.Runner.Clock.NewTicker(rescueEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			if err := r.Runner.Rescue(ctx); err != nil && ctx.Err() == nil {
				r.Runner.Log.Warn("batches could not be looked through", "error", err)
			}
		}
	}
}

func (r *Runner) isRunning(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[id]
}

// spawn works on a batch in the background, unless the process is not up or stops.
func (r *Runner) spawn(record Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.base == nil || r.base.Err() != nil {
		return false
	}
	if r.running == nil {
		r.running = map[string]bool{}
	}
	r.running[record.ID] = true
	base := r.base
	r.work.Go(func() {
		defer func() {
			r.mu.Lock()
			delete(r.running, record.ID)
			r.mu.Unlock()
		}()
		r.run(base, record)
	})
	return true
}

// run deals with the members that are neither started nor refused.
func (r *Runner) run(base context.Context, record Record) {
	ctx, stop := context.WithCancel(base)
	defer stop()
	state := &progress{record: record}
	written := make(chan struct{})
	go func() {
		defer close(written)
		r.keep(ctx, stop, state)
	}()
	var group errgroup.Group
	group.SetLimit(width)
	for i := range record.Members {
		if record.Members[i].Outcome != nil {
			continue
		}
		group.Go(func() error {
			if ctx.Err() == nil {
				if outcome := r.member(ctx, record, record.Members[i]); ctx.Err() == nil || outcome.Refusal == nil {
					state.settle(i, outcome)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // no function above returns an error
	interrupted := ctx.Err() != nil
	stop()
	<-written
	r.finish(base, state, interrupted)
}

// member deals with one member. A panic is its outcome, too.
func (r *Runner) member(ctx context.Context, record Record, member Member) (outcome Outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			r.Log.Error("panic", "batch", record.ID, "panic", cause, "stack", string(debug.Stack()))
			outcome = Outcome{At: r.Clock.Now().UTC(), Refusal: refused(fmt.Errorf("panic: %v", cause))}
		}
	}()
	if r.Clock.Now().Sub(record.CreatedAt) > longest {
		return Outcome{At: r.Clock.Now().UTC(), Refusal: refused(backup.Errorf(backup.Unavailable,
			"it was not begun within %s of being asked for, since Soteria was not running; ask for it again", longest))}
	}
	outcome, err := r.Do(ctx, record, member)
	outcome.At = r.Clock.Now().UTC()
	if err != nil {
		if backup.KindOf(err) == backup.Internal {
			r.Log.ErrorContext(ctx, "internal error", "batch", record.ID, "claim", record.Namespace+"/"+member.Source, "error", fmt.Sprint(err))
		}
		outcome.Refusal = refused(err)
	}
	return outcome
}

// keep writes what became of members, and that the replica is there, until ctx ends. It
// ends the work where another replica has taken the batch over.
func (r *Runner) keep(ctx context.Context, stop func(), state *progress) {
	ticker := r.Clock.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			record, changed := state.snapshot()
			if !changed && r.Clock.Since(record.SeenAt) < seenEvery {
				continue
			}
			switch err := r.save(ctx, state, record); {
			case err == nil || ctx.Err() != nil:
			case backup.KindOf(err) == backup.Conflict:
				r.Log.Warn("another replica has taken a batch over", "batch", record.ID, "error", err)
				stop()
				return
			default:
				r.Log.Warn("a batch goes on and could not be written down; it is tried again", "batch", record.ID, "error", err)
			}
		}
	}
}

func (r *Runner) save(ctx context.Context, state *progress, record Record) error {
	record.SeenAt = r.Clock.Now().UTC()
	stored, err := r.Store.Save(ctx, record)
	if err != nil {
		return err
	}
	state.saved(stored)
	return nil
}

// finish writes the end. Where the process stops before, it lets another replica go on
// at once.
func (r *Runner) finish(base context.Context, state *progress, interrupted bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(base), finalSave)
	defer cancel()
	record, _ := state.snapshot()
	switch {
	case interrupted:
		record.SeenAt = time.Time{}
	default:
		record.EndedAt, record.SeenAt = r.Clock.Now().UTC(), r.Clock.Now().UTC()
	}
	if _, err := r.Store.Save(ctx, record); err != nil {
		r.Log.Warn("the end of a batch could not be written; the leader goes on with it", "batch", record.ID, "error", err)
	}
}

// progress is what became of a batch's members so far.
type progress struct {
	mu      sync.Mutex
	record  Record
	changes int
	written int
}

func (p *progress) settle(member int, outcome Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.Members = slices.Clone(p.record.Members)
	p.record.Members[member].Outcome = &outcome
	p.changes++
}

// snapshot returns the record, which does not change any more, and whether something
// is not written yet.
func (p *progress) snapshot() (Record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.record, p.changes != p.written
}

// saved takes over what was written.
func (p *progress) saved(stored Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.version, p.record.SeenAt = stored.version, stored.SeenAt
	p.written = settled(stored)
	p.changes = settled(p.record)
}

func settled(record Record) int {
	count := 0
	for i := range record.Members {
		if record.Members[i].Outcome != nil {
			count++
		}
	}
	return count
}
