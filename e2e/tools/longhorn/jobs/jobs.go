// Package jobs runs what takes long, beside the loop that asks for it.
package jobs

import (
	"context"
	"sync"
)

// Func is the work. It reports how far it is, 0 to 100.
type Func func(ctx context.Context, report func(percent int)) error

// State is how far a job is. Err is set only when Done.
type State struct {
	Percent int
	Done    bool
	Err     error
}

// Jobs is the jobs that are known by name. It is safe for concurrent use.
type Jobs struct {
	changed func()

	mu   sync.Mutex
	jobs map[string]*job
	wait sync.WaitGroup
}

type job struct {
	State
	cancel context.CancelFunc
	ended  chan struct{}
}

// New makes an empty set. changed is called, from any goroutine, whenever a state changes.
func New(changed func()) *Jobs {
	return &Jobs{changed: changed, jobs: map[string]*job{}}
}

// Run starts a job, unless one of that name is known, and returns the state of the one that is known then. The job may
// outlive the call; it ends with the context.
func (j *Jobs) Run(ctx context.Context, name string, work Func) State {
	j.mu.Lock()
	defer j.mu.Unlock()
	if known, ok := j.jobs[name]; ok {
		return known.State
	}
	ctx, cancel := context.WithCancel(ctx)
	started := &job{cancel: cancel, ended: make(chan struct{})}
	j.jobs[name] = started
	j.wait.Go(func() {
		defer close(started.ended)
		defer cancel()
		err := work(ctx, func(percent int) { j.update(started, State{Percent: percent}) })
		j.update(started, State{Percent: started.Percent, Done: true, Err: err})
	})
	return started.State
}

func (j *Jobs) update(job *job, state State) {
	j.mu.Lock()
	same := job.State == state
	job.State = state
	j.mu.Unlock()
	if !same {
		j.changed()
	}
}

// Forget ends a job if need be, waits until it has ended, and forgets it: the next Run starts it anew.
func (j *Jobs) Forget(name string) {
	j.mu.Lock()
	known, ok := j.jobs[name]
	j.mu.Unlock()
	if !ok {
		return
	}
	known.cancel()
	<-known.ended
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.jobs[name] == known {
		delete(j.jobs, name)
	}
}

// Wait returns once all jobs have ended. No other may be started any more.
func (j *Jobs) Wait() {
	j.wait.Wait()
}
