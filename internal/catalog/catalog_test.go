package catalog_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// bench is a running catalog with all that surrounds it, inside a bubble of fake
// time: nothing takes real time, and time only passes when everybody waits.
type bench struct {
	*catalog.Catalog
	ledger   *memory
	outcomes *outcomes
}

// start runs a catalog and waits until every repository has been listed once.
func start(t *testing.T, change func(*catalog.Config), repositories ...*repository) bench {
	t.Helper()
	b := newBench(change, newMemory(), repositories...)
	run(t, b.Catalog)
	pass(time.Second)
	synctest.Wait()
	return b
}

func newBench(change func(*catalog.Config), ledger *memory, repositories ...*repository) bench {
	cfg := catalog.DefaultConfig()
	cfg.Expect = map[string]catalog.Expected{}
	for _, r := range repositories {
		cfg.Expect[r.name] = catalog.ExpectNothing
	}
	if change != nil {
		change(&cfg)
	}
	listers := make([]driver.Lister, 0, len(repositories))
	for _, r := range repositories {
		listers = append(listers, r)
	}
	b := bench{ledger: ledger, outcomes: newOutcomes()}
	b.Catalog = catalog.New(cfg, listers, b.ledger, clock.RealClock{}, b.outcomes)
	return b
}

// run starts the catalog and ends it, and all its goroutines, with the test.
func run(t *testing.T, c *catalog.Catalog) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func within(t *testing.T, budget time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	t.Cleanup(cancel)
	return ctx
}

const budget = 2500 * time.Millisecond

func ids(a backup.Answer) []string {
	found := make([]string, 0, len(a.Backups()))
	for _, b := range a.Backups() {
		found = append(found, b.ID)
	}
	return found
}

// inBubbles runs each case in a bubble of fake time of its own.
func inBubbles(t *testing.T, cases map[string]func(*testing.T)) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
}

