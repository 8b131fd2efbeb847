package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
)

// Status is what is told of this replica and its cluster beside the claims.
type Status struct {
	// Version is the program's.
	Version string
	// Cluster says which cluster this is, and which others it restores from.
	Cluster backup.Clusters
	// Gate tells how the gate is. Asking has no side effects.
	Gate func(context.Context) admission.Report
	// Listings tells whether the drivers' backups can be listed. It does not wait.
	Listings func() []inventory.Listing
	// Missing returns the backups that are missing, in any order. It does not wait.
	Missing func() []Missing
	// Copies reports how the copies of the memory beside the backups are; nil where
	// there are none. It does not wait.
	Copies func() []keeper.Report
	// Now is the clock.
	Now func() time.Time
	// ClockDoubt says that this replica's clock disagrees with others', empty while
	// it does not. Nil where no one compares.
	ClockDoubt func() string
	// ReportMaxAge and ListingMaxAge are how old the inventory and the plan, and
	// what is known of a repository, get at most while all is well.
	ReportMaxAge, ListingMaxAge time.Duration
}

// Missing is a claim whose newest backup is gone, and why in words.
type Missing struct {
	Driver string
	Claim  backup.Claim
	Why    error
}

// missing puts the first of the missing backups in the API's words.
func missing(all []Missing) []wire.MissingBackup {
	const most = 100
	slices.SortFunc(all, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.Claim.Namespace, b.Claim.Namespace), cmp.Compare(a.Claim.Name, b.Claim.Name), cmp.Compare(a.Driver, b.Driver))
	})
	told := []wire.MissingBackup{}
	for _, m := range all[:min(len(all), most)] {
		told = append(told, wire.MissingBackup{Driver: m.Driver, Namespace: m.Claim.Namespace, PVC: m.Claim.Name, Message: backup.Message(m.Why), Settle: backup.SettleOf(m.Why)})
	}
	return told
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
	gate, lost := s.services.Status.Gate(ctx), s.services.Status.Missing()
	status := wire.Status{
		GeneratedAt: whole(s.services.Status.Now()), Version: s.services.Status.Version, RestoreMode: wire.RestoreModeAuto,
		Gate:    wire.Gate{State: wire.GateState(gate.State), Message: gate.Message},
		Cluster: s.services.Status.Cluster.Own, RestoredClusters: s.services.Status.Cluster.Restored,
		SignInRequired: s.services.SignIn.Required(),
		Listings:       listings(s.services.Status.Listings()),
		Missing:        missing(lost), MissingTotal: len(lost),

		ReportMaxAgeSeconds:  s.services.Status.ReportMaxAge.Seconds(),
		ListingMaxAgeSeconds: s.services.Status.ListingMaxAge.Seconds(),
	}
	if s.services.Status.ClockDoubt != nil {
		status.ClockDoubt = s.services.Status.ClockDoubt()
	}
	if s.services.Status.Copies != nil {
		status.MemoryCopies = memoryCopies(s.services.Status.Copies())
	}
	if s.cfg.RestoreRequired {
		status.RestoreMode = wire.RestoreModeRequired
	}
	s.render(w, r, http.StatusOK, status)
}

// memoryCopies puts the copies in the API's words.
func memoryCopies(all []keeper.Report) []wire.MemoryCopy {
	list := make([]wire.MemoryCopy, 0, len(all))
	for _, r := range all {
		list = append(list, wire.MemoryCopy{Driver: r.Repository, WrittenAt: when(r.WrittenAt), Message: r.Message(), Rival: r.Rival})
	}
	return list
}
