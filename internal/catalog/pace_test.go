package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
)

// slow is a backup system that takes its time, and says when it changes.
type slow struct {
	*repository
	mu      sync.Mutex
	changed func()
	end     context.CancelFunc
	watches int
}

func (s *slow) Watch(ctx context.Context, began, changed func()) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.mu.Lock()
	s.changed, s.end = changed, end
	s.watches++
	s.mu.Unlock()
	began()
	<-ctx.Done()
	return errors.New("the watch ended")
}

func (s *slow) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed()
}

func (s *slow) endWatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// withSlow runs a test with a catalog of a system that takes 10 s to list and whose
// listings hold for 30 s.
func withSlow(t *testing.T, test func(t *testing.T, s *slow, c *catalog.Catalog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{repository: newRepository("longhorn", music)}
		s.set(func(r *repository) { r.latency = 10 * time.Second })
		cfg := catalog.DefaultConfig()
		cfg.Bounds = map[string]time.Duration{"longhorn": 30 * time.Second}
		cfg.Expect = map[string]catalog.Expected{"longhorn": catalog.ExpectNothing}
		c := catalog.New(cfg, []driver.Lister{s}, newMemory(), clock.RealClock{}, newOutcomes())
		stop := run(t, c)
		defer stop()
		time.Sleep(time.Minute) // the first listing has ended
		test(t, s, c)
	})
}

// asked proves within the time that admission has.
func asked(t *testing.T, c *catalog.Catalog) (backup.Answer, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	began := time.Now()
	return c.Prove(ctx, photos), time.Since(began)
}

func TestTheSecondQuestionIsAnsweredAndSoAreAllThatFollow(t *testing.T) {
	withSlow(t, func(t *testing.T, _ *slow, c *catalog.Catalog) {
		first, waited := asked(t, c)
		assert.Equal(t, backup.Unknown, first.Certainty())
		assert.Zero(t, waited, "it is not waited for in vain")
		assert.ErrorContains(t, first.Err(), "not done before 11 s from now")
		for range 40 {
			time.Sleep(15 * time.Second)
			answer, waited := asked(t, c)
			assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
			assert.Zero(t, waited)
		}
	})
}

func TestASystemThatNoOneAsksAboutIsLeftAlone(t *testing.T) {
	withSlow(t, func(t *testing.T, s *slow, c *catalog.Catalog) {
		asked(t, c)
		time.Sleep(10 * time.Minute)
		before := s.listed()
		time.Sleep(time.Hour)
		assert.LessOrEqual(t, s.listed()-before, 13, "one each five minutes")
	})
}

func TestAChangeEndsABound(t *testing.T) {
	withSlow(t, func(t *testing.T, s *slow, c *catalog.Catalog) {
		asked(t, c)
		time.Sleep(12 * time.Second)
		answer, _ := asked(t, c)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		s.add(photos)
		s.change()
		answer, _ = asked(t, c)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		time.Sleep(25 * time.Second)
		answer, _ = asked(t, c)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
	})
}

func TestWithoutAWatchTheBoundIsTheOrdinaryOne(t *testing.T) {
	withSlow(t, func(t *testing.T, s *slow, c *catalog.Catalog) {
		asked(t, c)
		time.Sleep(12 * time.Second)
		s.endWatch()
		synctest.Wait()
		answer, _ := asked(t, c)
		assert.Equal(t, backup.Unknown, answer.Certainty(), "what happened meanwhile was not noticed")
		time.Sleep(30 * time.Second)
		answer, _ = asked(t, c)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		assert.Equal(t, 2, s.watches, "it watches again")
	})
}

// fast is a clock that is ahead of the one by which questions end.
type fast struct {
	clock.RealClock
	ahead time.Duration
}

func (f fast) Now() time.Time { return time.Now().Add(f.ahead) }

func (f fast) Since(t time.Time) time.Duration { return f.Now().Sub(t) }

