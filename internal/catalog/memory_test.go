package catalog_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// remembered is a memory of claims, and a copy of one, that a test can look into and
// break.
type remembered struct {
	mu       sync.Mutex
	claims   expectation.Claims
	writes   int
	reads    int
	failRead error
	failSave error
}

func (r *remembered) Claims(context.Context, string) (expectation.Claims, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if r.failRead != nil {
		return nil, r.failRead
	}
	return r.claims, nil
}

// Read has the copy be one that names no cluster.
func (r *remembered) Read(ctx context.Context, repository string) (expectation.Copies, error) {
	claims, err := r.Claims(ctx, repository)
	return expectation.Copies{"": claims}, err
}

func (r *remembered) Remember(_ context.Context, _ string, learned expectation.Claims) (expectation.Claims, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failSave != nil {
		return nil, r.failSave
	}
	r.writes++
	r.claims = expectation.Union(r.claims, learned)
	return r.claims, nil
}

func (r *remembered) set(change func(*remembered)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *remembered) of(claim backup.Claim) expectation.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claims[claim]
}

// counts returns how often it was read and written.
func (r *remembered) counts() (reads, writes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads, r.writes
}

func (r *remembered) written() int { _, writes := r.counts(); return writes }

func (r *remembered) wasRead() int { reads, _ := r.counts(); return reads }

// accept settles a claim as the command does.
func (r *remembered) accept(claim backup.Claim, left ...backup.Backup) {
	r.set(func(r *remembered) {
		r.claims = expectation.Union(r.claims, expectation.Claims{claim: r.claims[claim].Accept(left, time.Now())})
	})
}

// apart is what is remembered of repositories that no one has accepted.
type apart struct {
	mu           sync.Mutex
	byRepository map[string]expectation.Claims
	failRead     error
	failSave     error
	writes       int
}

func (a *apart) Claims(_ context.Context, driver, repository string) (expectation.Claims, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failRead != nil {
		return nil, a.failRead
	}
	return a.byRepository[driver+" "+repository], nil
}

func (a *apart) Remember(_ context.Context, driver, repository string, learned expectation.Claims) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failSave != nil {
		return a.failSave
	}
	a.put(driver+" "+repository, learned)
	return nil
}

func (a *apart) put(name string, learned expectation.Claims) {
	if a.byRepository == nil {
		a.byRepository = make(map[string]expectation.Claims)
	}
	a.writes++
	a.byRepository[name] = expectation.Union(a.byRepository[name], learned)
}

// settle settles a claim as the command does.
func (a *apart) settle(repository string, claim backup.Claim, settled expectation.Record) {
	a.set(func(a *apart) { a.put("restic "+repository, expectation.Claims{claim: settled}) })
}

func (a *apart) Accepted(_ context.Context, driver, repository string, expected expectation.Claims) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.failSave != nil:
		return a.failSave
	case !maps.Equal(expectation.Union(expected, a.byRepository[driver+" "+repository]), expected):
		return backup.Errorf(backup.Conflict, "more is remembered")
	}
	maps.DeleteFunc(a.byRepository, func(name string, _ expectation.Claims) bool { return strings.HasPrefix(name, driver+" ") })
	return nil
}

func (a *apart) Held(_ context.Context, driver string) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, claims := range a.byRepository {
		if strings.HasPrefix(name, driver+" ") && len(claims) > 0 {
			return true, a.failRead
		}
	}
	return false, a.failRead
}

func (a *apart) set(change func(*apart)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func (a *apart) written() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.writes
}

func (a *apart) of(repository string, claim backup.Claim) expectation.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byRepository["restic "+repository][claim]
}

