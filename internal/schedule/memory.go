package schedule

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memory holds the runs that this process started, as long as nothing else tells
// of them: until they can be observed, where a driver leaves no trace of those
// that ended, and where one could not be started at all.
type memory struct {
	mu   sync.Mutex
	runs map[types.UID][]remembered
}

type remembered struct {
	Run
	// seen is true once the run was observed.
	seen bool
}

const (
	// showTime is how long a run may take to be observable.
	showTime = time.Minute
	// maxRemembered bounds the ended runs of one claim: with more failures the
	// wait does not grow any more.
	maxRemembered = 8
)

func newMemory() *memory { return &memory{runs: make(map[types.UID][]remembered)} }

// add remembers a run.
func (m *memory) add(r Run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.runs[r.ClaimUID]
	if len(all) == maxRemembered {
		all = slices.Delete(all, 0, 1)
	}
	m.runs[r.ClaimUID] = append(all, remembered{Run: r})
}

// complete adds what is remembered to the runs that were observed. A run that was
// seen and is seen no more has ended; one that can be observed to have ended need
// not be remembered. Nothing is concluded about the drivers that could not be
// observed.
func (m *memory) complete(observed map[types.UID][]Run, blind map[string]error, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid, all := range m.runs {
		kept := all[:0]
		for _, r := range all {
			if !r.runs() || blind[r.Driver] != nil {
				kept = append(kept, r)
				continue
			}
			twin, found := r.twin(observed[uid])
			switch {
			case found && !twin.runs():
				continue
			case found:
				r.seen = true
			case r.seen || now.Sub(r.Started) >= showTime:
				r.Ended = now
			}
			kept = append(kept, r)
		}
		if m.runs[uid] = kept; len(kept) == 0 {
			delete(m.runs, uid)
		}
		for _, r := range kept {
			if _, found := r.twin(observed[uid]); !found {
				observed[uid] = append(observed[uid], r.Run)
			}
		}
	}
}

// twin finds the observed run that a remembered one is.
func (r remembered) twin(observed []Run) (Run, bool) {
	at := slices.IndexFunc(observed, func(o Run) bool { return r.runs() && o.Driver == r.Driver && o.Name == r.Name })
	if at < 0 {
		return Run{}, false
	}
	return observed[at], true
}

// forget drops the runs of claims that are gone.
func (m *memory) forget(lives func(types.UID) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid := range m.runs {
		if !lives(uid) {
			delete(m.runs, uid)
		}
	}
}
