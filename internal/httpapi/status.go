package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
)

// Status is what is told of this replica and its cluster beside the claims.
type Status struct {
	// Version is the program's.
	Version string
	// Gate tells how the gate is. Asking has no side effects.
	Gate func(context.Context) admission.Report
	// Listings tells whether the drivers' backups can be listed. It does not wait.
	Listings func() []inventory.Listing
	// Now is the clock.
	Now func() time.Time
	// ClockDoubt says that this replica's clock disagrees with others', empty while
	// it does not. Nil where nobody compares.
	ClockDoubt func() string
	// ReportMaxAge and ListingMaxAge are how old the inventory and the plan, and
	// what is known of a repository, get at most while all is well.
	ReportMaxAge, ListingMaxAge time.Duration
}

func (s *Server) statusRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/status", handle: s.showStatus,
		summary: "Whether Soteria can keep its promise now",
		answers: answers{http.StatusOK: wire.Status{}},
	}}
}

// showStatus tells whether Soteria can keep its promise now.
func (s *Server) showStatus(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	gate := s.services.Status.Gate(ctx)
	status := wire.Status{
		GeneratedAt: whole(s.services.Status.Now()), Version: s.services.Status.Version, RestoreMode: wire.RestoreModeAuto,
		Gate:           wire.Gate{State: wire.GateState(gate.State), Message: gate.Message},
		SignInRequired: s.services.SignIn.Required(),
		Listings:       listings(s.services.Status.Listings()),

		ReportMaxAgeSeconds:  s.services.Status.ReportMaxAge.Seconds(),
		ListingMaxAgeSeconds: s.services.Status.ListingMaxAge.Seconds(),
	}
	if s.services.Status.ClockDoubt != nil {
		status.ClockDoubt = s.services.Status.ClockDoubt()
	}
	if s.cfg.RestoreRequired {
		status.RestoreMode = wire.RestoreModeRequired
	}
	s.render(w, r, http.StatusOK, status)
}