func TestAMissingBackup(t *testing.T) {
	with := func(m *remembered) func(*catalog.Config) { return func(cfg *catalog.Config) { cfg.Memory = m } }
	inBubbles(t, map[string]func(*testing.T){
		"whose claim has no other is Unknown though other claims have backups, until a person accepts it": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos, music)
			c := start(t, with(memory), r)
			r.set(func(r *repository) { r.backups = r.backups[1:] })
			pass(time.Minute)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.Equal(t, backup.BackupMissing, backup.KindOf(a.Err()))
			assert.Equal(t, "soteria repository accept --claim media/photos", backup.SettleOf(a.Err()))
			for _, words := range []string{"photos-0", "last seen on", "no other backup", "soteria repository accept --claim media/photos"} {
				assert.ErrorContains(t, a.Err(), words)
			}
			assert.NoError(t, c.Prove(within(t, budget), music).Doubt())
			assert.Error(t, c.Overviews()[0].Doubt(photos), "retention goes by it, too")
			assert.Equal(t, map[string]int{"restic": 1}, c.Missing())
			for claim, why := range c.Overviews()[0].Missing() {
				assert.Equal(t, photos, claim)
				assert.Equal(t, backup.BackupMissing, backup.KindOf(why))
			}
			memory.accept(photos)
			pass(time.Minute)
			none := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.None, none.Certainty())
			assert.NotZero(t, none.AcceptedAt())
		},
		"that did not count is missed all the same where no other did": func(t *testing.T) {
			for name, change := range map[string]func(*backup.Backup){
				"dated ahead": func(b *backup.Backup) { b.TakenAt = b.TakenAt.AddDate(1, 0, 0) },
				"void":        func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid },
			} {
				memory, r := &remembered{}, newRepository("restic", music, photos)
				r.set(func(r *repository) { change(&r.backups[1]) })
				c := start(t, with(memory), r)
				assert.Equal(t, backup.Found, c.Prove(within(t, budget), photos).Certainty(), name)
				r.set(func(r *repository) { r.backups = r.backups[:1] })
				pass(time.Minute)
				gone := c.Prove(within(t, budget), photos)
				assert.Equal(t, backup.BackupMissing, backup.KindOf(gone.Err()), name)
				memory.accept(photos)
				pass(time.Minute)
				assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty(), name)
			}
		},
		"that was dated ahead is not missed once another counts": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", music, photos)
			r.set(func(r *repository) { r.backups[1].TakenAt = r.backups[1].TakenAt.AddDate(1, 0, 0) })
			c := start(t, with(memory), r)
			good := r.add(photos)
			pass(time.Minute)
			c.BackupEnded(photos, "job")
			pass(time.Minute)
			r.set(func(r *repository) { r.backups = []backup.Backup{r.backups[0], good} })
			pass(time.Minute)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, []string{good.ID}, ids(a))
			assert.NoError(t, a.Doubt())
			r.set(func(r *repository) { r.backups = r.backups[:1] })
			pass(time.Minute)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Err()), "the good one is missed")
		},
		"of which older ones are left casts doubt on the newest, and hides none of them": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos)
			pass(time.Hour)
			r.add(photos)
			c := start(t, with(memory), r)
			r.set(func(r *repository) { r.backups = r.backups[:1] })
			pass(time.Minute)
			for _, a := range []backup.Answer{c.Prove(within(t, budget), photos), c.Known(within(t, budget), photos)} {
				assert.Equal(t, []string{"photos-0"}, ids(a))
				assert.Equal(t, backup.BackupMissing, backup.KindOf(a.Doubt()))
				assert.ErrorContains(t, a.Doubt(), "1 older ones are")
			}
			r.add(photos)
			pass(time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt(), "a newer one is there now")
		},
		"that was expected by a date which is proved to be wrong is there, and may be forgotten": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos)
			start(t, with(memory), r)
			ahead := r.backups[0].TakenAt
			r.set(func(r *repository) { // another was begun before that date
				b := r.backups[0]
				b.TakenAt, b.DatedAt = b.TakenAt.Add(-5*time.Hour), b.TakenAt
				r.backups = []backup.Backup{b}
			})
			next := r.add(photos)
			r.set(func(r *repository) { r.backups[1].TakenAt = ahead.Add(-4 * time.Hour) })
			c := start(t, with(memory), r)
			a := c.Prove(within(t, budget), photos)
			assert.NoError(t, a.Doubt())
			assert.Equal(t, next.ID, a.Backups()[0].ID)
			assert.NoError(t, c.Forgetting(t.Context(), "restic", photos, a.Backups()[1:], a.Backups()[:1]))
			r.set(func(r *repository) { r.backups = r.backups[1:] })
			pass(time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		},
		"is noticed by a process that never saw it": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos, music)
			start(t, with(memory), r)
			r.set(func(r *repository) { r.backups = r.backups[1:] })
			c := start(t, with(memory), r)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Err()))
		},
		"under another id is there": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos)
			c := start(t, with(memory), r)
			r.set(func(r *repository) {
				copied := r.backups[0]
				copied.ID = "copied"
				r.backups = []backup.Backup{copied}
			})
			pass(time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		},
		"that is dated in the future was never expected, and does not stand for one that was": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos)
			pass(time.Hour)
			r.add(photos)
			r.set(func(r *repository) { r.backups[1].TakenAt = time.Now().AddDate(1, 0, 0) })
			c := start(t, with(memory), r)
			assert.True(t, memory.of(photos).Newest.Before(time.Now()))
			r.set(func(r *repository) { r.backups = r.backups[1:] })
			pass(time.Minute)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Doubt()))
		},
		"that Soteria itself is about to remove is not missed": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos)
			pass(time.Hour)
			newest := r.add(photos)
			c := start(t, with(memory), r)
			older := r.backups[:1]
			assert.NoError(t, c.Forgetting(t.Context(), "restic", photos, []backup.Backup{newest}, older))
			pass(10 * time.Minute) // another listing still sees it
			r.set(func(r *repository) { r.backups = older })
			pass(time.Minute)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, []string{"photos-0"}, ids(a))
			assert.NoError(t, a.Doubt())
			r.set(func(r *repository) { r.backups = nil })
			pass(time.Minute)
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty(), "what was to stay is missed")
		},
	})
}

