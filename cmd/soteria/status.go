package main

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/waiting"
)

// status gives what is told of this replica and of the gate. The gate is read from
// the API server: what a cache of it would cost all the time, it does not cost to
// ask now and then.
func status(ctx context.Context, c config, mgr manager.Manager, known *catalog.Catalog, copies func() []keeper.Report, waits *waiting.Counter) httpapi.Status {
	return httpapi.Status{
		Version: version(), ClockDoubt: c.clocks.Doubt, Gate: admission.New(mgr.GetAPIReader(), clock.RealClock{}).Report,
		Cluster: c.clusters(), Listings: listingsWaitedFor(ctx, listingsOf(known), waits), Missing: missingOf(known), Copies: copies, Now: time.Now,
		ReportMaxAge: c.reportInterval() + time.Minute, ListingMaxAge: c.inventory().Recent,
	}
}

// listingsWaitedFor adds to what is wrong with a repository how many claims wait for
// it.
func listingsWaitedFor(ctx context.Context, listings func() []inventory.Listing, waits *waiting.Counter) func() []inventory.Listing {
	told := func(why error) error {
		if why == nil {
			return nil
		}
		if words := waits.Words(ctx, why); words != "" {
			return &backup.Error{Kind: backup.KindOf(why), Message: backup.Message(why) + "; " + words, Err: why}
		}
		return why
	}
	return func() []inventory.Listing {
		all := listings()
		for i := range all {
			all[i].Failure, all[i].Unproved = told(all[i].Failure), told(all[i].Unproved)
		}
		return all
	}
}

// missingOf returns the backups that are missing.
func missingOf(known *catalog.Catalog) func() []httpapi.Missing {
	return func() []httpapi.Missing {
		var all []httpapi.Missing
		for _, o := range known.Overviews() {
			for claim, why := range o.Missing() {
				all = append(all, httpapi.Missing{Driver: o.Driver, Claim: claim, Why: why})
			}
		}
		return all
	}
}