func TestWhetherAListingEndsInTimeGoesByNoOtherClockThanTheQuestions(t *testing.T) {
	within := func(t *testing.T, latency, ahead time.Duration) (answer backup.Answer, waited time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := &slow{repository: newRepository("longhorn", music)}
			s.set(func(r *repository) { r.latency = latency })
			cfg := catalog.DefaultConfig()
			cfg.Bounds = map[string]time.Duration{"longhorn": 30 * time.Second}
			cfg.Expect = map[string]catalog.Expected{"longhorn": catalog.ExpectNothing}
			c := catalog.New(cfg, []driver.Lister{s}, newMemory(), fast{ahead: ahead}, newOutcomes())
			stop := run(t, c)
			defer stop()
			time.Sleep(time.Minute)
			answer, waited = asked(t, c)
		})
		return answer, waited
	}
	for _, ahead := range []time.Duration{-time.Hour, 0, time.Hour} {
		answer, waited := within(t, time.Second, ahead)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		assert.Equal(t, time.Second, waited)
		answer, waited = within(t, 10*time.Second, ahead)
		assert.Equal(t, backup.Unknown, answer.Certainty(), "it takes longer than the question has")
		assert.Zero(t, waited)
	}
}

// shared is a slow system of which one listing may count for another replica.
type shared struct {
	*slow
	// patience is that of each listing, and asked is closed once another replica has asked.
	patience []time.Duration
	asked    chan struct{}
}

func (s *shared) List(ctx context.Context, into driver.Listing) (string, error) {
	s.mu.Lock()
	s.patience = append(s.patience, 0)
	s.mu.Unlock()
	return s.slow.List(ctx, into)
}

func (s *shared) ListShared(ctx context.Context, patience time.Duration, hurry <-chan struct{}, into driver.Listing) (string, error) {
	s.mu.Lock()
	s.patience = append(s.patience, patience)
	asked := s.asked
	s.mu.Unlock()
	select {
	case <-hurry:
		return "", driver.ErrHurried
	case <-time.After(patience):
	case <-asked: // by another replica: hurry changes nothing
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return s.slow.List(ctx, into)
}

// had is how patient the listings were.
func (s *shared) had() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.patience)
}

func TestAListingThatSomebodyWaitsForHasNoPatienceAndOneThatKeepsAnotherFreshHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shared{slow: &slow{repository: newRepository("longhorn", music)}}
		s.set(func(r *repository) { r.latency = 4 * time.Second })
		cfg := catalog.DefaultConfig()
		cfg.Bounds = map[string]time.Duration{"longhorn": 30 * time.Second}
		cfg.Expect = map[string]catalog.Expected{"longhorn": catalog.ExpectNothing}
		c := catalog.New(cfg, []driver.Lister{s}, newMemory(), clock.RealClock{}, newOutcomes())
		stop := run(t, c)
		defer stop()
		time.Sleep(time.Minute)
		assert.Equal(t, []time.Duration{0}, s.had())
		asked(t, c)
		time.Sleep(5 * time.Second)
		assert.Equal(t, []time.Duration{0, 0}, s.had(), "somebody asked")
		for range 40 {
			time.Sleep(7 * time.Second)
			answer, waited := asked(t, c)
			assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
			assert.Zero(t, waited)
		}
		for _, patience := range s.had()[2:] {
			assert.Equal(t, 7500*time.Millisecond, patience)
		}
		s.change()
		before := len(s.had())
		time.Sleep(20 * time.Second)
		assert.Contains(t, s.had()[before:], time.Duration(0), "what changed is read at once")
	})
}

func TestAQuestionIsNotRefusedForTheTimeThatAListingWasPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shared{slow: &slow{repository: newRepository("longhorn", music)}}
		c, stop := warmed(t, s)
		defer stop()
		time.Sleep(25 * time.Second) // one that keeps it fresh has waited for another replica's
		assert.Contains(t, s.had(), 7500*time.Millisecond)
		s.change()
		answer, waited := asked(t, c)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		assert.Equal(t, time.Second, waited)
	})
}

// warmed runs a catalog of a system that takes a second to list, and asks it once after a
// minute, so that its listing is kept fresh.
func warmed(t *testing.T, s *shared) (c *catalog.Catalog, stop func()) {
	t.Helper()
	s.set(func(r *repository) { r.latency = time.Second })
	cfg := catalog.DefaultConfig()
	cfg.Bounds = map[string]time.Duration{"longhorn": 30 * time.Second}
	cfg.Expect = map[string]catalog.Expected{"longhorn": catalog.ExpectNothing}
	c = catalog.New(cfg, []driver.Lister{s}, newMemory(), clock.RealClock{}, newOutcomes())
	stop = run(t, c)
	time.Sleep(time.Minute)
	asked(t, c)
	return c, stop
}