func TestAnswers(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"a claim with backups is Found, newest first, without waiting and without a listing": func(t *testing.T) {
			r := newRepository("restic", photos, music)
			pass(time.Minute)
			r.add(photos)
			c := start(t, nil, r)
			pass(time.Minute)
			before, asked := r.listed(), time.Now()
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.Equal(t, []string{"photos-2", "photos-0"}, ids(a))
			assert.Equal(t, asked, time.Now())
			assert.Equal(t, before, r.listed())
		},
		"a claim without backups is None only from a listing that began after the question": func(t *testing.T) {
			c := start(t, nil, newRepository("restic", music))
			pass(time.Minute)
			asked := time.Now()
			a := c.Known(within(t, budget), photos)
			require.Equal(t, backup.None, a.Certainty())
			require.Len(t, a.Evidence(), 1)
			e := a.Evidence()[0]
			assert.Equal(t, "restic", e.Driver)
			assert.Equal(t, repositoryID, e.Repository)
			assert.False(t, e.BeganAt.Before(asked))
			assert.True(t, e.EndedAt.After(e.BeganAt))
		},
		"a listing that began shortly before the question settles it": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
			assert.Equal(t, 1, r.listed())
		},
		"without freshness every proof costs a listing of its own": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, func(cfg *catalog.Config) { cfg.Freshness = 0 }, r)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
			assert.Equal(t, 3, r.listed())
		},
		"to prove Found takes a new listing too": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			pass(time.Minute)
			r.set(func(r *repository) { r.backups = nil })
			r.add(music)
			assert.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty(), "what was known")
			gone := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(gone.Err()))
			assert.Equal(t, gone, c.Known(within(t, budget), photos), "what was proved is known now")
		},
		"a question that arrives while a listing runs that began too early waits for the next": func(t *testing.T) {
			r := newRepository("restic", music)
			c := start(t, nil, r)
			r.set(func(r *repository) { r.latency = time.Minute })
			pass(5 * time.Minute)
			require.Equal(t, 2, r.listed(), "the refresh is under way")
			pass(10 * time.Second)
			asked := time.Now()
			a := c.Prove(within(t, time.Hour), photos)
			require.Equal(t, backup.None, a.Certainty())
			assert.False(t, a.Evidence()[0].BeganAt.Before(asked))
			assert.Equal(t, 3, r.listed())
		},
		"a long listing that has only just ended began too early": func(t *testing.T) {
			r := newRepository("restic", music)
			r.latency = time.Minute
			c := start(t, nil, r)
			pass(30 * time.Second)
			r.add(photos)
			pass(30 * time.Second)
			require.Equal(t, 1, c.outcomes.of("restic", "ok"))
			assert.Equal(t, backup.Found, c.Prove(within(t, time.Hour), photos).Certainty())
		},
		"a claim in doubt is not proved to have no backup, and another is": func(t *testing.T) {
			r := newRepository("longhorn")
			r.doubts = map[backup.Claim]error{photos: backup.Errorf(backup.Unavailable, "a backup of media/photos is being taken")}
			c := start(t, nil, r)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.EqualError(t, a.Err(), "a backup of media/photos is being taken")
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
		"a doubt about every claim leaves none proved to have no backup": func(t *testing.T) {
			r := newRepository("longhorn", music)
			r.doubts = map[backup.Claim]error{{}: backup.Errorf(backup.Unavailable, "whose backup-1 is cannot be told")}
			c := start(t, nil, r)
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty())
			assert.Equal(t, backup.Found, c.Prove(within(t, budget), music).Certainty(), "what is told stands")
		},
		"a doubt passes with the next listing": func(t *testing.T) {
			r := newRepository("longhorn")
			r.doubts = map[backup.Claim]error{photos: backup.Errorf(backup.Unavailable, "being taken")}
			c := start(t, nil, r)
			require.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty())
			r.set(func(r *repository) { r.doubts = nil })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"past the budget the answer is Unknown and the listing goes on": func(t *testing.T) {
			r := newRepository("restic", music)
			c := start(t, nil, r)
			pass(time.Minute)
			r.set(func(r *repository) { r.latency = 10 * time.Second })
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.EqualError(t, a.Err(), "listing the restic repository has taken more than 2.5 s")
			assert.Equal(t, backup.Unavailable, backup.KindOf(a.Err()))
			pass(10 * time.Second)
			assert.Equal(t, 2, c.outcomes.of("restic", "ok"))
		},
		"a question that was given up is Unknown": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"))
			pass(time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			a := c.Known(ctx, photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorIs(t, a.Err(), context.Canceled)
		},
		"before the catalog runs the answer is Unknown": func(t *testing.T) {
			c := newBench(nil, newMemory(), newRepository("restic", photos))
			assert.Equal(t, backup.Unknown, c.Known(within(t, budget), photos).Certainty())
		},
		"after the catalog has stopped the answer is Unknown at once": func(t *testing.T) {
			c := newBench(nil, newMemory(), newRepository("restic"))
			stop := run(t, c.Catalog)
			pass(time.Minute)
			stop()
			a := c.Prove(t.Context(), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "stopping")
		},
		"with no driver at all the answer is Unknown": func(t *testing.T) {
			c := start(t, nil)
			assert.Equal(t, backup.Unknown, c.Known(within(t, budget), photos).Certainty())
		},
		"what exists is learnt in the background": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			r.add(photos)
			pass(6 * time.Minute)
			asked := time.Now()
			assert.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty())
			assert.Equal(t, asked, time.Now())
			assert.WithinRange(t, c.ListedAt()["restic"], asked.Add(-6*time.Minute), asked)
		},
	})
}