func TestTheMemory(t *testing.T) {
	away := backup.Errorf(backup.Unavailable, "the API server is away")
	with := func(m *remembered) func(*catalog.Config) { return func(cfg *catalog.Config) { cfg.Memory = m } }
	inBubbles(t, map[string]func(*testing.T){
		"is written in one go and only on change": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("restic", photos, music)
			start(t, with(memory), r)
			assert.Equal(t, 1, memory.written())
			pass(11 * time.Hour)
			assert.Equal(t, 1, memory.written())
			r.add(photos)
			pass(10 * time.Minute)
			assert.Equal(t, 2, memory.written())
		},
		"that cannot be written hides nothing and proves nothing, and is written once it can be": func(t *testing.T) {
			memory, r := &remembered{failSave: away}, newRepository("restic", photos)
			c := start(t, with(memory), r)
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.NoError(t, a.Doubt())
			assert.ErrorIs(t, c.Prove(within(t, budget), music).Err(), away)
			r.set(func(r *repository) { r.backups = nil })
			r.add(music)
			pass(time.Minute)
			memory.set(func(m *remembered) { m.failSave = nil })
			pass(time.Minute)
			assert.NotZero(t, memory.of(photos).Newest, "what could not be written is not forgotten")
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Err()))
		},
		"that cannot be read hides nothing, proves nothing and lets no backup count as the newest": func(t *testing.T) {
			memory := &remembered{failRead: away}
			c := start(t, with(memory), newRepository("restic", photos))
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.ErrorIs(t, a.Doubt(), away)
			assert.ErrorIs(t, c.Prove(within(t, budget), music).Err(), away)
			memory.set(func(m *remembered) { m.failRead = nil })
			pass(time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
	})
}

func TestTheCopyBesideTheBackups(t *testing.T) {
	away := backup.Errorf(backup.Unavailable, "connection refused")
	elsewhere := expectation.Claims{photos: {Newest: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), ID: "gone", Count: 1}}
	with := func(m, beside *remembered) func(*catalog.Config) {
		return func(cfg *catalog.Config) { cfg.Memory, cfg.Copies = m, map[string]catalog.Copy{"restic": beside} }
	}
	inBubbles(t, map[string]func(*testing.T){
		"tells a rebuilt cluster which backups are missing, is read once, and joins the memory": func(t *testing.T) {
			memory, beside := &remembered{}, &remembered{claims: elsewhere}
			c := start(t, with(memory, beside), newRepository("restic", music))
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Err()))
			assert.Equal(t, elsewhere[photos], memory.of(photos))
			pass(time.Hour)
			assert.Equal(t, 1, beside.wasRead())
		},
		"makes an empty repository Unknown whatever the configuration expects": func(t *testing.T) {
			c := start(t, with(&remembered{}, &remembered{claims: elsewhere}), newRepository("restic"))
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(c.Prove(within(t, budget), music).Err()))
		},
		"that cannot be read blocks None alone, and is read again": func(t *testing.T) {
			beside := &remembered{failRead: away}
			c := start(t, with(&remembered{}, beside), newRepository("restic", photos))
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.NoError(t, a.Doubt())
			assert.ErrorIs(t, c.Prove(within(t, budget), music).Err(), away)
			beside.set(func(b *remembered) { b.failRead = nil })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
		"of another repository is read when that one was accepted": func(t *testing.T) {
			beside, r := &remembered{}, newRepository("restic", photos)
			c := start(t, with(&remembered{}, beside), r)
			reads := beside.wasRead()
			r.set(func(r *repository) { r.id = otherID })
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: otherID} })
			pass(10 * time.Minute)
			assert.Equal(t, reads+1, beside.wasRead())
		},
	})
}

