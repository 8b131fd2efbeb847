package catalog_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
)

// single is a repository whose claims can be looked at by themselves.
type single struct {
	*repository

	mu sync.Mutex
	// looks counts calls, and claims the claims that they were for.
	looks, claims int
	took          time.Duration
	failure       error
	// refuses has it settle nothing.
	refuses bool
	// marked has listings be confirmed by what they held.
	marked bool
}

func (s *single) Prove(ctx context.Context, claims []backup.Claim, _ time.Duration, into driver.Listing) (string, []backup.Claim, error) {
	s.mu.Lock()
	s.looks++
	s.claims += len(claims)
	took, failure, refuses := s.took, s.failure, s.refuses
	s.mu.Unlock()
	s.repository.mu.Lock()
	id, held := s.id, s.backups
	s.repository.mu.Unlock()
	if err := sleep(ctx, took); err != nil {
		return "", nil, err
	}
	if refuses {
		return id, nil, failure
	}
	for _, b := range held {
		if slices.Contains(claims, b.Claim) {
			into.Backup(b)
		}
	}
	return id, claims, failure
}

func (s *single) List(ctx context.Context, into driver.Listing) (string, error) {
	s.mu.Lock()
	marked := s.marked
	s.mu.Unlock()
	if marked {
		into.Mark(s.mark())
	}
	return s.repository.List(ctx, into)
}

func (s *single) Confirm(_ context.Context, mark string) (bool, error) { return mark == s.mark(), nil }

func (s *single) mark() string {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	return fmt.Sprint(sortedIDs(s.backups))
}

func (s *single) change(change func(*single)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// withSingle runs a test with a catalog of a repository that takes 8.6 s to be listed and
// 5 ms to be looked at, which has been listed once.
func withSingle(t *testing.T, test func(t *testing.T, s *single, c *catalog.Catalog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &single{repository: newRepository("s3", music), took: 5 * time.Millisecond}
		s.latency = 8600 * time.Millisecond
		cfg := catalog.DefaultConfig()
		cfg.RefreshInterval = 20 * time.Second
		accepted := newMemory()
		accepted.recorded["s3"] = catalog.Expectation{Repository: repositoryID, HeldBackups: true}
		c := catalog.New(cfg, []driver.Lister{s}, accepted, clock.RealClock{}, newOutcomes())
		stop := run(t, c)
		time.Sleep(9 * time.Second)
		test(t, s, c)
		stop()
	})
}

func TestEachQuestionIsAnsweredWhileTheRepositoryIsListed(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		const questions = 5000
		for n := range questions {
			claim := backup.Claim{Namespace: "apps", Name: fmt.Sprintf("missing-%d", n)}
			answer := c.Known(within(t, budget), claim)
			assert.Equal(t, backup.None, answer.Certainty(), "%d: %v", n, answer.Err())
		}
		assert.Equal(t, questions, s.claims, "each claim is looked at once")
		assert.Greater(t, s.listed(), 1, "it was listed meanwhile")
		answer := c.Prove(within(t, budget), music)
		require.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
		assert.WithinDuration(t, time.Now(), answer.Evidence()[0].BeganAt, 10*time.Millisecond, "the evidence is of the look")
	})
}

func TestAListingThatWasNotBelievedIsNotBelievedWithALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &single{repository: newRepository("s3", photos, music), took: 800 * time.Millisecond}
		ledger := newMemory()
		ledger.recorded["s3"] = catalog.Expectation{Repository: repositoryID, HeldBackups: true}
		c := catalog.New(catalog.DefaultConfig(), []driver.Lister{s}, ledger, clock.RealClock{}, newOutcomes())
		stop := run(t, c)
		time.Sleep(150 * time.Millisecond)
		require.Equal(t, backup.Found, c.Known(within(t, budget), photos).Certainty())

		s.set(func(r *repository) {
			r.backups = slices.DeleteFunc(slices.Clone(r.backups), func(b backup.Backup) bool { return b.Claim == photos })
		})
		ledger.set(func(m *memory) { m.failRead = errDown })
		other := backup.Claim{Namespace: "apps", Name: "other"}
		c.BackupEnded(other, "job")
		looking := make(chan struct{})
		go func() {
			defer close(looking)
			c.Prove(within(t, budget), other)
		}()
		time.Sleep(150 * time.Millisecond) // the listing, which finds that the backup is gone, has failed
		ledger.set(func(m *memory) { m.failRead = nil })
		<-looking
		assert.NotEqual(t, backup.None, c.Known(within(t, time.Millisecond), photos).Certainty(), "its backup has vanished, and no one accepted that")
		stop()
	})
}

