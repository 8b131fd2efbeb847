package catalog_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
)

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	music  = backup.Claim{Namespace: "media", Name: "music"}
)

const (
	repositoryID = "5e1f0000aaaa"
	otherID      = "0badc0ffee00"
)

// repository is a backup system whose behavior a test sets. All its methods may
// be called at any time.
type repository struct {
	name string

	mu       sync.Mutex
	id       string
	backups  []backup.Backup
	latency  time.Duration
	failure  error
	truncate bool
	doubts   map[backup.Claim]error
	missed   error
	strays   []attribution.Stray
	listings int
	parallel int
	most     int
}

func newRepository(name string, claims ...backup.Claim) *repository {
	r := &repository{name: name, id: repositoryID, latency: 100 * time.Millisecond}
	for _, claim := range claims {
		r.add(claim)
	}
	return r
}

func (r *repository) Name() string { return r.name }

// List reads the state when the call begins, and takes the latency to tell it.
func (r *repository) List(ctx context.Context, into driver.Listing) (string, error) {
	r.mu.Lock()
	r.listings++
	r.parallel++
	r.most = max(r.most, r.parallel)
	id, backups, latency, failure, truncate, doubts, missed, strays := r.id, r.backups, r.latency, r.failure, r.truncate, r.doubts, r.missed, r.strays
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.parallel--
	}()
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return "", fmt.Errorf("the tool was killed: %w", ctx.Err())
	}
	if truncate {
		backups = backups[:len(backups)/2]
		if failure == nil {
			failure = backup.Errorf(backup.Unavailable, "the connection was reset")
		}
	}
	for _, b := range backups {
		into.Backup(b)
	}
	for claim, why := range doubts {
		into.Doubt(claim, why)
	}
	if missed != nil {
		into.Incomplete(missed)
	}
	into.Strays(strays, strayWords)
	return id, failure
}

func (r *repository) add(claim backup.Claim) backup.Backup {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := backup.Backup{
		Claim: claim, Driver: r.name, ID: fmt.Sprintf("%s-%d", claim.Name, len(r.backups)), TakenAt: time.Now(),
		Tags: []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name},
	}
	r.backups = append(r.backups[:len(r.backups):len(r.backups)], b)
	return b
}

func (r *repository) set(change func(*repository)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *repository) listed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.listings
}

// memory is a ledger in memory that a test can break.
type memory struct {
	mu       sync.Mutex
	recorded map[string]catalog.Expectation
	writes   int
	failRead error
	failSave error
	// failHeld is returned to who asks which drivers held backups.
	failHeld error
	// meddle, when set, runs once before the next record, as another replica.
	meddle func(map[string]catalog.Expectation)
}

func newMemory() *memory { return &memory{recorded: make(map[string]catalog.Expectation)} }

func (m *memory) Expectation(_ context.Context, driver string) (catalog.Expectation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recorded[driver], m.failRead
}

func (m *memory) Record(_ context.Context, driver string, before, after catalog.Expectation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failSave != nil {
		return m.failSave
	}
	if m.meddle != nil {
		m.meddle(m.recorded)
		m.meddle = nil
	}
	if m.recorded[driver] != before {
		return backup.Errorf(backup.Conflict, "changed since it was read")
	}
	m.recorded[driver] = after
	m.writes++
	return nil
}

func (m *memory) Held(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var held []string
	for driver, recorded := range m.recorded {
		if recorded.HeldBackups {
			held = append(held, driver)
		}
	}
	return held, cmp.Or(m.failHeld, m.failRead)
}

func (m *memory) set(change func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

func (m *memory) of(driver string) catalog.Expectation {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recorded[driver]
}

// outcomes counts what the catalog tells of its listings.
type outcomes struct {
	mu     sync.Mutex
	counts map[string]int
}

func newOutcomes() *outcomes { return &outcomes{counts: make(map[string]int)} }

func (o *outcomes) Listed(driver string, _ time.Duration, _ int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	result := "ok"
	if err != nil {
		result = backup.KindOf(err).String()
	}
	o.counts[driver+" "+result]++
}

func (o *outcomes) Confirmed(driver string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[driver+" confirmed"]++
}

func (o *outcomes) of(driver, result string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[driver+" "+result]
}

func (m *memory) written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}
