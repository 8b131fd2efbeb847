package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/soteria-dr/soteria/internal/backup"
)

// change is something that a request changed or tried to change.
type change struct {
	// action is what was asked for, such as "backup", one of a small closed set.
	action string
	// claim is the claim concerned; the zero claim where it is none alone.
	claim backup.Claim
	// detail says more where the action and the claim do not say it all.
	detail string
	dryRun bool
	// err is why it was not done; nil when it was.
	err error
}

// audit writes down who changed what.
func (s *Server) audit(r *http.Request, done change) {
	result := "ok"
	if done.err != nil {
		result = backup.KindOf(done.err).String()
	}
	s.services.Log.LogAttrs(r.Context(), slog.LevelInfo, "audit",
		slog.String("user", caller(r)), slog.String("action", done.action), slog.String("claim", done.claim.String()),
		slog.String("detail", done.detail), slog.Bool("dry_run", done.dryRun), slog.String("result", result))
}
