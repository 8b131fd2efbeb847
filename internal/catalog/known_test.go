package catalog_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

var errDown = backup.Errorf(backup.Unavailable, "connection refused")

// toldOf returns the words that an answer has of each system.
func toldOf(a backup.Answer) map[string]string {
	words := make(map[string]string)
	for _, t := range a.Told() {
		words[t.Driver] = t.Certainty.String()
		if t.Why != nil {
			words[t.Driver] += ": " + backup.Message(t.Why)
		}
	}
	return words
}

func TestWhatOneSystemFoundIsSaidAtOnce(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"also while another system is listed for the first time": func(t *testing.T) {
			restic, longhorn := newRepository("restic", photos), newRepository("longhorn")
			restic.latency, longhorn.latency = time.Second, 10*time.Second
			c := newBench(nil, newMemory(), restic, longhorn)
			run(t, c.Catalog)
			asked := time.Now()
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.Equal(t, time.Second, time.Since(asked), "the slow one is not waited for")
			assert.Equal(t, map[string]string{"restic": "found", "longhorn": "unknown: the longhorn repository has not been listed yet"}, toldOf(a))
			assert.ErrorContains(t, a.Doubt(), "longhorn repository has not been listed yet", "which is the newest is in doubt")
			assert.NoError(t, a.DoubtOfListed(), "and what was listed is not")
		},
		"and none is proved by all of them alone": func(t *testing.T) {
			restic, longhorn := newRepository("restic"), newRepository("longhorn")
			longhorn.latency = 10 * time.Second
			c := newBench(nil, newMemory(), restic, longhorn)
			run(t, c.Catalog)
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.True(t, backup.IsNotYet(a.Err()), "%v", a.Err())
			assert.Equal(t, "none", toldOf(a)["restic"])
			a = c.Known(within(t, time.Minute), photos)
			assert.Equal(t, backup.None, a.Certainty())
			assert.Len(t, a.Told(), 2)
			for _, one := range a.Told() {
				assert.False(t, one.ListedAt.IsZero())
			}
		},
		"also where a backup has just ended and another system takes long to list it": func(t *testing.T) {
			restic, longhorn := newRepository("restic", photos), newRepository("longhorn", music)
			c := start(t, nil, restic, longhorn)
			longhorn.set(func(r *repository) { r.latency = time.Minute })
			restic.add(photos)
			c.BackupEnded(photos, "job-1")
			asked := time.Now()
			a := c.Known(within(t, budget), photos)
			assert.Len(t, a.Backups(), 2)
			assert.Equal(t, restic.latency, time.Since(asked))
			assert.ErrorContains(t, a.Doubt(), "a backup of media/photos has ended since the longhorn repository was last listed")
		},
		"and that another was not waited for leaves the newest in doubt": func(t *testing.T) {
			restic, longhorn := newRepository("restic"), newRepository("longhorn")
			c := start(t, nil, restic, longhorn)
			longhorn.set(func(r *repository) { r.latency = 10 * time.Second })
			pass(10 * time.Second)
			restic.add(photos)
			pass(time.Second)
			longhorn.add(photos) // by a job of that system's own
			a := c.Known(within(t, budget), photos)
			require.Equal(t, backup.Found, a.Certainty())
			assert.Len(t, a.Backups(), 1)
			assert.Error(t, a.Doubt(), "the other may have a newer one by now")
			assert.NoError(t, a.DoubtOfListed())
		},
		"also where the system itself cannot be listed again after a backup": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			r.set(func(r *repository) { r.failure = errDown })
			c.BackupEnded(photos, "job-1")
			a := c.Known(within(t, budget), photos)
			require.Equal(t, backup.Found, a.Certainty())
			assert.ErrorIs(t, a.Doubt(), errDown)
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty(), "which proves nothing")
		},
	})
}

