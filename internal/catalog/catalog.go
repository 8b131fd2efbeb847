package catalog

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// Config tunes a catalog. Begin with [DefaultConfig].
type Config struct {
	// Freshness is how long before a question a listing may have begun and
	// still settle it. Zero: it must have begun after the question.
	Freshness time.Duration
	// Bounds are Freshness for the drivers that notice changes (see [driver.Watcher]),
	// by driver; each holds while nothing changes. A driver that is not in it has
	// Freshness.
	Bounds map[string]time.Duration
	// RefreshInterval is the rest between listings that nobody asked for, which
	// keep what is known near to what exists.
	RefreshInterval time.Duration
	// ListingTimeout bounds one listing.
	ListingTimeout time.Duration
	// RetryMin and RetryMax bound the rest after a failed listing: RetryMin
	// after the first failure, doubled by each further one in a row.
	RetryMin, RetryMax time.Duration
	// Pins are the repository identities that the configuration names, by
	// driver.
	Pins map[string]string
	// Clusters says whose backups are this cluster's.
	Clusters backup.Clusters
	// Accepted remembers which strays were accepted. Nil accepts none.
	Accepted Register
	// BackupsTold reports whether [Catalog.BackupStarted] has been told of every
	// backup that was running when this process began. Until it is true nothing
	// is proved absent. Nil stands for a process that is told of none. It must
	// not block nor call the catalog.
	BackupsTold func() bool
	// Memory remembers the backups of every claim; nil remembers them for as long as
	// the process lives.
	Memory Memory
	// Unaccepted remembers the backups in repositories that no one has accepted; nil
	// remembers them for as long as the process lives.
	Unaccepted Unaccepted
	// Unlisted names the drivers that there are and that are not listed here: backups
	// that were seen with one of them are not forgotten.
	Unlisted []string
	// Taking names those of them that take backups here.
	Taking []string
	// Copies are the copies of the memory beside the backups, by driver; a driver
	// that has none is not in it.
	Copies map[string]Copy
	// Expect is what the configuration says of the backups in each driver's
	// repository.
	Expect map[string]Expected
	// Without names the drivers that are lost for good: backups of others are
	// restored without waiting for them. Nothing is proved absent without them.
	Without []string
	// Counts reports whether a backup counts among those that its claim is expected
	// to keep; nil is [Counts], of those that [Config.Clusters] counts. Of what does not
	// count no one notices that it is gone.
	Counts func(b backup.Backup, now time.Time) bool
	// Reviews returns the times in which a claim's data was unreviewed, as they are
	// remembered; after an error it is in doubt which of others' backups is the newest
	// that counts. It must not block. Nil remembers none.
	Reviews func(backup.Claim) ([]backup.Span, error)
	// Log gets a line when listings begin to fail and when they recover.
	Log *slog.Logger
}

// DefaultConfig is what an installation runs with unless told otherwise.
func DefaultConfig() Config {
	return Config{
		Freshness:       2 * time.Second,
		RefreshInterval: 5 * time.Minute,
		ListingTimeout:  2 * time.Minute,
		RetryMin:        time.Second,
		RetryMax:        30 * time.Second,
		Log:             slog.New(slog.DiscardHandler),
	}
}

// Observer is told what the catalog does, for metrics. It is called from several
// goroutines and must not block.
type Observer interface {
	// Listed is called after each listing. Err is nil when it was believed and
	// whole. The number of backups it found is set when it was believed.
	Listed(driver string, took time.Duration, backups int, err error)
	// Confirmed is called after each time that the last listing was found to stand, in
	// the place of another one.
	Confirmed(driver string, took time.Duration)
}

// Catalog answers questions about backups. It is safe for concurrent use.
type Catalog struct {
	sources []*source
	reviews func(backup.Claim) ([]backup.Span, error)
}

// New makes a catalog of the backups that listers list. It answers Unknown until
// [Catalog.Start] runs. With no listers every answer is Unknown.
func New(cfg Config, listers []driver.Lister, ledger Ledger, clock clock.Clock, observer Observer) *Catalog {
	if cfg.Memory == nil {
		cfg.Memory = &processMemory{}
	}
	if cfg.Unaccepted == nil {
		cfg.Unaccepted = &processUnaccepted{}
	}
	if cfg.Counts == nil {
		cfg.Counts = func(b backup.Backup, now time.Time) bool { return cfg.Clusters.Counts(b) && Counts(b, now) }
	}
	c := &Catalog{reviews: cfg.Reviews}
	for _, lister := range listers {
		c.sources = append(c.sources, newSource(cfg, lister, ledger, clock, observer))
	}
	seen := &sightings{}
	for _, s := range c.sources {
		s.looked, s.seen = c.Drivers(), seen
	}
	return c
}

