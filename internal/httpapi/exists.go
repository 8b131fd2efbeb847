package httpapi

import (
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// existsPath is what the paths begin with that tell whether claims have backups.
const existsPath = "/exists/"

func (s *Server) existsRoutes() []route {
	return []route{{
		method: http.MethodGet, path: existsPath + ":namespace/:pvc", handle: s.exists,
		summary: "Whether a claim has a backup",
		answers: answers{http.StatusOK: wire.Existence{}, s.cfg.UnknownStatus: wire.Existence{}},
	}}
}

// exists tells whether a claim has a backup.
func (s *Server) exists(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	claim := backup.Claim{Namespace: params.ByName("namespace"), Name: params.ByName("pvc")}
	if err := claim.Validate(); err != nil {
		s.fail(w, r, err)
		return
	}
	ctx := withBudget(r.Context(), s.cfg.LookupBudget)
	defer ctx.end()
	answer := existence(claim, s.services.Catalog.Known(ctx, claim), s.cfg.RestoreRequired) //nolint:contextcheck // it ends with the request
	if answer.Authoritative {
		answer.Lock = s.services.Lock()
	}
	answer.Backend = strings.Join(s.services.Catalog.Drivers(), ",")
	if s.cfg.SourceOf != nil {
		answer.Source = s.cfg.SourceOf(claim)
	}
	s.services.Observer.ExistsAnswered(string(answer.Decision))
	s.render(w, r, s.existsStatus(answer), answer)
}

func (s *Server) existsStatus(answer wire.Existence) int {
	if answer.Authoritative {
		return http.StatusOK
	}
	return s.cfg.UnknownStatus
}

// existence puts the catalog's answer in the API's words. Whoever decides about a
// claim by it has only the answer to tell that a restore is required of all.
func existence(claim backup.Claim, answer backup.Answer, required bool) wire.Existence {
	e := wire.Existence{Namespace: claim.Namespace, PVC: claim.Name, Authoritative: true, Systems: systems(answer)}
	switch answer.Certainty() {
	case backup.Found:
		newest := answer.Backups()[0]
		e.Exists, e.Decision = true, wire.DecisionRestore
		e.Doubt = backup.Message(answer.Doubt())
		e.Latest = &wire.Latest{ID: newest.ID, Driver: newest.Driver, TakenAt: newest.TakenAt, SizeBytes: known(newest.SizeBytes)}
	case backup.None:
		e.Decision = wire.DecisionFresh
		if required {
			e.Decision = wire.DecisionHold
		}
	case backup.Unknown:
		e.Decision, e.Authoritative, e.Error = wire.DecisionUnknown, false, backup.Message(answer.Err())
	}
	return e
}

// known gives a count, or nil for the negative number that drivers give when they
// do not know it.
func known(count int64) *int64 {
	if count < 0 {
		return nil
	}
	return &count
}

// systems says what each backup system told, and when it was listed.
func systems(answer backup.Answer) []wire.System {
	told := answer.Told()
	list := make([]wire.System, 0, len(told))
	for _, t := range told {
		list = append(list, wire.System{
			Driver: t.Driver, Answer: wire.SystemAnswer(t.Certainty.String()), ListedAt: when(t.ListedAt), Message: backup.Message(t.Why),
		})
	}
	return list
}
