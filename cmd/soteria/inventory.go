package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// addInventory makes the inventory and the plan, which every replica keeps, and
// the metrics that are read from them.
func addInventory(ctx context.Context, c config, mgr manager.Manager, known *catalog.Catalog, scheduler *schedule.Scheduler, spared kube.Copies, reviewed *reviews, reports *httpapi.Reports, measured *metrics.Metrics, log *slog.Logger) (*inventory.Refresher, error) {
	settings := inventory.DefaultConfig()
	settings.Interval = c.reportInterval()
	settings.Settings = c.inventory()
	settings.Log = log
	refresher := inventory.NewRefresher(settings, inventory.Sources{
		Cluster: inventory.Cluster{Reader: mgr.GetClient(), Copies: spared}, Listings: listingsOf(known), Schedules: schedulesOf(scheduler), GateSince: reviewed.memory.Since,
		Stalls: stalledBackups{c, mgr.GetClient(), mgr.GetAPIReader()}.byClaim,
	}, clock.RealClock{}, measured, reports.Publish)
	if err := inventory.Watch(ctx, mgr.GetCache(), refresher.Notify); err != nil {
		return nil, err
	}
	if err := backupjob.WatchStalled(ctx, mgr.GetCache(), refresher.Notify); err != nil {
		return nil, err
	}
	if err := mgr.Add(refresher); err != nil {
		return nil, fmt.Errorf("adding the inventory: %w", err)
	}
	metrics.WatchInventory(ctrlmetrics.Registry, refresher.Latest, clock.RealClock{})
	metrics.WatchUnattributed(ctrlmetrics.Registry, unattributedIn(known))
	return refresher, reviewed.addTeller(mgr, refresher.Latest, log)
}

// inventory gives what the operator has settled about inventories. The catalog
// lists anew an interval after a listing has ended, so what it knows is at most
// an interval and two listings old; the minute is for slow machines.
func (c *config) inventory() inventory.Settings {
	return inventory.Settings{
		Policy:       c.policy(),
		BackupDriver: c.BackupDriver,
		MaxAge:       time.Duration(c.BackupMaxAgeHours * float64(time.Hour)),
		Recent:       c.RefreshInterval + 2*c.ListingTimeout + time.Minute,
	}
}

// reportInterval is the rest between two inventories while nothing changes.
func (c *config) reportInterval() time.Duration {
	return time.Duration(c.MetricsRefreshSeconds) * time.Second
}

// checkInventory gives what is wrong with the settings of inventories. Their upper
// bounds, ten years and a day, only keep them from overflowing.
func (c *config) checkInventory() []error {
	const maxHours, maxSeconds = 10 * 365 * 24, 24 * 60 * 60
	var problems []error
	if sane := c.BackupMaxAgeHours > 0 && c.BackupMaxAgeHours <= maxHours; !sane {
		problems = append(problems, fmt.Errorf("SOTERIA_BACKUP_MAX_AGE_HOURS: %v must be more than zero, and at most %d", c.BackupMaxAgeHours, maxHours))
	}
	if c.MetricsRefreshSeconds <= 0 || c.MetricsRefreshSeconds > maxSeconds {
		problems = append(problems, fmt.Errorf("SOTERIA_METRICS_REFRESH_SECONDS: %d must be more than zero, and at most %d", c.MetricsRefreshSeconds, maxSeconds))
	}
	return problems
}

// schedules shows an inventory when claims are backed up next.
type schedules struct{ policy.Report }

// ScheduleOf implements [inventory.Schedules].
func (s schedules) ScheduleOf(claim backup.Claim) (inventory.Schedule, bool) {
	standing, found := s.Of(claim)
	if !found || standing.Policy == (policy.Policy{}) {
		return inventory.Schedule{}, false
	}
	return inventory.Schedule{Policy: standing.Policy.ID(), Source: string(standing.Policy.Source), NextRun: standing.NextRun, Overdue: standing.Overdue.Says}, true
}

func schedulesOf(scheduler *schedule.Scheduler) func(context.Context) (inventory.Schedules, error) {
	return func(ctx context.Context) (inventory.Schedules, error) {
		report, err := scheduler.Report(ctx)
		return schedules{report}, err
	}
}

// listingsOf gives what the catalog knows, as an inventory reads it.
func listingsOf(known *catalog.Catalog) func() []inventory.Listing {
	return func() []inventory.Listing {
		overviews := known.Overviews()
		listings := make([]inventory.Listing, 0, len(overviews))
		for _, o := range overviews {
			listings = append(listings, inventory.Listing{Driver: o.Driver, ListedAt: o.ListedAt, Failure: o.Failure, Lost: o.Lost, Unproved: o.Unproved(), Doubts: o.Doubts(), Found: o, IfRebuilt: o.IfRebuilt()})
		}
		return listings
	}
}

// unattributedIn counts the backups of which nothing says whose they are.
func unattributedIn(known *catalog.Catalog) func() []metrics.Unattributed {
	return func() []metrics.Unattributed {
		var counts []metrics.Unattributed
		for _, o := range known.Overviews() {
			strays := o.Strays()
			counts = append(counts, metrics.Unattributed{Driver: o.Driver, Held: strays.Held, Accepted: strays.Accepted})
		}
		return counts
	}
}

// listingObserver has the inventory made anew after each listing.
type listingObserver struct {
	catalog.Observer
	changed func()
}

// Listed implements [catalog.Observer].
func (o listingObserver) Listed(driver string, took time.Duration, backups int, err error) {
	o.Observer.Listed(driver, took, backups, err)
	o.changed()
}

// Confirmed implements [catalog.Observer]. What was accepted or settled meanwhile
// counts from then on.
func (o listingObserver) Confirmed(driver string, took time.Duration) {
	o.Observer.Confirmed(driver, took)
	o.changed()
}
