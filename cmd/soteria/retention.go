package main

import (
	"log/slog"

	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
)

// newEnforcer makes what removes old backups. It is for the leader alone. Reader
// is the manager's client.
func newEnforcer(c config, reader client.Reader, recorder events.EventRecorder, known *catalog.Catalog, systems *backends, measured *metrics.Metrics, log *slog.Logger) *enforcer.Enforcer {
	return enforcer.New(enforcer.Config{
		Reader: reader, Catalog: listedClaims{known}, Pruners: systems.pruners, Events: recorder, Observer: measured,
		// While listings work, the last one is never older than this.
		MaxAge:        c.RefreshInterval + 2*c.ListingTimeout,
		ShrinkPercent: c.ShrinkGuardPercent,
		Log:           log,
	})
}

// listedClaims shows retention what the catalog knows.
type listedClaims struct{ known *catalog.Catalog }

var _ enforcer.Catalog = listedClaims{}

// Listings implements [enforcer.Catalog].
func (l listedClaims) Listings(claim backup.Claim) []enforcer.Listing {
	overviews := l.known.Overviews()
	listings := make([]enforcer.Listing, 0, len(overviews))
	for _, o := range overviews {
		listings = append(listings, enforcer.Listing{
			Driver: o.Driver, ListedAt: o.ListedAt, Failure: o.Failure, Doubt: o.Doubt(claim), Backups: o.Of(claim),
		})
	}
	return listings
}

// Forgotten implements [enforcer.Catalog].
func (l listedClaims) Forgotten(claim backup.Claim) { l.known.BackupEnded(claim, "retention") }