func TestFailedListings(t *testing.T) {
	refused := backup.Errorf(backup.Credentials, "secret soteria/soteria-restic lacks RESTIC_PASSWORD")
	const words = "listing the restic repository: secret soteria/soteria-restic lacks RESTIC_PASSWORD"

	inBubbles(t, map[string]func(*testing.T){
		"answer those who wait at once, in the driver's own words": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			pass(time.Minute)
			r.set(func(r *repository) { r.failure = refused })
			asked := time.Now()
			a := c.Prove(within(t, time.Hour), photos)
			assert.EqualError(t, a.Err(), words)
			assert.Equal(t, backup.Credentials, backup.KindOf(a.Err()))
			assert.Equal(t, asked.Add(r.latency), time.Now())
		},
		"answer those too who wait for the next listing": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			r.set(func(r *repository) { r.failure, r.latency = refused, time.Minute })
			pass(5*time.Minute + 10*time.Second)
			require.Equal(t, 2, r.listed(), "the listing that will fail is under way")
			a := c.Prove(within(t, time.Hour), photos)
			assert.EqualError(t, a.Err(), words)
			assert.Equal(t, 2, r.listed())
		},
		"lend their words to questions that run out of time": func(t *testing.T) {
			r := newRepository("restic")
			r.failure = refused
			c := start(t, nil, r)
			r.set(func(r *repository) { r.latency = time.Hour })
			pass(time.Minute)
			a := c.Known(within(t, budget), photos)
			assert.EqualError(t, a.Err(), words)
		},
		"are not repeated by a storm of questions": func(t *testing.T) {
			r := newRepository("restic")
			r.failure = refused
			c := start(t, nil, r)
			before := r.listed()
			storm(t, 1000, func() {
				assert.Equal(t, backup.Unknown, c.Known(within(t, budget), photos).Certainty())
			})
			assert.LessOrEqual(t, r.listed()-before, 1)
		},
		"are repeated ever more seldom, by themselves": func(t *testing.T) {
			r := newRepository("restic")
			r.failure, r.latency = refused, 0
			c := start(t, nil, r)
			pass(time.Hour)
			assert.LessOrEqual(t, r.listed(), 130)
			assert.GreaterOrEqual(t, r.listed(), 110)
			r.set(func(r *repository) { r.failure = nil })
			pass(31 * time.Second)
			assert.Equal(t, 1, c.outcomes.of("restic", "ok"))
			assert.Equal(t, r.listed()-1, c.outcomes.of("restic", "credentials"))
		},
		"leave what was known": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			r.set(func(r *repository) { r.failure = refused })
			pass(time.Hour)
			assert.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty())
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty())
		},
		"throw away what they yielded before they failed": func(t *testing.T) {
			r := newRepository("restic", photos, music)
			r.truncate = true
			c := start(t, nil, r)
			for _, claim := range []backup.Claim{photos, music} {
				assert.Equal(t, backup.Unknown, c.Known(within(t, budget), claim).Certainty())
			}
		},
		"that hang are given up": func(t *testing.T) {
			r := newRepository("restic")
			r.latency = 1000 * time.Hour
			c := start(t, nil, r)
			a := c.Prove(within(t, 24*time.Hour), photos)
			assert.EqualError(t, a.Err(), "listing the restic repository was given up after 2m0s")
			assert.Equal(t, backup.Unavailable, backup.KindOf(a.Err()))
		},
		"that end by themselves let the next question be answered": func(t *testing.T) {
			r := newRepository("restic")
			r.failure = refused
			c := start(t, nil, r)
			r.set(func(r *repository) { r.failure = nil })
			pass(10 * time.Second)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
	})
}

func TestStorms(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"a thousand claims without backups cost one listing": func(t *testing.T) {
			r := newRepository("restic", music)
			c := start(t, nil, r)
			pass(time.Minute)
			storm(t, 1000, func() {
				assert.Equal(t, backup.None, c.Known(within(t, budget), photos).Certainty())
			})
			assert.Equal(t, 2, r.listed())
			assert.Equal(t, 2, c.outcomes.of("restic", "ok"))
		},
		"a thousand claims spread over the life of a listing cost two": func(t *testing.T) {
			r := newRepository("restic", music)
			r.latency = 20 * time.Second
			c := start(t, nil, r)
			pass(time.Minute)
			var questions sync.WaitGroup
			for range 1000 {
				pass(15 * time.Millisecond)
				questions.Go(func() {
					assert.Equal(t, backup.None, c.Prove(within(t, time.Minute), photos).Certainty())
				})
			}
			questions.Wait()
			assert.Equal(t, 3, r.listed())
			assert.Equal(t, 1, r.most, "one listing at a time")
		},
	})
}

