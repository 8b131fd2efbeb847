package catalog_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

// register remembers in memory which strays were accepted; a test can break it.
type register struct {
	mu       sync.Mutex
	recorded map[string][]string
	failure  error
	begun    int
	// accepts is what persons have accepted, in the order of time.
	accepts []acceptance
}

type acceptance struct {
	from time.Time
	ids  []string
}

// acceptedAll reports whether all of these had been accepted at any moment since.
func (r *register) acceptedAll(ids []string, since time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing := func(a acceptance) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(a.ids, id) })
	}
	current := currentSince(r.accepts, func(a acceptance) time.Time { return a.from }, since)
	return len(ids) == 0 || slices.ContainsFunc(current, func(a acceptance) bool { return !missing(a) })
}

var _ catalog.Register = (*register)(nil)

func newRegister() *register { return &register{recorded: make(map[string][]string)} }

type acceptedIDs []string

func (i acceptedIDs) Has(id string) bool { return slices.Contains(i, id) }

func (r *register) Accepted(_ context.Context, driver, repository string) (catalog.Accepted, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	accepted, recorded := r.recorded[driver+repository]
	if r.failure != nil || !recorded {
		return nil, r.failure
	}
	return acceptedIDs(accepted), nil
}

func (r *register) Begin(_ context.Context, driver, repository string, accepted []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, recorded := r.recorded[driver+repository]; recorded {
		return backup.Errorf(backup.Conflict, "recorded by now")
	}
	r.recorded[driver+repository] = slices.Clone(accepted)
	r.begun++
	return r.failure
}

func (r *register) accept(driver, repository string, accepted ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recorded[driver+repository] = accepted
	r.accepts = append(r.accepts, acceptance{from: time.Now(), ids: accepted})
}

func (r *register) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

var strayWords = attribution.Settings{Driver: "restic", Noun: "restic snapshots", Adopt: "ADOPT", Foreign: "FOREIGN", Keys: []string{"host"}}

func stray(id string, claims ...backup.Claim) attribution.Stray {
	return attribution.Stray{ID: id, Facts: attribution.Facts{"host": {"laptop"}}, Claims: claims}
}

// startWith is start with a ledger that is prepared.
func startWith(t *testing.T, prepare func(*memory), change func(*catalog.Config), repositories ...*repository) bench {
	t.Helper()
	remembered := newMemory()
	prepare(remembered)
	b := newBench(change, remembered, repositories...)
	run(t, b.Catalog)
	pass(time.Second)
	synctest.Wait()
	return b
}

// prove asks, once all is quiet, after a listing that begins now.
func prove(t *testing.T, c bench, claim backup.Claim) backup.Answer {
	t.Helper()
	pass(time.Minute)
	return c.Prove(within(t, budget), claim)
}

