package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/signin"
)

// Auditor writes down on a claim, where its owner looks, what was done about it.
type Auditor interface {
	// Record tells that an action of a caller's was done or, where it failed,
	// begun. A claim that does not exist is no error: nothing is told. An error
	// means that it was not told, and changes nothing about what was done.
	Record(ctx context.Context, claim backup.Claim, action, note string, failed bool) error
}

// recordBudget bounds how long it may take to find the claim; it is read from a
// cache.
const recordBudget = 2 * time.Second

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

// result is ok, or the kind of the error.
func (c change) result() string {
	if c.err == nil {
		return "ok"
	}
	return backup.KindOf(c.err).String()
}

// changed reports whether the claim may have been touched: not by a dry run, nor
// where the request was refused.
func (c change) changed() bool {
	if c.dryRun || c.claim.Name == "" {
		return false
	}
	switch backup.KindOf(c.err) {
	case backup.Invalid, backup.Unprocessable, backup.NotFound, backup.Conflict, backup.Unauthenticated, backup.Denied, backup.Busy:
		return false
	case backup.Internal, backup.Unavailable, backup.Credentials, backup.RepositoryAbsent, backup.RepositoryChanged, backup.Partial, backup.DriverFailed,
		backup.BackupMissing, backup.RepositoryUnaccepted, backup.RepositoryDropped:
		return true
	default:
		return true
	}
}

// audit writes down who changed what: a line in the log and, where a claim may
// have been touched, an event on it.
func (s *Server) audit(r *http.Request, done change) { s.auditOf(r.Context(), identity(r), done) }

// auditOf is [Server.audit] of what goes on without the request.
func (s *Server) auditOf(ctx context.Context, id signin.Identity, done change) {
	s.services.Log.LogAttrs(ctx, slog.LevelInfo, "audit",
		slog.String("user", id.Name()), slog.String("email", id.Email), slog.String("how", id.How.String()),
		slog.String("action", done.action), slog.String("claim", done.claim.String()),
		slog.String("detail", done.detail), slog.Bool("dry_run", done.dryRun), slog.String("result", done.result()))
	if !done.changed() {
		return
	}
	// That the client has gone takes nothing away from what it did.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBudget)
	defer cancel()
	if err := s.services.Auditor.Record(ctx, done.claim, action(done.action, id.Name()), note(done, id.Name()), done.err != nil); err != nil {
		s.services.Log.WarnContext(ctx, "a change has no event on its claim", "action", done.action, "claim", done.claim.String(), "error", err)
	}
}

// action names the caller too: Kubernetes counts events of one action as one, and
// keeps the first note.
func action(what, who string) string { return what + " by " + backup.Clip(who, 64) }

func note(done change, who string) string {
	text := fmt.Sprintf("%s asked over the API for: %s", backup.Clip(who, 128), done.action)
	if done.detail != "" {
		text += " (" + backup.Clip(done.detail, 256) + ")"
	}
	if done.err != nil {
		_, body := describe(done.err)
		text += "; it failed: " + backup.Clip(body.Error, 384)
	}
	return text
}