func TestWhatIsShownComesFromTheLastListings(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"and says what was not listed yet": func(t *testing.T) {
			restic, longhorn := newRepository("restic"), newRepository("longhorn")
			longhorn.latency = 10 * time.Second
			c := newBench(nil, newMemory(), restic, longhorn)
			before := c.Last(photos)
			assert.Equal(t, backup.Unknown, before.Certainty())
			assert.ErrorContains(t, before.Err(), "the restic repository has not been listed yet")
			run(t, c.Catalog)
			pass(5 * time.Second)
			a := c.Last(photos)
			assert.Equal(t, backup.Unknown, a.Certainty(), "one of two proves nothing")
			assert.Equal(t, map[string]string{"restic": "none", "longhorn": "unknown: the longhorn repository has not been listed yet"}, toldOf(a))
			assert.True(t, backup.IsNotYet(a.Err()))
		},
		"neither waits nor lists, and says how old it is": func(t *testing.T) {
			r := newRepository("restic", photos)
			began := time.Now()
			c := start(t, nil, r)
			r.set(func(r *repository) { r.latency = time.Hour })
			c.BackupEnded(photos, "job-1")
			pass(time.Minute)
			asked, listings := time.Now(), r.listed()
			a := c.Last(photos)
			assert.Equal(t, asked, time.Now())
			assert.Equal(t, listings, r.listed())
			require.Len(t, a.Backups(), 1)
			assert.ErrorContains(t, a.Doubt(), "a backup of media/photos has ended since")
			assert.Equal(t, began, a.Told()[0].ListedAt)
		},
		"and is not hidden by a failure since": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			r.set(func(r *repository) { r.failure = errDown })
			pass(10 * time.Minute)
			a := c.Last(photos)
			assert.Equal(t, backup.Found, a.Certainty())
			assert.ErrorIs(t, a.Doubt(), errDown)
			assert.Equal(t, backup.Unknown, c.Last(music).Certainty(), "and shows no absence that is not sure")
		},
		"with what other clusters took, though a system cannot tell": func(t *testing.T) {
			r, longhorn := newRepository("restic", photos), newRepository("longhorn")
			r.backups[0].Cluster, longhorn.failure = "west", errDown
			clusters := backup.Clusters{Own: "east", Settled: true}
			c := start(t, func(cfg *catalog.Config) { cfg.Clusters = clusters }, r, longhorn)
			r.set(func(r *repository) { r.failure = errDown })
			pass(10 * time.Minute)
			a := c.Last(photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.Len(t, a.Others(), 1)
			assert.ErrorIs(t, a.OthersDoubt(), errDown)
		},
	})
}

func TestABackupThatIsNamedIsProvedByTheSystemThatHasIt(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	named := func(id string, claims ...backup.Claim) *repository {
		r := newRepository("restic", claims...)
		r.backups[0].ID = id
		return r
	}
	hanging := func() *repository {
		r := newRepository("longhorn")
		r.latency = time.Hour
		return r
	}
	inBubbles(t, map[string]func(*testing.T){
		"while another one hangs": func(t *testing.T) {
			r := named(id, photos)
			c := start(t, nil, r, hanging())
			pass(10 * time.Second)
			asked, listings := time.Now(), r.listed()
			a := c.ProveBackup(within(t, time.Minute), photos, id)
			assert.Equal(t, []string{id}, ids(a))
			assert.Equal(t, r.latency, time.Since(asked))
			assert.Equal(t, listings+1, r.listed(), "it is proved")
			assert.Error(t, a.Doubt(), "which is the newest is not")
		},
		"and by all of them once it is gone there": func(t *testing.T) {
			r, longhorn := named(id, photos, music), newRepository("longhorn")
			c := start(t, nil, r, longhorn)
			pass(10 * time.Second)
			r.set(func(r *repository) { r.backups = r.backups[1:] })
			before := longhorn.listed()
			a := c.ProveBackup(within(t, time.Minute), photos, id)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.Equal(t, backup.BackupMissing, backup.KindOf(a.Err()))
			assert.Equal(t, before+1, longhorn.listed())
		},
		"and by all of them where none is known to have it": func(t *testing.T) {
			longhorn := newRepository("longhorn")
			c := start(t, nil, newRepository("restic", music), longhorn)
			pass(10 * time.Second)
			longhorn.add(photos)
			assert.Equal(t, []string{"photos-0"}, ids(c.ProveBackup(within(t, time.Minute), photos, "photos-0")))
		},
		"and by all of them where only its beginning is given and a system was never listed": func(t *testing.T) {
			c := start(t, nil, named(id, photos), hanging())
			asked := time.Now()
			a := c.ProveBackup(within(t, time.Minute), photos, id[:8])
			assert.Equal(t, time.Minute, time.Since(asked), "it may begin another one's id")
			assert.Equal(t, []string{id}, ids(a))
		},
		"by its beginning where all were listed": func(t *testing.T) {
			longhorn := newRepository("longhorn", music)
			c := start(t, nil, named(id, photos), longhorn)
			longhorn.set(func(r *repository) { r.latency = time.Hour })
			pass(10 * time.Second)
			a := c.ProveBackup(within(t, time.Minute), photos, id[:8])
			assert.Equal(t, []string{id}, ids(a))
			assert.Len(t, a.Evidence(), 1+1)
		},
	})
}