// storm asks many times at once.
func storm(t *testing.T, questions int, ask func()) {
	t.Helper()
	var all sync.WaitGroup
	for range questions {
		all.Go(ask)
	}
	all.Wait()
}

func TestBackupsThatRun(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"keep their claim from being proved to have none": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"))
			c.BackupStarted(photos, "job-1")
			a := c.Prove(within(t, budget), photos)
			assert.EqualError(t, a.Err(), "a backup of media/photos is running")
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty(), "another claim's backup does not matter")
		},
		"that end make the listings before them useless for their claim": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			c.BackupStarted(photos, "job-1")
			r.add(photos)
			c.BackupEnded(photos, "job-1")
			assert.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty())
			assert.Equal(t, 2, r.listed())
		},
		"that end show their backup to the next who asks, though older ones are known": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			r.add(photos)
			c.BackupEnded(photos, "job-1")
			assert.Len(t, c.Known(within(t, budget), photos).Backups(), 2)
		},
		"that end during a listing make those who wait for it wait for another": func(t *testing.T) {
			r := newRepository("restic", music)
			r.latency = 10 * time.Second
			c := start(t, nil, r)
			pass(time.Minute)
			var answer backup.Answer
			var asked sync.WaitGroup
			asked.Go(func() { answer = c.Prove(within(t, time.Hour), photos) })
			pass(5 * time.Second)
			require.Equal(t, 2, r.listed(), "the listing is under way")
			r.add(photos)
			c.BackupEnded(photos, "job-1")
			asked.Wait()
			assert.Equal(t, backup.Found, answer.Certainty())
			assert.Equal(t, 3, r.listed())
		},
		"that end are listed without anybody asking": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			for range 100 {
				c.BackupEnded(photos, "job-1")
			}
			pass(time.Minute)
			// The first, one that may begin while some are still being told, and one
			// after the last.
			assert.GreaterOrEqual(t, r.listed(), 2)
			assert.LessOrEqual(t, r.listed(), 3)
		},
		"twice at once count until both have ended, and once told twice counts once": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"))
			c.BackupStarted(photos, "job-1")
			c.BackupStarted(photos, "job-1")
			c.BackupStarted(photos, "job-2")
			c.BackupEnded(photos, "job-1")
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty())
			c.BackupEnded(photos, "job-2")
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"prove nothing until all of them have been told": func(t *testing.T) {
			told := false
			r := newRepository("restic", music)
			c := start(t, func(cfg *catalog.Config) { cfg.BackupsTold = func() bool { return told } }, r)
			assert.EqualError(t, c.Prove(within(t, budget), photos).Err(), "it is not known yet which backups are running")
			assert.Equal(t, backup.Found, c.Prove(within(t, budget), music).Certainty())
			told = true
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
	})
}

