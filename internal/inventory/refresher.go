package inventory

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Config tunes a refresher.
type Config struct {
	// Interval is the rest between inventories while nothing changes.
	Interval time.Duration
	// Settle is how long to wait after a change, for more of them; it is also
	// the shortest rest between two inventories.
	Settle time.Duration
	// Retry is the rest after an inventory that could not be made.
	Retry time.Duration
	// Patience is how long the first inventory waits until every repository was
	// listed once, so that a start does not look as if nothing could be listed. Until
	// then what is known is published, and is not the latest inventory.
	Patience time.Duration
	Settings Settings
	Log      *slog.Logger
}

// DefaultConfig is what an installation runs with unless told otherwise; it lacks
// the settings.
func DefaultConfig() Config {
	return Config{
		Interval: 5 * time.Minute,
		Settle:   2 * time.Second,
		Retry:    10 * time.Second,
		Patience: 30 * time.Second,
		Log:      slog.New(slog.DiscardHandler),
	}
}

// Sources is where a refresher gathers the facts.
type Sources struct {
	// Cluster reads what the cluster holds.
	Cluster Cluster
	// Listings gives what is known of each driver's repository. It must not
	// wait.
	Listings func() []Listing
	// Schedules tells which claims are backed up by themselves, as of now; nil
	// where nobody schedules. An inventory is made without it while it fails.
	Schedules func(ctx context.Context) (Schedules, error)
	// Stalls returns the backups that do not come further, with who holds them up; nil
	// where nothing knows. What it returns with an error counts.
	Stalls func(ctx context.Context) (map[backup.Claim]string, error)
	// GateSince returns when the gate was first seen closed; nil where nothing
	// remembers that. An inventory is made without it while it fails.
	GateSince func(ctx context.Context) (time.Time, error)
}

// Publish is handed each inventory and its plan once they are made, before
// anybody else sees them, and those that lack what was not listed yet. It is called from
// one goroutine.
type Publish func(*Inventory, *Plan)

// Observer is told of inventories that could not be made. It must not block.
type Observer interface {
	InventoryFailed()
}

// Refresher keeps an inventory that is never much older than what it tells of.
// It is safe for concurrent use.
type Refresher struct {
	cfg      Config
	sources  Sources
	clock    clock.Clock
	observer Observer
	publish  Publish

	changed chan struct{}
	latest  atomic.Pointer[Inventory]
}

// NewRefresher makes a refresher, which gives nothing until [Refresher.Start]
// runs.
func NewRefresher(cfg Config, sources Sources, c clock.Clock, observer Observer, publish Publish) *Refresher {
	return &Refresher{cfg: cfg, sources: sources, clock: c, observer: observer, publish: publish, changed: make(chan struct{}, 1)}
}

// Notify tells that something has changed that an inventory depends on: one
// follows soon. It never waits.
func (r *Refresher) Notify() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Latest gives the latest inventory. The error is of kind Unavailable: none has
// been made yet.
func (r *Refresher) Latest() (*Inventory, error) {
	if latest := r.latest.Load(); latest != nil {
		return latest, nil
	}
	return nil, NotYet()
}

// NotYet is why there is no inventory before the first one was made.
func NotYet() error {
	return backup.NotYet(backup.Errorf(backup.Unavailable, "the first inventory since Soteria's start is being made; ask again in some seconds"))
}

// NeedLeaderElection tells controller-runtime that every replica keeps an
// inventory of its own.
func (r *Refresher) NeedLeaderElection() bool { return false }

// Start makes inventories until ctx ends. It is controller-runtime's Runnable
// and is to be called once.
func (r *Refresher) Start(ctx context.Context) error {
	if !r.everythingListed(ctx) {
		return nil
	}
	for {
		rest := r.cfg.Interval
		if err := r.refresh(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("the inventory could not be made; the last one stands", "error", err)
			r.observer.InventoryFailed()
			rest = min(rest, r.cfg.Retry)
		}
		if !r.rest(ctx, rest) {
			return nil
		}
	}
}

// everythingListed waits until every repository was listed once, well or not, or
// patience ends. What is known meanwhile is published. It reports false when ctx ended.
func (r *Refresher) everythingListed(ctx context.Context) bool {
	patience := r.clock.NewTimer(r.cfg.Patience)
	defer patience.Stop()
	for anyPending(r.sources.Listings()) {
		r.preview(ctx)
		select {
		case <-ctx.Done():
			return false
		case <-patience.C():
			return true
		case <-r.changed:
		}
		if !anyPending(r.sources.Listings()) {
			break
		}
		settled := r.clock.NewTimer(r.cfg.Settle)
		select {
		case <-ctx.Done():
		case <-settled.C():
		}
		settled.Stop()
	}
	return ctx.Err() == nil
}

// preview publishes an inventory that lacks what was not listed yet.
func (r *Refresher) preview(ctx context.Context) {
	inventory, plan, err := r.make(ctx)
	if err != nil {
		r.cfg.Log.Debug("nothing can be shown before every repository was listed", "error", err)
		return
	}
	r.publish(inventory, plan)
}

func anyPending(listings []Listing) bool {
	for _, l := range listings {
		if l.ListedAt.IsZero() && l.Failure == nil {
			return true
		}
	}
	return false
}

// rest waits for the interval or for a change, then for more changes. It reports
// false when ctx ended.
func (r *Refresher) rest(ctx context.Context, interval time.Duration) bool {
	due := r.clock.NewTimer(interval)
	defer due.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-due.C():
		return ctx.Err() == nil
	case <-r.changed:
	}
	settled := r.clock.NewTimer(r.cfg.Settle)
	defer settled.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-settled.C():
		return ctx.Err() == nil
	}
}

func (r *Refresher) schedules(ctx context.Context) Schedules {
	if r.sources.Schedules == nil {
		return nil
	}
	schedules, err := r.sources.Schedules(ctx)
	if err != nil {
		r.cfg.Log.Warn("the inventory cannot tell which claims are backed up by themselves", "error", err)
		return nil
	}
	return schedules
}

func (r *Refresher) gateSince(ctx context.Context) time.Time {
	if r.sources.GateSince == nil {
		return time.Time{}
	}
	since, err := r.sources.GateSince(ctx)
	if err != nil {
		r.cfg.Log.Warn("the inventory cannot tell which claims were bound without a verdict", "error", err)
	}
	return since
}

func (r *Refresher) stalls(ctx context.Context) map[backup.Claim]string {
	if r.sources.Stalls == nil {
		return nil
	}
	stalls, err := r.sources.Stalls(ctx)
	if err != nil {
		r.cfg.Log.Warn("the inventory cannot tell of all backups whether they come further", "error", err)
	}
	return stalls
}

// refresh makes one inventory. A change that is told while the facts are
// gathered makes another one follow; those told before are in this one.
func (r *Refresher) refresh(ctx context.Context) error {
	select {
	case <-r.changed:
	default:
	}
	inventory, plan, err := r.make(ctx)
	if err != nil {
		return err
	}
	r.publish(inventory, plan)
	r.latest.Store(inventory)
	return nil
}

// make gathers the facts and makes an inventory and a plan of them.
func (r *Refresher) make(ctx context.Context) (*Inventory, *Plan, error) {
	f, err := r.sources.Cluster.facts(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("gathering the facts of an inventory: %w", err)
	}
	f.Now = r.clock.Now()
	f.Listings = r.sources.Listings()
	f.Schedules = r.schedules(ctx)
	f.GateSince = r.gateSince(ctx)
	f.Stalls = r.stalls(ctx)
	f.Settings = r.cfg.Settings
	inventory, plan := Build(f)
	return inventory, plan, nil
}
