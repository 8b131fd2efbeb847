package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/julienschmidt/httprouter"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Copies are the claims that were made to look at a backup. The methods are those of
// [copies.Keeper].
type Copies interface {
	// List returns all copies. The error is of kind Unavailable.
	List(ctx context.Context) (copies.List, error)
	// Remove deletes a copy; one that a pod uses only where that is asked for, and with a
	// uid no other one that has its name since. Errors
	// are of kind NotFound (there is none of that name), Conflict (the claim is no copy,
	// is not proved to be one, is another one, or is used), Denied and Unavailable; with all of them
	// nothing was removed.
	Remove(ctx context.Context, claim backup.Claim, uid types.UID, whileUsed bool) (copies.Removed, error)
}

func (s *Server) copyRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/copies", handle: s.listCopies,
		summary: "Claims that were made to look at a backup, newest first",
		query:   []parameter{{name: "namespace", description: "The namespace of the copies; by default all"}},
		answers: answers{http.StatusOK: wire.Copies{}},
	}, {
		method: http.MethodDelete, path: "/v1/copies/:namespace/:pvc", handle: s.removeCopy,
		summary: "Remove a claim that was made to look at a backup, and no other; a restore into it is cancelled",
		query: []parameter{
			{name: "while_used", description: "true removes it although a pod uses it: it goes once that has ended"},
			{name: "uid", description: "The uid of the copy that is meant, as GET /v1/copies shows it: another one that has its name since is not removed"},
		},
		answers: answers{http.StatusOK: wire.CopyRemoved{}},
	}}
}

// listCopies lists the copies of all namespaces, or of one.
func (s *Server) listCopies(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	namespace := r.URL.Query().Get("namespace")
	if err := validNamespace(cmp.Or(namespace, "any")); err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	found, err := s.services.Copies.List(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := wire.Copies{GeneratedAt: whole(found.At), Copies: make([]wire.Copy, 0, len(found.Copies)), Warnings: found.Warnings}
	for _, c := range found.Copies {
		if namespace == "" || namespace == c.Claim.Namespace {
			list.Copies = append(list.Copies, copyOf(c))
		}
	}
	s.render(w, r, http.StatusOK, list)
}

// copyOf puts a copy in the API's words.
func copyOf(c copies.Copy) wire.Copy {
	return wire.Copy{
		Namespace: c.Claim.Namespace, PVC: c.Claim.Name, UID: string(c.UID), State: wire.CopyState(c.State), Message: c.Message,
		SourceNamespace: c.Source.Namespace, SourcePVC: c.Source.Name, Driver: c.Driver, Backup: c.Backup, TakenAt: when(c.TakenAt),
		Restore: c.Lock, RequestedBy: c.RequestedBy, CreatedAt: whole(c.MadeAt), ExpiresAt: when(c.ExpiresAt), Expired: c.Expired,
		UsedBy: c.UsedBy, Removable: c.Removable && c.UsedBy != nil && len(c.UsedBy) == 0, Keep: c.Keep, Remove: c.Remove,
	}
}

// removeCopy removes one copy.
func (s *Server) removeCopy(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	claim := backup.Claim{Namespace: params.ByName("namespace"), Name: params.ByName("pvc")}
	if err := claim.Validate(); err != nil {
		s.fail(w, r, &backup.Error{Kind: backup.NotFound, Reason: backup.NoCopy, Message: "there is no such copy", Err: err})
		return
	}
	whileUsed, err := isTrue("while_used", r.URL.Query().Get("while_used"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	// That the caller has gone ends nothing halfway.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.cfg.RestoreBudget)
	defer cancel()
	removed, err := s.services.Copies.Remove(ctx, claim, types.UID(r.URL.Query().Get("uid")), whileUsed)
	s.audit(r, change{action: "remove copy", claim: claim, detail: string(removed.UID), err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, wire.CopyRemoved{
		Namespace: claim.Namespace, PVC: claim.Name, UID: string(removed.UID), Restoring: removed.Restoring,
		UsedBy: append([]string{}, removed.UsedBy...), Volume: removed.Volume, Message: removed.Message, RequestedBy: caller(r),
	})
}

// isTrue reads a parameter that is true or false; one that is not there is false.
func isTrue(field, text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, &backup.Error{Kind: backup.Invalid, Field: field, Message: "query parameter " + field + " must be true or false"}
}