// Start lists every repository at once, then keeps listing until ctx ends, and
// returns when all its goroutines have ended. Listings live as long as ctx; no
// question that was given up ever cancels one. It is controller-runtime's
// Runnable and is to be called once.
func (c *Catalog) Start(ctx context.Context) error {
	var sources sync.WaitGroup
	for _, s := range c.sources {
		sources.Go(func() { s.run(ctx) })
	}
	sources.Wait()
	return nil
}

// OnRecovery has somebody told when a driver's listings work again after some
// failed, or for the first time, so that those who wait may look again at once.
// It is to be called before Start; tell must not block nor call the catalog.
func (c *Catalog) OnRecovery(tell func(driver string)) {
	for _, s := range c.sources {
		s.recovered = tell
	}
}

// NeedLeaderElection tells controller-runtime that every replica runs a catalog
// of its own.
func (c *Catalog) NeedLeaderElection() bool { return false }

// Drivers names the drivers whose repositories are listed, in the order of the
// configuration.
func (c *Catalog) Drivers() []string {
	names := make([]string, 0, len(c.sources))
	for _, s := range c.sources {
		names = append(names, s.lister.Name())
	}
	return names
}

// Known answers with as little waiting as possible. Found may come from any earlier
// listing, and does not wait for the drivers that did not find any: one that could not
// tell makes it a doubt which backup is the newest. None is a proof as that of
// [Catalog.Prove].
// It waits until ctx ends at the latest and then answers Unknown, or what was known.
func (c *Catalog) Known(ctx context.Context, claim backup.Claim) backup.Answer {
	if slices.ContainsFunc(c.sources, func(s *source) bool { return s.remembers(claim) }) {
		if answer, holds := c.standing(claim); holds {
			return answer
		}
	}
	asking, found := context.WithCancel(ctx)
	defer found()
	return c.ask(claim, func(s *source) backup.Answer {
		answer := s.known(asking, claim)
		switch {
		case answer.Certainty() == backup.Found:
			found() // the others are not waited for
		case answer.Certainty() == backup.Unknown && asking.Err() != nil && ctx.Err() == nil:
			// What it listed last was not proved to stand: it may have a newer one by now.
			return s.standing(claim).Unsure(answer.Err())
		}
		return answer
	})
}

// standing answers for a claim of which backups were known a moment ago. The answer
// does not hold where they have gone since: what is left then is no proof.
func (c *Catalog) standing(claim backup.Claim) (answer backup.Answer, holds bool) {
	answer = c.ask(claim, func(s *source) backup.Answer { return s.standing(claim) })
	return answer, answer.Certainty() != backup.None
}

// Glance answers from the last listings, without waiting and without having any
// begin. It says for what a claim waits; nothing may follow from it.
func (c *Catalog) Glance(claim backup.Claim) backup.Answer {
	return c.ask(claim, func(s *source) backup.Answer { return s.glance(claim) })
}

// Last answers from the last listings that were believed, without waiting and without
// having any begin, for those who look at a claim. [backup.Answer.Told] says how old
// they are. Nothing may follow from it: None is no proof, and a newer backup may exist.
func (c *Catalog) Last(claim backup.Claim) backup.Answer {
	return c.ask(claim, func(s *source) backup.Answer { return s.latestAnswer(claim) })
}

// LastOf is [Catalog.Last] for the backups of one driver.
func (c *Catalog) LastOf(claim backup.Claim, driver string) backup.Answer {
	for _, s := range c.sources {
		if s.lister.Name() == driver {
			answer := s.latestAnswer(claim)
			return c.reviewing(claim, answer).WithTold(s.told(answer))
		}
	}
	return noSuchDriver()
}

func noSuchDriver() backup.Answer {
	return backup.UnknownBecause(&backup.Error{
		Kind: backup.Invalid, Field: "driver", Message: "no driver of that name looks for backups here",
	})
}