func TestSeveralDrivers(t *testing.T) {
	down := backup.Errorf(backup.Unavailable, "connection refused")

	inBubbles(t, map[string]func(*testing.T){
		"the newest backup of any driver is found": func(t *testing.T) {
			restic := newRepository("restic", photos)
			pass(time.Minute)
			longhorn := newRepository("longhorn", photos)
			c := start(t, nil, restic, longhorn)
			a := c.Known(within(t, budget), photos)
			require.Len(t, a.Backups(), 2)
			assert.Equal(t, "longhorn", a.Backups()[0].Driver)
			assert.Len(t, a.Evidence(), 2)
			assert.Equal(t, []string{"restic", "longhorn"}, c.Drivers())
		},
		"none is proved by all of them together": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"), newRepository("longhorn"))
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.None, a.Certainty())
			assert.Len(t, a.Evidence(), 2)
		},
		"one that cannot tell hides nothing that another found, and casts doubt on which is the newest": func(t *testing.T) {
			longhorn := newRepository("longhorn")
			longhorn.failure = down
			c := start(t, nil, newRepository("restic", photos), longhorn)
			asked := time.Now()
			for _, a := range []backup.Answer{c.Known(within(t, budget), photos), c.Prove(within(t, budget), photos)} {
				assert.Equal(t, backup.Found, a.Certainty())
				assert.ErrorIs(t, a.Doubt(), down)
			}
			assert.Equal(t, backup.Unknown, c.Known(within(t, budget), music).Certainty())
			assert.Less(t, time.Since(asked), time.Second, "nobody waits for what is down")
			assert.Equal(t, backup.Found, c.LastOf(photos, "restic").Certainty())
			assert.Equal(t, backup.Unknown, c.LastOf(photos, "longhorn").Certainty())
		},
		"what one has found does not wait for one that is never listed": func(t *testing.T) {
			longhorn := newRepository("longhorn")
			longhorn.latency = time.Minute
			c := start(t, nil, newRepository("restic", photos), longhorn)
			asked := time.Now()
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.ErrorContains(t, a.Doubt(), "the longhorn repository has not been listed yet")
			assert.Zero(t, time.Since(asked))
		},
		"one that is lost for good delays no restore, and nothing is proved absent without it": func(t *testing.T) {
			longhorn := newRepository("longhorn")
			longhorn.failure = down
			c := start(t, func(cfg *catalog.Config) { cfg.Without = []string{"longhorn"} }, newRepository("restic", photos), longhorn)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.NoError(t, a.Doubt())
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), music).Certainty())
		},
		"one that does not exist cannot tell": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"))
			a := c.LastOf(photos, "kopia")
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.Equal(t, backup.Invalid, backup.KindOf(a.Err()))
		},
	})
}

func TestExpectations(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"the first listing records the repository before anything is proved by it": func(t *testing.T) {
			c := start(t, nil, newRepository("restic"))
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
			assert.Equal(t, catalog.Expectation{Repository: repositoryID}, c.ledger.of("restic"))
		},
		"a listing that cannot be recorded proves nothing": func(t *testing.T) {
			ledger := newMemory()
			ledger.failSave = backup.Errorf(backup.Unavailable, "the API server is away")
			c := newBench(nil, ledger, newRepository("restic"))
			run(t, c.Catalog)
			a := c.Prove(within(t, budget), photos)
			assert.EqualError(t, a.Err(), "recording what is expected of the restic repository: the API server is away")
			ledger.set(func(m *memory) { m.failSave = nil })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"an expectation that cannot be read proves nothing": func(t *testing.T) {
			ledger := newMemory()
			ledger.failRead = backup.Errorf(backup.RepositoryChanged, "it is no JSON")
			c := newBench(nil, ledger, newRepository("restic"))
			run(t, c.Catalog)
			assert.EqualError(t, c.Prove(within(t, budget), photos).Err(), "reading what is expected of the restic repository: it is no JSON")
		},
		"nothing is written while nothing changes": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, nil, r)
			pass(time.Hour)
			assert.Equal(t, 1, c.ledger.written())
			r.add(photos)
			pass(time.Hour)
			assert.Equal(t, 2, c.ledger.written())
			assert.Equal(t, catalog.Expectation{Repository: repositoryID, HeldBackups: true}, c.ledger.of("restic"))
		},
		"another replica that recorded the same meanwhile does not matter": func(t *testing.T) {
			ledger := newMemory()
			ledger.meddle = func(m map[string]catalog.Expectation) { m["restic"] = catalog.Expectation{Repository: repositoryID} }
			c := newBench(nil, ledger, newRepository("restic"))
			run(t, c.Catalog)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"another replica that recorded another repository meanwhile is believed": func(t *testing.T) {
			ledger := newMemory()
			ledger.meddle = func(m map[string]catalog.Expectation) { m["restic"] = catalog.Expectation{Repository: otherID} }
			c := newBench(nil, ledger, newRepository("restic"))
			run(t, c.Catalog)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(a.Err()))
			assert.Equal(t, catalog.Expectation{Repository: otherID}, ledger.of("restic"))
		},
		"a swapped repository makes even what was known Unknown, until it is accepted": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			r.set(func(r *repository) { r.id = otherID })
			pass(time.Minute)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(a.Err()))
			assert.ErrorContains(t, a.Err(), "soteria repository accept "+otherID)
			assert.Equal(t, backup.Unknown, c.Known(within(t, budget), photos).Certainty())
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: otherID} })
			pass(time.Minute)
			assert.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty())
		},
		"an emptied repository proves nothing, until it is accepted": func(t *testing.T) {
			r, claims := newRepository("restic", photos), &remembered{}
			c := start(t, func(cfg *catalog.Config) { cfg.Memory = claims }, r)
			r.set(func(r *repository) { r.backups = nil })
			pass(time.Minute)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(a.Err()))
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repositoryID} })
			pass(time.Minute)
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(c.Prove(within(t, budget), music).Err()), "a claim still misses its backup")
			claims.accept(photos)
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"a repository that is not the pinned one proves nothing": func(t *testing.T) {
			c := start(t, func(cfg *catalog.Config) { cfg.Pins = map[string]string{"restic": otherID} }, newRepository("restic"))
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(c.Prove(within(t, budget), photos).Err()))
			assert.Zero(t, c.ledger.of("restic"))
		},
	})
}