// withPatient runs a test while a listing waits for another replica's: it began to a
// second ago and is patient for 7.5 s, and one takes a second.
func withPatient(t *testing.T, test func(t *testing.T, s *shared, c *catalog.Catalog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &shared{slow: &slow{repository: newRepository("longhorn", music)}, asked: make(chan struct{})}
		c, stop := warmed(t, s)
		defer stop()
		for len(s.had()) < 3 {
			time.Sleep(time.Second)
		}
		require.NotZero(t, s.had()[2])
		test(t, s, c)
	})
}

func TestAQuestionEndsThePatienceOfTheListingThatRuns(t *testing.T) {
	withPatient(t, func(t *testing.T, s *shared, c *catalog.Catalog) {
		s.add(photos)
		s.change()
		began := time.Now()
		answer, waited := asked(t, c)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
		assert.Equal(t, time.Second, waited, "the time of one listing")
		require.Len(t, answer.Evidence(), 1)
		assert.False(t, answer.Evidence()[0].BeganAt.Before(began), "it began after the question")
		assert.Equal(t, []time.Duration{7500 * time.Millisecond, 0}, s.had()[2:])
		assert.Equal(t, 3, s.listed(), "what was hurried is not listed twice")
	})
}

func TestQuestionsDuringAListingThatBeganAgainWaitForItOrTheNext(t *testing.T) {
	withPatient(t, func(t *testing.T, s *shared, c *catalog.Catalog) {
		s.change()
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				time.Sleep(time.Duration(n) * 300 * time.Millisecond)
				answer, waited := asked(t, c)
				assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
				assert.LessOrEqual(t, waited, 2*time.Second)
			})
		}
		all.Wait()
	})
}

func TestAQuestionThatCannotBeMetIsRefusedAtOnceThoughAListingIsPatient(t *testing.T) {
	withPatient(t, func(t *testing.T, s *shared, c *catalog.Catalog) {
		s.change()
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		began := time.Now()
		answer := c.Prove(ctx, photos)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		assert.ErrorContains(t, answer.Err(), "not done before 2 s from now")
		assert.Zero(t, time.Since(began))
	})
}

func TestAQuestionEndsWithItsContextThoughAnotherReplicaHasAsked(t *testing.T) {
	withPatient(t, func(t *testing.T, s *shared, c *catalog.Catalog) {
		s.change()
		s.set(func(r *repository) { r.latency = time.Minute })
		close(s.asked)
		synctest.Wait()
		answer, waited := asked(t, c)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		assert.LessOrEqual(t, waited, 2500*time.Millisecond)
	})
}

// unwatchable is a system that the Role does not allow to watch.
type unwatchable struct {
	*repository
	tried int
}

func (u *unwatchable) Watch(context.Context, func(), func()) error {
	u.tried++
	return backup.Errorf(backup.Denied, "watching is forbidden")
}

func TestThatChangesMayNotBeWatchedIsSaidOnceAndTriedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		u := &unwatchable{repository: newRepository("longhorn", music)}
		cfg := catalog.DefaultConfig()
		cfg.Bounds = map[string]time.Duration{"longhorn": 30 * time.Second}
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		c := catalog.New(cfg, []driver.Lister{u}, newMemory(), clock.RealClock{}, newOutcomes())
		stop := run(t, c)
		time.Sleep(10 * time.Minute)
		stop()
		assert.Equal(t, 1, strings.Count(log.String(), "changes are not noticed"), log.String())
		assert.LessOrEqual(t, u.tried, 25)
	})
}

func TestAQuestionThatIsRefusedAfterAFailureHasTheWordsOfTheFailure(t *testing.T) {
	withSlow(t, func(t *testing.T, s *slow, c *catalog.Catalog) {
		s.set(func(r *repository) { r.failure = backup.Errorf(backup.Unavailable, "cannot list the bucket") })
		asked(t, c)
		time.Sleep(12 * time.Second) // it has failed, and is tried again
		answer, waited := asked(t, c)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		assert.Zero(t, waited)
		assert.ErrorContains(t, answer.Err(), "cannot list the bucket")
	})
}
