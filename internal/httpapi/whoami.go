package httpapi

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func (s *Server) whoamiRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/whoami", handle: s.whoami,
		summary: "Whom Soteria takes the caller for",
		answers: answers{http.StatusOK: wire.WhoAmI{}},
	}}
}

// whoami tells whom Soteria takes the caller for.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	id := identity(r)
	answer := wire.WhoAmI{
		User: id.User, Email: id.Email, Groups: append([]string{}, id.Groups...),
		Authenticated: id.Authenticated(), How: id.How.String(),
	}
	if !answer.Authenticated {
		answer.User = id.Name()
	}
	s.render(w, r, http.StatusOK, answer)
}