func TestRepositoriesThatNobodyKnows(t *testing.T) {
	unsaid := func(cfg *catalog.Config) { cfg.Expect = nil }
	inBubbles(t, map[string]func(*testing.T){
		"an empty one proves nothing and is not recorded, until a person accepts it": func(t *testing.T) {
			c := start(t, unsaid, newRepository("restic"))
			pass(time.Hour)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(a.Err()))
			assert.Zero(t, c.ledger.of("restic"), "having looked at it is no reason to believe it")
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repositoryID} })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"an empty one of which the version before has an entry is believed": func(t *testing.T) {
			ledger := newMemory()
			ledger.recorded["restic"] = catalog.Expectation{Repository: repositoryID}
			c := newBench(unsaid, ledger, newRepository("restic"))
			run(t, c.Catalog)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
		},
		"one that was empty and fills up is believed for what it holds alone, until it is accepted": func(t *testing.T) {
			r := newRepository("restic")
			c := start(t, unsaid, r)
			r.add(photos)
			pass(time.Minute)
			assert.Equal(t, backup.Found, c.Prove(within(t, budget), photos).Certainty())
			a := c.Prove(within(t, budget), music)
			assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(a.Err()))
			assert.ErrorContains(t, a.Err(), "soteria repository accept "+repositoryID)
			assert.Zero(t, c.ledger.of("restic"))
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repositoryID} })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
		"one that holds backups may be half of what it was, until a person accepts it": func(t *testing.T) {
			c := start(t, unsaid, newRepository("restic", photos))
			assert.Equal(t, backup.Found, c.Prove(within(t, budget), photos).Certainty(), "what is there is restored")
			assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(c.Prove(within(t, budget), music).Err()))
			pass(time.Hour)
			assert.Zero(t, c.ledger.of("restic"), "having looked at it is no reason to believe it")
			assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(c.Prove(within(t, budget), music).Err()))
			c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repositoryID} })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
		"one that holds backups is believed where the configuration says that it may be new": func(t *testing.T) {
			c := start(t, nil, newRepository("restic", photos))
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
	})
}