func TestAnAnswerIsOnItsWayUntilItTakesTooLongOrFails(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"while the first listing runs, for as long as one usually takes": func(t *testing.T) {
			r := newRepository("restic")
			r.latency = time.Hour
			c := newBench(nil, newMemory(), r)
			run(t, c.Catalog)
			assert.True(t, backup.IsNotYet(c.Known(within(t, budget), photos).Err()))
			pass(25 * time.Second)
			assert.True(t, backup.IsNotYet(c.Known(within(t, time.Second), photos).Err()))
			pass(5 * time.Second)
			assert.False(t, backup.IsNotYet(c.Known(within(t, time.Second), photos).Err()))
		},
		"until a listing fails": func(t *testing.T) {
			r := newRepository("restic")
			r.failure = errDown
			c := start(t, nil, r)
			a := c.Known(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.False(t, backup.IsNotYet(a.Err()))
		},
		"and not where one of two has failed": func(t *testing.T) {
			restic, longhorn := newRepository("restic"), newRepository("longhorn")
			restic.latency, longhorn.failure = time.Hour, errDown
			c := start(t, nil, restic, longhorn)
			a := c.Known(within(t, budget), photos)
			assert.False(t, backup.IsNotYet(a.Err()))
			assert.ErrorIs(t, a.Err(), errDown, "what lasts is said, not what passes")
		},
		"also where a listing usually takes longer than that": func(t *testing.T) {
			r := newRepository("restic")
			r.latency = time.Minute
			c := start(t, nil, r)
			pass(2 * time.Minute)
			go c.Prove(within(t, time.Hour), photos)
			pass(50 * time.Second)
			assert.True(t, backup.IsNotYet(c.Known(within(t, time.Second), photos).Err()))
		},
		"and not what is no matter of time": func(t *testing.T) {
			r := newRepository("restic")
			r.doubts = map[backup.Claim]error{photos: backup.Errorf(backup.Unavailable, "whose backup-1 is cannot be told")}
			c := start(t, nil, r)
			assert.False(t, backup.IsNotYet(c.Known(within(t, budget), photos).Err()))
		},
	})
}

// system is one of two in a drawn world.
type system struct {
	has, fails, fresh bool
	latency           time.Duration
}

// TestUnknownNeverHidesFoundAndOneAloneNeverProvesNone asks two systems that may have a
// backup, be slow, fail, or never have been listed, at a moment at which what exists has
// not changed since the first listings.
func TestUnknownNeverHidesFoundAndOneAloneNeverProvesNone(t *testing.T) {
	seen := make(map[string]int)
	// None takes two systems that work and have nothing, which is drawn too rarely.
	synctest.Test(t, func(t *testing.T) { assert.Empty(t, askTwo(t, make([]system, 2), false, seen)) })
	rapid.Check(t, func(rt *rapid.T) {
		drawn := make([]system, 2)
		for i := range drawn {
			drawn[i] = system{
				has: rapid.Bool().Draw(rt, "has"), fails: rapid.Bool().Draw(rt, "fails"), fresh: rapid.Bool().Draw(rt, "asked right after start"),
				latency: rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, time.Second, time.Hour}).Draw(rt, "latency"),
			}
		}
		ended := rapid.Bool().Draw(rt, "a backup has ended")
		synctest.Test(t, func(t *testing.T) {
			for _, violation := range askTwo(t, drawn, ended, seen) {
				rt.Error(violation)
			}
		})
	})
	t.Logf("answers: %v", seen)
	for _, answer := range []string{"found", "none", "unknown"} {
		assert.NotZero(t, seen[answer])
	}
}

func askTwo(t *testing.T, drawn []system, ended bool, seen map[string]int) (wrong []string) {
	t.Helper()
	repositories := make([]*repository, 0, len(drawn))
	for i, s := range drawn {
		r := newRepository(fmt.Sprintf("system-%d", i), music)
		if s.has {
			r.add(photos)
		}
		if s.fresh {
			r.set(s.turns)
		}
		repositories = append(repositories, r)
	}
	c := newBench(nil, newMemory(), repositories...)
	run(t, c.Catalog)
	if !drawn[0].fresh || !drawn[1].fresh {
		pass(10 * time.Second)
	}
	for i, s := range drawn {
		repositories[i].set(s.turns)
	}
	if ended {
		c.BackupEnded(photos, "job")
	}
	last, asked := c.Last(photos), time.Now()
	a := c.Known(within(t, budget), photos)
	seen[a.Certainty().String()]++
	can, known := false, false
	for i, s := range drawn {
		known = known || s.has && !c.ListedAt()[repositories[i].name].IsZero()
		can = can || s.has && !s.fails && s.latency < budget
	}
	fails := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if (known || can) && a.Certainty() != backup.Found {
		fails("a backup is known, and the answer is %s: %v", a.Certainty(), a.Err())
	}
	if a.Certainty() == backup.None && (drawn[0].has || drawn[1].has || drawn[0].fails || drawn[1].fails) {
		fails("None, of %+v", drawn)
	}
	if last.Certainty() == backup.Found && !ended && !time.Now().Equal(asked) {
		fails("what was known was waited for")
	}
	if last.Certainty() == backup.Found && a.Certainty() != backup.Found {
		fails("what was shown was denied")
	}
	if unlisted := c.ListedAt(); a.Certainty() == backup.Found && a.Doubt() == nil && (unlisted["system-0"].IsZero() || unlisted["system-1"].IsZero()) {
		fails("there is no doubt, and a system was never listed")
	}
	if len(a.Told()) != len(drawn) {
		fails("it says %v", toldOf(a))
	}
	return wrong
}

// turns makes a repository as drawn.
func (s system) turns(r *repository) {
	r.latency = s.latency
	if s.fails {
		r.failure = errDown
	}
}
