package httpapi

import (
	"context"
	"sync"
	"time"
)

// budget is a context that ends after a while, as one of context.WithTimeout does, and
// that starts its timer only once somebody waits for it: most questions are answered from
// what is known, and a timer for each is a good part of what such an answer costs.
type budget struct {
	context.Context
	until time.Time

	mu     sync.Mutex
	inner  context.Context //nolint:containedctx // it is what this one becomes once it is waited for
	cancel context.CancelFunc
	over   bool
}

// withBudget returns a context that ends after a while, or with its parent. Its timer
// goes with end.
func withBudget(parent context.Context, within time.Duration) *budget {
	return &budget{Context: parent, until: time.Now().Add(within)}
}

// end ends the context, and gives its timer back.
func (b *budget) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over = true; b.cancel != nil {
		b.cancel()
	}
}

// Deadline implements [context.Context].
func (b *budget) Deadline() (time.Time, bool) {
	if at, bounded := b.Context.Deadline(); bounded && at.Before(b.until) {
		return at, true
	}
	return b.until, true
}

// Done implements [context.Context].
func (b *budget) Done() <-chan struct{} { return b.started().Done() }

// Err implements [context.Context].
func (b *budget) Err() error { return b.started().Err() }

// started returns the context with its timer.
func (b *budget) started() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inner == nil {
		b.inner, b.cancel = context.WithDeadline(b.Context, b.until)
		if b.over {
			b.cancel()
		}
	}
	return b.inner
}