// lives is a catalog that is started again and again on what outlives it, while no one
// accepts the repository by default.
type lives struct {
	t          *testing.T
	kept       *remembered
	apart      *apart
	ledger     *memory
	repository *repository
	stop       func()
}

func newLives(t *testing.T, repository *repository) *lives {
	t.Helper()
	return &lives{t: t, kept: &remembered{}, apart: &apart{}, ledger: newMemory(), repository: repository, stop: func() {}}
}

// next ends the present life and begins another.
func (l *lives) next() bench {
	l.t.Helper()
	l.stop()
	b := l.replica()
	l.stop = run(l.t, b.Catalog)
	return b
}

// replica makes a catalog that shares what outlives them.
func (l *lives) replica() bench {
	return newBench(func(cfg *catalog.Config) { cfg.Expect, cfg.Memory, cfg.Unaccepted = nil, l.kept, l.apart }, l.ledger, l.repository)
}

func (l *lives) accept(repository string) {
	l.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repository} })
}

func TestWhatAWrongRepositoryHoldsIsNotExpectedOfTheRightOne(t *testing.T) {
	for name, restart := range map[string]bool{"by the same process": false, "by the next one": true} {
		for name2, accept := range map[string]bool{"which no one accepted either": false, "which is accepted": true} {
			t.Run(name+" "+name2, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRepository("restic")
					pass(time.Hour)
					newest := r.add(photos) // of another cluster's claim of that name
					r.set(func(r *repository) { r.id = otherID })
					l := newLives(t, r)
					c := l.next()
					found := c.Prove(within(t, budget), photos)
					assert.Equal(t, newest.ID, found.Backups()[0].ID)
					assert.Empty(t, l.kept.of(photos), "no one has accepted that repository")
					assert.Equal(t, newest.ID, l.apart.of(otherID, photos).ID)

					// Soteria is pointed at the right one.
					r.set(func(r *repository) {
						r.id = repositoryID
						r.backups[0].ID, r.backups[0].TakenAt = "the right one", newest.TakenAt.Add(-30*time.Minute)
					})
					if accept {
						l.accept(repositoryID)
					}
					if restart {
						c = l.next()
					}
					pass(10 * time.Minute)
					found = c.Prove(within(t, budget), photos)
					assert.Equal(t, "the right one", found.Backups()[0].ID)
					assert.NoError(t, found.Doubt(), "it lacks nothing")
					assert.Equal(t, accept, l.apart.of(otherID, photos).ID == "", "an accepted repository leaves nothing to remember of others")
				})
			})
		}
	}
}

