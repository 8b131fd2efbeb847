package mem

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// fill identifies a fill.
type fill struct {
	claim   types.UID
	attempt int32
}

// Filler is a [driver.Filler] that moves nothing. Fills stay Pending until a
// test says otherwise; it is safe for concurrent use.
type Filler struct {
	mu       sync.Mutex
	states   map[fill]driver.FillState
	requests []driver.FillRequest
	started  int
	lingers  map[types.UID]bool
	err      error
	outcome  *driver.FillState
}

var _ driver.Filler = (*Filler)(nil)

// NewFiller makes a filler.
func NewFiller() *Filler {
	return &Filler{states: map[fill]driver.FillState{}, lingers: map[types.UID]bool{}}
}

// Fill implements [driver.Filler].
func (f *Filler) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, req)
	if err := ctx.Err(); err != nil {
		return driver.FillState{}, backup.Errorf(backup.Unavailable, "filling %s: %w", req.Prime, err)
	}
	if f.err != nil {
		return driver.FillState{}, f.err
	}
	key := fill{req.ClaimUID, req.Attempt}
	state, begun := f.states[key]
	if begun {
		return state, nil
	}
	for other := range f.states {
		if other.claim == req.ClaimUID && other.attempt > req.Attempt {
			return driver.FillState{}, backup.Errorf(backup.Conflict, "attempt %d for %s is under way already", other.attempt, req.Claim)
		}
		if other.claim == req.ClaimUID {
			delete(f.states, other)
		}
	}
	f.started++
	if f.outcome != nil {
		state = *f.outcome
	}
	f.states[key] = state
	return state, nil
}

// Release implements [driver.Filler].
func (f *Filler) Release(ctx context.Context, claimUID types.UID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, backup.Errorf(backup.Unavailable, "releasing: %w", err)
	}
	if f.err != nil {
		return false, f.err
	}
	for key := range f.states {
		if key.claim == claimUID {
			delete(f.states, key)
		}
	}
	return !f.lingers[claimUID], nil
}

// Finding implements [driver.Filler].
func (f *Filler) Finding(ctx context.Context, claimUID types.UID) (driver.Finding, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return driver.FindingNone, backup.Errorf(backup.Unavailable, "looking at fills: %w", err)
	}
	found := driver.FindingNone
	for key, state := range f.states {
		if key.claim == claimUID {
			found = max(found, state.Finding)
		}
	}
	return found, f.err
}

// Set brings a fill that has begun to a state.
func (f *Filler) Set(claimUID types.UID, attempt int32, state driver.FillState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states[fill{claimUID, attempt}] = state
}

// Always gives every fill that begins from now on this state at once; nil leaves
// them Pending again.
func (f *Filler) Always(state *driver.FillState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcome = state
}

// Fail makes every call an error until it is called with nil.
func (f *Filler) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Linger keeps a released fill's pod from being gone, or lets it go.
func (f *Filler) Linger(claimUID types.UID, lingers bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lingers[claimUID] = lingers
}

// Requests gives every request that Fill got.
func (f *Filler) Requests() []driver.FillRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]driver.FillRequest(nil), f.requests...)
}

// Started says how many fills were begun.
func (f *Filler) Started() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started
}
