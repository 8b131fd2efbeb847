package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/claimevents"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Events tells what happened to claims.
type Events interface {
	// Of gives the events about a claim, its Restores and its Jobs, newest first.
	// Errors are of kind Unavailable.
	Of(ctx context.Context, claim backup.Claim) ([]claimevents.Event, error)
	// In gives the events about the claims of a namespace themselves, newest
	// first. Errors are of kind Unavailable.
	In(ctx context.Context, namespace string) ([]claimevents.Event, error)
}

// fewEvents are how many an answer lists where no other number is asked for.
const fewEvents = 200

func (s *Server) eventRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/events", handle: s.listEvents,
		summary: "What happened to a claim, or to the claims of a namespace, lately, newest first",
		query: []parameter{
			{name: "namespace", description: "The claim's namespace", required: true},
			{name: "pvc", description: "The claim's name; by default all claims of the namespace, without their Restores and Jobs"},
			{name: "limit", counts: true, description: fmt.Sprintf("How many events are listed at most; by default %d", fewEvents)},
		},
		answers: answers{http.StatusOK: wire.Events{}},
	}}
}

// listEvents tells what happened to a claim, or to all of a namespace.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	query := r.URL.Query()
	claim := backup.Claim{Namespace: query.Get("namespace"), Name: query.Get("pvc")}
	limit, err := readLimit(query, fewEvents)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	found, err := s.eventsOf(ctx, claim)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, eventList(claim, found, limit))
}

// eventsOf gives the events of a claim or, where it has no name, of its namespace.
func (s *Server) eventsOf(ctx context.Context, claim backup.Claim) ([]claimevents.Event, error) {
	if claim.Name == "" {
		if err := validNamespace(claim.Namespace); err != nil {
			return nil, err
		}
		return s.services.Events.In(ctx, claim.Namespace)
	}
	if err := claim.Validate(); err != nil {
		return nil, err
	}
	return s.services.Events.Of(ctx, claim)
}

func eventList(claim backup.Claim, found []claimevents.Event, limit int) wire.Events {
	list := wire.Events{Namespace: claim.Namespace, PVC: claim.Name, Total: len(found)}
	found = found[:min(len(found), limit)]
	list.Events = make([]wire.Event, 0, len(found))
	for _, e := range found {
		told := wire.Event{
			FirstAt: whole(e.First), LastAt: whole(e.Last), Count: e.Count, Type: wire.EventNormal,
			Reason: e.Reason, Message: e.Message, Source: e.Source,
			Object: wire.EventObject{Kind: e.Kind, Namespace: e.Namespace, Name: e.Name},
		}
		if e.Warning {
			told.Type = wire.EventWarning
		}
		list.Events = append(list.Events, told)
	}
	return list
}
