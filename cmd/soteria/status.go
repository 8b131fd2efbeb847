package main

import (
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/httpapi"
)

// status gives what is told of this replica and of the gate. The gate is read from
// the API server: what a cache of it would cost all the time, it does not cost to
// ask now and then.
func status(c config, mgr manager.Manager, known *catalog.Catalog, copies func() []keeper.Report) httpapi.Status {
	return httpapi.Status{
		Version: version(), ClockDoubt: c.clocks.Doubt, Gate: admission.New(mgr.GetAPIReader(), clock.RealClock{}).Report,
		Cluster: c.clusters(), Listings: listingsOf(known), Missing: missingOf(known), Copies: copies, Now: time.Now,
		ReportMaxAge: c.reportInterval() + time.Minute, ListingMaxAge: c.inventory().Recent,
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
