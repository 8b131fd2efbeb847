package ledger

import (
	"context"
	"sync"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

// Memory keeps expectations for as long as the process lives, for one that has no
// cluster to keep them in. A restart forgets them: a repository that was emptied
// or swapped while nothing ran is believed. The zero value is ready.
type Memory struct {
	mu       sync.Mutex
	byDriver map[string]catalog.Expectation
}

var _ catalog.Ledger = (*Memory)(nil)

// Expectation implements [catalog.Ledger].
func (m *Memory) Expectation(_ context.Context, driver string) (catalog.Expectation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byDriver[driver], nil
}

// Held implements [catalog.Ledger].
func (m *Memory) Held(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var held []string
	for driver, recorded := range m.byDriver {
		if recorded.HeldBackups {
			held = append(held, driver)
		}
	}
	return held, nil
}

// Record implements [catalog.Ledger].
func (m *Memory) Record(_ context.Context, driver string, before, after catalog.Expectation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byDriver[driver] != before {
		return backup.Errorf(backup.Conflict, "something else is expected of the %s repository by now", driver)
	}
	if m.byDriver == nil {
		m.byDriver = make(map[string]catalog.Expectation)
	}
	m.byDriver[driver] = after
	return nil
}