func TestAStrayThatIsGoneHoldsNothingHoweverOftenClaimsAreLookedAt(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		stray := func(strays ...attribution.Stray) {
			s.repository.mu.Lock()
			defer s.repository.mu.Unlock()
			s.strays = strays
		}
		asked := func(d time.Duration) (last backup.Answer) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(3 * time.Second) {
				last = c.Known(within(t, budget), photos)
			}
			return last
		}
		stray(attribution.Stray{ID: "misplaced", TakenAt: time.Now(), Facts: attribution.Facts{"path": {"elsewhere"}}})
		held := asked(time.Minute)
		require.Equal(t, backup.Unknown, held.Certainty(), "the stray may be of the claim")
		stray()
		answer := asked(2 * time.Minute)
		assert.Equal(t, backup.None, answer.Certainty(), "the stray has been gone for two minutes: %v", answer.Err())
	})
}

func TestAThousandQuestionsAtOnceShareAFewLooks(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		var asked sync.WaitGroup
		for range 1000 {
			asked.Go(func() {
				answer := c.Known(within(t, budget), photos)
				assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
			})
		}
		asked.Wait()
		assert.LessOrEqual(t, s.looks, 2)
		answer := c.Known(within(t, budget), photos)
		assert.Equal(t, backup.None, answer.Certainty())
		assert.LessOrEqual(t, s.looks, 2, "a look stands for as long as a listing does")
	})
}

func TestWhatALookFindsOutlivesTheListingThatBeganBefore(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		time.Sleep(20 * time.Second) // the second listing has begun and read the state
		synctest.Wait()
		assert.Equal(t, 2, s.listed())
		s.add(photos)
		answer := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
		time.Sleep(9 * time.Second)
		answer = c.Glance(photos)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
		assert.NoError(t, answer.Doubt(), "nothing is missing")
	})
}

// TestALookThatCameBetweenIsNotConfirmed has a repository return to what a listing found:
// that is no proof of what a look found meanwhile.
func TestALookThatCameBetweenIsNotConfirmed(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		s.change(func(s *single) { s.marked = true })
		time.Sleep(20 * time.Second)
		s.add(photos)
		answer := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
		s.set(func(r *repository) { r.backups = r.backups[:1] })
		c.BackupEnded(photos, "a job") // has it listed
		time.Sleep(30 * time.Second)
		answer = c.Glance(photos)
		assert.Equal(t, backup.Unknown, answer.Certainty(), "the backup that was found is missing")
		assert.Equal(t, backup.BackupMissing, backup.KindOf(answer.Err()))
	})
}

func TestWhatALookDoesNotSettleIsListed(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		s.change(func(s *single) { s.refuses = true })
		listed := s.listed()
		answer := c.Prove(within(t, 20*time.Second), photos)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		assert.Equal(t, listed+1, s.listed())
		assert.Equal(t, 1, s.looks, "it is not asked again in vain")
	})
}

func TestALookThatFailsIsUnknownUntilTheRepositoryIsListed(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		s.change(func(s *single) { s.failure = backup.Errorf(backup.Unavailable, "connection refused") })
		answer := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		assert.ErrorContains(t, answer.Err(), "connection refused")
		s.change(func(s *single) { s.failure = nil })
		time.Sleep(9 * time.Second)
		answer = c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
	})
}

func TestALookAtAnotherRepositoryProvesNothing(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		s.set(func(r *repository) { r.id = otherID })
		answer := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Unknown, answer.Certainty())
		assert.Equal(t, backup.RepositoryChanged, backup.KindOf(answer.Err()))
	})
}

func TestAnEndedBackupIsLookedForAgain(t *testing.T) {
	withSingle(t, func(t *testing.T, s *single, c *catalog.Catalog) {
		answer := c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.None, answer.Certainty(), "%v", answer.Err())
		s.add(photos)
		c.BackupEnded(photos, "a job")
		answer = c.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Found, answer.Certainty(), "%v", answer.Err())
	})
}