func TestABackupSystemThatIsNotLookedAtAnyMore(t *testing.T) {
	held := func() *memory {
		ledger := newMemory()
		ledger.recorded["longhorn"] = catalog.Expectation{Repository: otherID, HeldBackups: true}
		return ledger
	}
	inBubbles(t, map[string]func(*testing.T){
		"is doubt for all while it is remembered to have held backups": func(t *testing.T) {
			ledger := held()
			c := newBench(nil, ledger, newRepository("restic", photos))
			run(t, c.Catalog)
			a := c.Prove(within(t, budget), music)
			assert.Equal(t, backup.RepositoryDropped, backup.KindOf(a.Err()))
			assert.ErrorContains(t, a.Err(), "soteria repository forget longhorn")
			assert.Equal(t, "soteria repository forget longhorn", backup.SettleOf(c.Overviews()[0].Unproved()))
			found := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Found, found.Certainty())
			assert.Equal(t, backup.RepositoryDropped, backup.KindOf(found.Doubt()))
			assert.Error(t, c.Overviews()[0].Unproved())
			ledger.set(func(m *memory) { delete(m.recorded, "longhorn") })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		},
		"delays no restore where the configuration goes on without it": func(t *testing.T) {
			c := newBench(func(cfg *catalog.Config) { cfg.Without = []string{"longhorn"} }, held(), newRepository("restic", photos))
			run(t, c.Catalog)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), music).Certainty())
		},
		"is doubt also where no one had accepted what it held": func(t *testing.T) {
			unaccepted := &apart{}
			assert.NoError(t, unaccepted.Remember(t.Context(), "longhorn", otherID, expectation.Claims{music: {Newest: time.Now(), ID: "1", Count: 1}}))
			c := newBench(func(cfg *catalog.Config) { cfg.Unaccepted, cfg.Unlisted = unaccepted, []string{"longhorn", "s3"} }, newMemory(), newRepository("restic", photos))
			run(t, c.Catalog)
			a := c.Prove(within(t, budget), music)
			assert.Equal(t, backup.RepositoryDropped, backup.KindOf(a.Err()))
			unaccepted.set(func(a *apart) { a.byRepository = nil })
			pass(time.Minute)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty(), "a person had it forgotten")
		},
		"that takes backups is to be named": func(t *testing.T) {
			c := newBench(func(cfg *catalog.Config) { cfg.Unlisted, cfg.Taking = []string{"longhorn"}, []string{"longhorn"} }, held(), newRepository("restic", photos))
			run(t, c.Catalog)
			a := c.Prove(within(t, budget), music)
			assert.ErrorContains(t, a.Err(), "SOTERIA_RESTORE_WITHOUT")
			assert.NotContains(t, a.Err().Error(), "forget", "the next backup would undo that")
		},
		"is no doubt where it never held any": func(t *testing.T) {
			ledger := newMemory()
			ledger.recorded["longhorn"] = catalog.Expectation{Repository: otherID}
			c := newBench(nil, ledger, newRepository("restic"))
			run(t, c.Catalog)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
		},
	})
}

// pass lets time go by in a bubble of testing/synctest, where it is not real: it
// returns when everything else in the bubble waits.
func pass(d time.Duration) { time.Sleep(d) }

func TestThoseWhoWaitAreToldWhenListingsWorkAgain(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"once after the first listing and once after each outage": func(t *testing.T) {
			r := newRepository("restic", photos)
			b := newBench(nil, newMemory(), r)
			var told atomic.Int32
			b.OnRecovery(func(driver string) {
				assert.Equal(t, "restic", driver)
				told.Add(1)
			})
			run(t, b.Catalog)
			pass(time.Hour)
			assert.EqualValues(t, 1, told.Load(), "listings that go on working are no news")
			r.set(func(r *repository) { r.failure = backup.Errorf(backup.Unavailable, "connection refused") })
			pass(time.Hour)
			assert.EqualValues(t, 1, told.Load())
			r.set(func(r *repository) { r.failure = nil })
			pass(time.Hour)
			assert.EqualValues(t, 2, told.Load())
		},
	})
}