func TestStrays(t *testing.T) {
	used := func(m *memory) {
		m.recorded["restic"] = catalog.Expectation{Repository: repositoryID, HeldBackups: true}
	}
	for name, test := range map[string]func(t *testing.T){
		"a new cluster holds claims without backups for a stray": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.strays = []attribution.Stray{stray("aaa")}
			c := start(t, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			a := prove(t, c, photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "nothing says which claim 1 restic snapshots are of")
			found := prove(t, c, music)
			assert.Equal(t, backup.Found, found.Certainty(), "what is told of others stands")
			assert.NoError(t, found.Doubt(), "a stray that names no claim says nothing about which backup is the newest")
			assert.Equal(t, catalog.StrayCounts{Held: 1}, c.Overviews()[0].Strays())
			assert.Error(t, c.Overviews()[0].Doubt(photos))
			require.Len(t, c.Overviews()[0].Doubts(), 1)
			assert.ErrorContains(t, c.Overviews()[0].Doubts()[0], "1 restic snapshots")
			assert.NoError(t, c.Overviews()[0].DoubtOfAttributed(photos))
			assert.NoError(t, c.Overviews()[0].AcceptedStrays())
		},
		"a cluster that used the repository before goes on, and holds for what comes later": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.strays = []attribution.Stray{stray("aaa")}
			c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			assert.Equal(t, backup.None, prove(t, c, photos).Certainty())
			assert.ErrorContains(t, c.Overviews()[0].AcceptedStrays(), "1 restic snapshots")
			assert.ErrorContains(t, c.Overviews()[0].IfRebuilt(), "a rebuilt one has not: nothing says which claim 1 restic snapshots")
			r.set(func(r *repository) { r.strays = append(slices.Clone(r.strays), stray("bbb")) })
			a := prove(t, c, photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "claim 1 restic snapshots are of", "the one that was there is not counted")
			r.set(func(r *repository) { r.strays = r.strays[:1] })
			assert.Equal(t, backup.None, prove(t, c, photos).Certainty())
		},
		"a stray that was there under another id is the same": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.strays = []attribution.Stray{stray("aaa")}
			c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.None, prove(t, c, photos).Certainty())
			retagged := stray("ccc")
			retagged.FormerID = "aaa"
			r.set(func(r *repository) { r.strays = []attribution.Stray{retagged} })
			assert.Equal(t, backup.None, prove(t, c, photos).Certainty())
			retagged.FormerID = "ddd" // such as a backup of Soteria's that lost its tags
			r.set(func(r *repository) { r.strays = []attribution.Stray{retagged} })
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
		},
		"a repository that held none when it was first seen accepts none later": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.None, prove(t, c, photos).Certainty())
			r.set(func(r *repository) { r.strays = []attribution.Stray{stray("aaa")} })
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
		},
		"what a person accepts is heeded by the next listing": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.strays = []attribution.Stray{stray("aaa"), stray("bbb")}
			c := start(t, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			accepted.accept("restic", repositoryID, "aaa", "bbb")
			assert.Equal(t, backup.None, prove(t, c, photos).Certainty())
		},
		"a crash between the two memories accepts nothing": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.strays = []attribution.Stray{stray("aaa")}
			c := startWith(t, func(m *memory) { m.failSave = errors.New("the API server is away") }, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			c.ledger.set(func(m *memory) { m.failSave = nil })
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			assert.Equal(t, repositoryID, c.ledger.of("restic").Repository)
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty(), "the repository was recorded before the ledger knew it")
		},
		"a repository that held strays alone and is empty now is not believed": func(t *testing.T) {
			r, accepted := newRepository("restic"), newRegister()
			r.strays = []attribution.Stray{stray("aaa")}
			c := start(t, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			r.set(func(r *repository) { r.strays = nil })
			a := prove(t, c, photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "has held backups and is empty now")
		},
		"another repository is not recorded": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			r.id = otherID
			c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			require.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			assert.Zero(t, accepted.begun)
		},
		"without a register nothing is accepted": func(t *testing.T) {
			r := newRepository("restic", music)
			r.strays = []attribution.Stray{stray("aaa")}
			c := startWith(t, used, nil, r)
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
		},
		"a register that cannot be read proves nothing and hides nothing": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			accepted.fail(backup.Errorf(backup.Unavailable, "forbidden"))
			c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			a := prove(t, c, photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "reading which backups of the restic repository were accepted: forbidden")
			assert.Equal(t, backup.Found, prove(t, c, music).Certainty())
			accepted.fail(nil)
			assert.Equal(t, backup.None, prove(t, c, photos).Certainty())
		},
		"a new cluster believes nothing before the register is written": func(t *testing.T) {
			r, accepted := newRepository("restic", music), newRegister()
			accepted.fail(backup.Errorf(backup.Unavailable, "forbidden"))
			c := start(t, func(cfg *catalog.Config) { cfg.Accepted = accepted }, r)
			assert.Equal(t, backup.Unknown, prove(t, c, photos).Certainty())
			assert.Zero(t, c.ledger.written(), "the ledger must not know a repository that is not recorded")
		},
		"a stray that names a claim is told to it, and doubts its newest backup": func(t *testing.T) {
			r := newRepository("restic", music)
			later, earlier := stray("aaa", music, photos), stray("bbb", music)
			later.TakenAt, earlier.TakenAt = time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
			r.strays = []attribution.Stray{later}
			c := start(t, nil, r)
			assert.ErrorContains(t, prove(t, c, photos).Err(), "backup aaa from host laptop may be of media/photos")
			a := prove(t, c, music)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.ErrorContains(t, a.Doubt(), "backup aaa from host laptop may be of media/music")
			r.set(func(r *repository) { r.strays = []attribution.Stray{earlier} })
			assert.NoError(t, prove(t, c, music).Doubt(), "an older one is no newer backup")
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
}