// ProveBackup is [Catalog.Prove] for a restore of the backup with an id, or of the only
// one whose id begins with it. A driver whose last listing has such a backup proves it,
// and the others are not waited for: which backup is the newest is then in doubt. Where
// none has it, or it is gone, all of them prove what there is; so they do where the
// beginning of an id may be that of a backup in a repository that was never listed.
func (c *Catalog) ProveBackup(ctx context.Context, claim backup.Claim, id string) backup.Answer {
	selected := func(backups []backup.Backup) bool {
		_, err := backup.Rules{}.Choose(backup.Selector{ID: id}, backups)
		return err == nil
	}
	is := func(b backup.Backup) bool { return b.ID == id }
	exact := func(backups []backup.Backup) bool { return slices.ContainsFunc(backups, is) }
	listed := func(s *source) bool { return s.listed(claim, selected) }
	unlisted := func(s *source) bool { return s.listedAt().IsZero() }
	named := slices.ContainsFunc(c.sources, func(s *source) bool { return s.listed(claim, exact) })
	if named || slices.ContainsFunc(c.sources, listed) && !slices.ContainsFunc(c.sources, unlisted) {
		answer := c.ask(claim, func(s *source) backup.Answer {
			if listed(s) {
				return s.prove(ctx, claim)
			}
			return s.standing(claim)
		})
		if selected(answer.Backups()) || selected(answer.Others()) {
			return answer
		}
	}
	return c.Prove(ctx, claim)
}

// Prove answers from listings that began after the call or at most
// [Config.Freshness] before it, Found as well as None. It waits until ctx ends
// at the latest and then answers Unknown.
func (c *Catalog) Prove(ctx context.Context, claim backup.Claim) backup.Answer {
	return c.ask(claim, func(s *source) backup.Answer { return s.prove(ctx, claim) })
}

// BackupStarted tells that a backup of a claim is running, identified by job.
// Until it is told to have ended, the claim is not proved to have no backups.
// Telling it again changes nothing.
func (c *Catalog) BackupStarted(claim backup.Claim, job string) {
	for _, s := range c.sources {
		s.backupStarted(claim, job)
	}
}

// BackupEnded tells that a backup of a claim is no longer running, whether it
// succeeded, failed or was deleted. What was known of the claim is no longer
// used, and a listing follows. Telling it again, or without a start, is safe
// and costs a listing.
func (c *Catalog) BackupEnded(claim backup.Claim, job string) {
	for _, s := range c.sources {
		s.backupEnded(claim, job)
	}
}

// ListedAt tells, by driver, when the last listing that was believed began; the
// zero time where none was yet.
func (c *Catalog) ListedAt() map[string]time.Time {
	at := make(map[string]time.Time, len(c.sources))
	for _, s := range c.sources {
		at[s.lister.Name()] = s.listedAt()
	}
	return at
}

// Forgetting has it remembered that Soteria is about to remove backups of a claim
// from a driver's repository; stays are those that are left there, of whoever took
// them. It returns once that is durable, and is to be called before the first of them
// goes: what vanishes without it counts as missing. It may be repeated at will. After
// an error nothing may be removed.
func (c *Catalog) Forgetting(ctx context.Context, driver string, claim backup.Claim, removed, stays []backup.Backup) error {
	for _, s := range c.sources {
		if s.lister.Name() == driver {
			return s.forget(ctx, claim, removed, stays)
		}
	}
	return nil
}

// Missing counts, by driver, the claims whose newest remembered backup is not there any
// more.
func (c *Catalog) Missing() map[string]int {
	counts := make(map[string]int, len(c.sources))
	for _, o := range c.Overviews() {
		counts[o.Driver] = 0
		if o.listed != nil {
			counts[o.Driver] = len(o.listed.missing)
		}
	}
	return counts
}

// ask puts a question about a claim to every source at once and joins the answers.
func (c *Catalog) ask(claim backup.Claim, question func(*source) backup.Answer) backup.Answer {
	if len(c.sources) == 1 {
		answer := question(c.sources[0])
		return c.reviewing(claim, answer).WithTold(c.sources[0].told(answer))
	}
	answers, told := make([]backup.Answer, len(c.sources)), make([]backup.Told, len(c.sources))
	var asked sync.WaitGroup
	for i, s := range c.sources {
		asked.Go(func() {
			answers[i] = question(s)
			told[i] = s.told(answers[i])
		})
	}
	asked.Wait()
	for i, s := range c.sources {
		if s.lost() {
			answers[i] = answers[i].Lost()
		}
	}
	return c.reviewing(claim, backup.Combine(answers...)).WithTold(told...)
}

// reviewing adds to an answer what is remembered of the claim's reviews. It concerns
// what others took alone, since Soteria tags its own backups.
func (c *Catalog) reviewing(claim backup.Claim, answer backup.Answer) backup.Answer {
	if c.reviews == nil || !answer.HasOthers() {
		return answer
	}
	spans, err := c.reviews(claim)
	return answer.Reviewing(spans).Doubting(err)
}