func TestAnErrorAboutWhichSystemsHeldBackupsLeavesTheNewestInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newMemory()
		ledger.failHeld = backup.Errorf(backup.Unavailable, "no answer")
		c := newBench(nil, ledger, newRepository("restic", photos))
		run(t, c.Catalog)
		found := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Found, found.Certainty(), "what is there is found")
		assert.ErrorContains(t, found.Doubt(), "reading which backup systems have held backups: no answer")
		assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), music).Certainty())
	})
}

func TestWhatAClaimWaitsForIsOneCauseWhateverItsWordsSay(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"where listings fail, each from another port": func(t *testing.T) {
			r := newRepository("restic")
			fails := func(port int) {
				r.set(func(r *repository) {
					r.failure = backup.Errorf(backup.Unavailable, "read tcp 127.0.0.1:%d: connection reset", port)
				})
			}
			fails(40001)
			c := start(t, nil, r)
			first := c.Glance(photos).Err()
			fails(40002)
			pass(10 * time.Minute)
			second := c.Glance(music).Err()
			assert.NotEqual(t, first.Error(), second.Error())
			assert.Equal(t, backup.CauseOf(first), backup.CauseOf(second))
		},
		"where a listing takes long": func(t *testing.T) {
			r := newRepository("restic")
			r.latency = time.Minute
			c := start(t, nil, r)
			short, long := c.Prove(within(t, time.Second), photos).Err(), c.Prove(within(t, 3*time.Second), photos).Err()
			assert.NotEqual(t, short.Error(), long.Error())
			assert.Equal(t, backup.CauseOf(short), backup.CauseOf(long))
			assert.Equal(t, backup.CauseOf(short), backup.CauseOf(c.Glance(photos).Err()), "it is counted as that")
		},
		"and not where two claims are doubted in the same words": func(t *testing.T) {
			r := newRepository("restic")
			why := backup.Errorf(backup.Unavailable, "one of its backups cannot be read")
			r.doubts = map[backup.Claim]error{photos: why, music: why}
			c := start(t, nil, r)
			assert.Equal(t, c.Glance(photos).Err().Error(), c.Glance(music).Err().Error())
			assert.NotEqual(t, backup.CauseOf(c.Glance(photos).Err()), backup.CauseOf(c.Glance(music).Err()))
		},
	})
}

// forbidden is the memory of unaccepted repositories where the Role is that of an
// earlier version.
type forbidden struct{}

var errForbidden = backup.Errorf(backup.Denied, "apply deploy/role.yaml")

func (forbidden) Claims(context.Context, string, string) (expectation.Claims, error) {
	return nil, errForbidden
}
func (forbidden) Remember(context.Context, string, string, expectation.Claims) error {
	return errForbidden
}
func (forbidden) Accepted(context.Context, string, string, expectation.Claims) error {
	return errForbidden
}
func (forbidden) Held(context.Context, string) (bool, error) { return false, errForbidden }

func TestWithTheRoleOfTheVersionBeforeAnAcceptedRepositoryIsBelievedAsThen(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"one that was accepted": func(t *testing.T) {
			ledger, r := newMemory(), newRepository("restic", photos)
			ledger.recorded["restic"] = catalog.Expectation{Repository: r.id, HeldBackups: true}
			c := newBench(func(cfg *catalog.Config) { cfg.Unaccepted, cfg.Unlisted = forbidden{}, []string{"longhorn"} }, ledger, r)
			run(t, c.Catalog)
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty())
			assert.NoError(t, c.Overviews()[0].DoubtOfAttributed(photos))
			before := r.listed()
			pass(10 * time.Minute)
			assert.LessOrEqual(t, r.listed()-before, 2, "it is listed no more often")
		},
		"one that was not": func(t *testing.T) {
			c := newBench(func(cfg *catalog.Config) { cfg.Unaccepted, cfg.Expect = forbidden{}, nil }, newMemory(), newRepository("restic", photos))
			run(t, c.Catalog)
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), music).Certainty())
		},
	})
}
