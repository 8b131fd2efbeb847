package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
	"github.com/soteria-dr/soteria/internal/schedule"
)

// addRetention has the leader remove the backups that policies do not keep.
func addRetention(c config, mgr manager.Manager, known *catalog.Catalog, systems *backends, reviewed *reviews, scheduler *schedule.Scheduler, measured *metrics.Metrics, log *slog.Logger) error {
	rounds := &enforcer.Rounds{
		Enforcer: newEnforcer(c, mgr.GetClient(), mgr.GetEventRecorder(eventSource), known, systems, reviewed.pending, measured, log),
		Wanted:   wantedBy(scheduler), Every: time.Duration(c.PolicyEvalSeconds) * time.Second, Clock: clock.RealClock{}, Log: log,
	}
	if err := mgr.Add(rounds); err != nil {
		return fmt.Errorf("adding retention: %w", err)
	}
	return nil
}

// wantedBy gives what policies keep, claim by claim.
func wantedBy(scheduler *schedule.Scheduler) func(context.Context) ([]enforcer.Wanted, error) {
	return func(ctx context.Context) ([]enforcer.Wanted, error) {
		report, err := scheduler.Report(ctx)
		if err != nil {
			return nil, err
		}
		var wanted []enforcer.Wanted
		for _, standing := range report.Standings {
			if keep := standing.Policy.Keep; !keep.IsZero() {
				wanted = append(wanted, enforcer.Wanted{Claim: standing.Claim, Keep: keep})
			}
		}
		return wanted, nil
	}
}

// newEnforcer makes what removes old backups. It is for the leader alone. Reader
// is the manager's client.
func newEnforcer(c config, reader client.Reader, recorder events.EventRecorder, known *catalog.Catalog, systems *backends, unreviewed func(context.Context, backup.Claim) error, measured *metrics.Metrics, log *slog.Logger) *enforcer.Enforcer {
	return enforcer.New(enforcer.Config{
		Reader: reader, Catalog: listedClaims{known, systems.rival}, Rules: c.rules, Pruners: systems.pruners, Events: recorder, Observer: measured,
		// While listings work, the last one is never older than this.
		MaxAge:        c.RefreshInterval + 2*c.ListingTimeout,
		ShrinkPercent: c.ShrinkGuardPercent,
		Unreviewed:    unreviewed,
		Log:           log,
	})
}

// listedClaims shows retention what the catalog knows, and the other clusters that
// use a repository by this one's name.
type listedClaims struct {
	known *catalog.Catalog
	rival func(driver string) string
}

var _ enforcer.Catalog = listedClaims{}

// Listings implements [enforcer.Catalog].
func (l listedClaims) Listings(claim backup.Claim) []enforcer.Listing {
	overviews := l.known.Overviews()
	listings := make([]enforcer.Listing, 0, len(overviews))
	for _, o := range overviews {
		listings = append(listings, enforcer.Listing{
			Driver: o.Driver, ListedAt: o.ListedAt, Failure: o.Failure, Doubt: o.DoubtOfAttributed(claim), Rival: l.rival(o.Driver), Backups: o.Of(claim),
		})
	}
	return listings
}

// Forgetting implements [enforcer.Catalog].
func (l listedClaims) Forgetting(ctx context.Context, driver string, claim backup.Claim, removed, stays []backup.Backup) error {
	return l.known.Forgetting(ctx, driver, claim, removed, stays)
}

// Forgotten implements [enforcer.Catalog].
func (l listedClaims) Forgotten(claim backup.Claim) { l.known.BackupEnded(claim, "retention") }