func TestWhatVanishesFromARepositoryThatNoOneAcceptedIsMissed(t *testing.T) {
	away := backup.Errorf(backup.Unavailable, "the API server is away")
	// A claim has two backups in a repository that no one has accepted.
	begun := func(t *testing.T) (*lives, *repository, bench) {
		t.Helper()
		r := newRepository("restic", photos)
		pass(time.Hour)
		r.add(photos)
		l := newLives(t, r)
		c := l.next()
		assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		return l, r, c
	}
	newestGoes := func(r *repository) { r.backups = r.backups[:1] }
	missed := func(t *testing.T, c bench) {
		t.Helper()
		doubt := c.Prove(within(t, budget), photos).Doubt()
		assert.Equal(t, backup.BackupMissing, backup.KindOf(doubt))
		assert.ErrorContains(t, doubt, "in repository "+backup.ShortID(repositoryID))
	}
	inBubbles(t, map[string]func(*testing.T){
		"by the process that saw it": func(t *testing.T) {
			_, r, c := begun(t)
			r.set(newestGoes)
			pass(10 * time.Minute)
			missed(t, c)
		},
		"by the next one": func(t *testing.T) {
			l, r, _ := begun(t)
			r.set(newestGoes)
			missed(t, l.next())
		},
		"by another replica": func(t *testing.T) {
			l, r, _ := begun(t)
			r.set(newestGoes)
			other := l.replica()
			run(t, other.Catalog)
			missed(t, other)
		},
		"also where all of it went": func(t *testing.T) {
			l, r, _ := begun(t)
			r.set(func(r *repository) { r.backups = nil })
			why := l.next().Prove(within(t, budget), photos).Err()
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(why))
			assert.ErrorContains(t, why, "has held backups and is empty now")
		},
		"after another one was looked at meanwhile": func(t *testing.T) {
			l, r, _ := begun(t)
			r.set(func(r *repository) { r.id = otherID })
			assert.NoError(t, l.next().Prove(within(t, budget), photos).Doubt())
			r.set(func(r *repository) { r.id = repositoryID; newestGoes(r) })
			missed(t, l.next())
		},
		"after it was accepted as it was before, and once more after that": func(t *testing.T) {
			l, r, _ := begun(t)
			l.stop()
			l.accept(repositoryID)
			r.set(newestGoes)
			missed(t, l.next())
			assert.NotEmpty(t, l.kept.of(photos), "it is expected of the driver's repository from now on")
			assert.Empty(t, l.apart.of(repositoryID, photos))
			missed(t, l.next())
		},
		"not where Soteria removed it": func(t *testing.T) {
			l, r, c := begun(t)
			assert.NoError(t, c.Forgetting(t.Context(), "restic", photos, r.backups[1:], r.backups[:1]))
			assert.Empty(t, l.kept.of(photos), "the right repository is not expected to hold what stays in this one")
			r.set(newestGoes)
			pass(10 * time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
			assert.NoError(t, l.next().Prove(within(t, budget), photos).Doubt())
			r.set(func(r *repository) { r.backups = nil })
			r.add(music)
			why := l.next().Prove(within(t, budget), photos).Err()
			assert.Equal(t, backup.BackupMissing, backup.KindOf(why), "what was to stay is missed")
		},
		"not where a person accepted it": func(t *testing.T) {
			l, r, c := begun(t)
			r.set(newestGoes)
			l.apart.settle(repositoryID, photos, l.apart.of(repositoryID, photos).Accept(r.backups, time.Now()))
			pass(10 * time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
			assert.NoError(t, l.next().Prove(within(t, budget), photos).Doubt())
		},
		"and is written on change alone": func(t *testing.T) {
			l, r, _ := begun(t)
			assert.Equal(t, 1, l.apart.written())
			pass(11 * time.Hour)
			assert.Equal(t, 1, l.apart.written())
			r.add(photos)
			pass(10 * time.Minute)
			assert.Equal(t, 2, l.apart.written())
		},
		"where that cannot be read no backup counts as the newest": func(t *testing.T) {
			l, _, _ := begun(t)
			l.apart.set(func(a *apart) { a.failRead = away })
			c := l.next()
			assert.ErrorIs(t, c.Prove(within(t, budget), photos).Doubt(), away)
			l.apart.set(func(a *apart) { a.failRead = nil })
			pass(time.Minute)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		},
		"where that cannot be written nothing is hidden, and it is written once it can be": func(t *testing.T) {
			l, r, _ := begun(t)
			l.apart.set(func(a *apart) { a.failSave = away })
			r.add(music)
			c := l.next()
			assert.NoError(t, c.Prove(within(t, budget), music).Doubt())
			assert.Empty(t, l.apart.of(repositoryID, music))
			l.apart.set(func(a *apart) { a.failSave = nil })
			pass(time.Minute)
			assert.NotEmpty(t, l.apart.of(repositoryID, music))
		},
	})
}
