package bucket

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// retry is how long after a failed call to the API server it is made again.
	retry = 30 * time.Second
	// leastLimit is what a scan may take however short the interval is.
	leastLimit = time.Hour
	// farewell is how long the result of a scan may take to be kept once the
	// process is told to stop.
	farewell = 5 * time.Second
)

// Lister lists a bucket.
type Lister interface {
	// List lists the whole bucket and gives what it holds. It has no side
	// effects, may take hours, and ends soon after ctx. A listing that is not
	// whole is an error, whose text holds no secret.
	List(ctx context.Context) (Figures, error)
}

// Observer is told of scans, for metrics. It must not block.
type Observer interface {
	BucketScanFailed()
}

// Scanner scans the bucket on the leader: at the start where nothing is kept of
// it, then an interval after the last scan began. It is a controller-runtime
// Runnable.
type Scanner struct {
	Lister   Lister
	Keeper   *Keeper
	Interval time.Duration
	Clock    clock.Clock
	Observer Observer
	Log      *slog.Logger
}

// NeedLeaderElection tells controller-runtime that one replica scans.
func (s *Scanner) NeedLeaderElection() bool { return true }

// Start scans until ctx ends. It never fails: what goes wrong is told and tried
// again.
func (s *Scanner) Start(ctx context.Context) error {
	for ctx.Err() == nil {
		s.wait(ctx, s.step(ctx))
	}
	return nil
}

func (s *Scanner) wait(ctx context.Context, d time.Duration) {
	timer := s.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// step scans if it is time, and gives how long to wait for the next step. While
// it cannot be told or kept when the last scan was, there is none: each costs.
func (s *Scanner) step(ctx context.Context) time.Duration {
	kept, unreadable, err := s.Keeper.load(ctx)
	if err != nil {
		s.warn(ctx, "it cannot be told when the bucket was scanned", err)
		return retry
	}
	if unreadable != nil {
		s.warn(ctx, "what is kept of the bucket cannot be understood and is replaced", unreadable)
	}
	if wait := kept.due(s.Clock.Now(), s.Interval); wait > 0 {
		return wait
	}
	kept.AttemptedAt, kept.Attempts = s.Clock.Now().UTC(), kept.Attempts+1
	if err := s.Keeper.save(ctx, kept); err != nil {
		s.warn(ctx, "it cannot be kept that the bucket is scanned", err)
		return retry
	}
	figures, err := s.scan(ctx)
	if ctx.Err() != nil && err != nil {
		return 0
	}
	if err == nil {
		kept.Attempts, kept.Failure, kept.Figures, kept.growth = 0, nil, &figures, kept.growth.with(figures)
		s.Log.InfoContext(ctx, "scanned the bucket", "bucket", kept.Store.Bucket, "objects", figures.Objects, "bytes", figures.Bytes, "took", figures.Took)
	} else {
		kept.Failure = &failure{At: s.Clock.Now().UTC(), Message: backup.Message(err)}
		s.Observer.BucketScanFailed()
		s.warn(ctx, "scanning the bucket failed", err)
	}
	s.keep(ctx, kept)
	return kept.due(s.Clock.Now(), s.Interval)
}

// scan lists within a limit, so that a store that dribbles is noticed.
func (s *Scanner) scan(ctx context.Context) (Figures, error) {
	limit := max(s.Interval, leastLimit)
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	figures, err := s.Lister.List(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return Figures{}, backup.Errorf(backup.Unavailable, "it was not done after %s; a longer SOTERIA_B2_SCAN_INTERVAL gives it more time", limit)
	}
	return figures, err
}

// keep saves the outcome of a scan, again and again until ctx ends, since it
// cost something, and once more then.
func (s *Scanner) keep(ctx context.Context, r record) {
	for ctx.Err() == nil {
		err := s.Keeper.save(ctx, r)
		if err == nil {
			return
		}
		s.warn(ctx, "the outcome of the scan cannot be kept", err)
		s.wait(ctx, retry)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := s.Keeper.save(last, r); err != nil {
		s.warn(ctx, "the outcome of the scan is lost", err)
	}
}

func (s *Scanner) warn(ctx context.Context, what string, reason error) {
	s.Log.WarnContext(ctx, what, "bucket", s.Keeper.Store.Bucket, "reason", reason)
}
