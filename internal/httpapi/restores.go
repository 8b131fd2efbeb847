package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/signin"
)

// Restores starts restores and tells how far they are. The methods are those of
// [intent.Requests].
type Restores interface {
	Restore(ctx context.Context, wish intent.Wish) (intent.Made, error)
	Choose(ctx context.Context, source backup.Claim, choice intent.Choice) (backup.Backup, error)
	Plan(ctx context.Context, asked intent.NamespaceWish) (intent.Plan, error)
	MakeNamespace(ctx context.Context, name, requestedBy string) error
	Draw() string
	Source(ctx context.Context, namespace string, choice intent.Choice) (backup.Claim, error)
	Records(ctx context.Context, namespace string) ([]v1alpha1.Restore, error)
	Record(ctx context.Context, namespace, name string) (v1alpha1.Restore, error)
}

func (s *Server) restoreRoutes() []route {
	return []route{{
		method: http.MethodPost, path: "/v1/restores", handle: s.startRestore,
		summary: "Restore a backup to a new claim",
		body:    wire.RestoreRequest{}, headers: preferences,
		answers: answers{http.StatusOK: wire.RestoreStarted{}, http.StatusAccepted: wire.RestoreStarted{}}, also: asBatch,
	}, {
		method: http.MethodPost, path: "/v1/restores/namespace", handle: s.restoreNamespace,
		summary: "Restore the claims of a namespace to new claims",
		body:    wire.NamespaceRestoreRequest{}, headers: preferences,
		answers: severally(wire.NamespaceRestore{}), also: asBatch,
	}, {
		method: http.MethodGet, path: "/v1/restores", handle: s.listRestores,
		summary: "Restores, newest first",
		query: []parameter{
			{name: "namespace", description: "The namespace of the restored claims; by default all"},
			{name: "pvc", description: "The name of the restored claim; by default all"},
			{name: "phase", values: phases, description: "The phase that the restores are in; by default all"},
		},
		answers: answers{http.StatusOK: wire.Restores{}},
	}, {
		method: http.MethodGet, path: "/v1/restores/:namespace/:name", handle: s.showRestore,
		summary: "How far a restore is",
		answers: answers{http.StatusOK: wire.Restore{}},
	}}
}

// startRestore starts a restore to a new claim, or tells on a dry run what it
// would start.
func (s *Server) startRestore(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	wish, err := readRestoreRequest(w, r)
	if err == nil {
		err = wish.Source.Validate()
	}
	if err == nil && wish.Target.Name == "" {
		err = &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: "target_pvc", Message: "target_pvc is required: the name of the claim to make"}
	}
	if err == nil && !wish.Copy && wish.Expires != (copies.Expiry{}) {
		err = &backup.Error{Kind: backup.Invalid, Field: "expires", Message: "only a copy to look at expires: say \"copy\": true, or leave expires out"}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answerRestore(w, r, wish)
}

func (s *Server) answerRestore(w http.ResponseWriter, r *http.Request, wish intent.Wish) {
	if s.mayRespondLater(r, wish.DryRun) {
		err := wish.Validate()
		if rules := s.services.Rules(); err == nil && !rules.Now.IsZero() && !rules.ClockDoubt {
			_, err = wish.Expires.From(rules.Now)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.respondLater(w, r, s.singleBatch(wish))
		return
	}
	made, err := s.restore(context.WithoutCancel(r.Context()), identity(r), wish)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, started(wish.DryRun), wire.RestoreStarted{
		Restore: made.Restore, Volume: made.Restore,
		Namespace: wish.Source.Namespace, PVC: wish.Source.Name,
		TargetNamespace: wish.Target.Namespace, TargetPVC: wish.Target.Name,
		Driver: made.Backup.Driver, Backup: made.Backup.ID, TakenAt: made.Backup.TakenAt,
		Size: made.Size, StorageClass: made.StorageClass, VolumeMode: made.VolumeMode,
		Notes: made.Notes, Copy: made.Copy, ExpiresAt: when(made.ExpiresAt),
		RequestedBy: wish.RequestedBy, DryRun: wish.DryRun,
	})
}

// started is the status of what was started, or would be.
func started(dryRun bool) int {
	if dryRun {
		return http.StatusOK
	}
	return http.StatusAccepted
}

// noDriver stands for the driver in metrics where no backup was chosen.
const noDriver = "none"

// restore starts one restore, counts it and writes it down.
func (s *Server) restore(ctx context.Context, by signin.Identity, wish intent.Wish) (intent.Made, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RestoreBudget)
	defer cancel()
	made, err := s.services.Restores.Restore(ctx, wish)
	s.services.Observer.RestoreRequested(cmp.Or(made.Backup.Driver, noDriver), wish.DryRun, err)
	detail := "from " + wish.Source.String()
	if err == nil {
		detail += ", " + made.Backup.Driver + " backup " + made.Backup.ID
	}
	s.auditOf(ctx, by, change{action: "restore", claim: wish.Target, detail: detail, dryRun: wish.DryRun, err: err})
	return made, err
}

// readRestoreRequest reads a request, whose source may have no name.
func readRestoreRequest(w http.ResponseWriter, r *http.Request) (intent.Wish, error) {
	var body wire.RestoreRequest
	if err := read(w, r, &body); err != nil {
		return intent.Wish{}, err
	}
	choice, err := choiceOf(body.Snapshot, body.AsOf, body.Cluster, body.Driver, body.Tags)
	if err != nil {
		return intent.Wish{}, err
	}
	choice.URL = body.BackupURL
	expires, err := copies.ParseExpiry(body.Expires)
	if err != nil {
		return intent.Wish{}, err
	}
	return intent.Wish{
		Source: backup.Claim{Namespace: body.Namespace, Name: body.PVC}, Choice: choice,
		Target: backup.Claim{Namespace: cmp.Or(body.TargetNamespace, body.Namespace), Name: body.TargetPVC},
		Shape: intent.Shape{
			StorageClass: body.StorageClass, Size: body.Size, AccessModes: body.AccessModes, VolumeMode: body.VolumeMode,
		},
		RequestedBy: caller(r), Copy: body.Copy, Expires: expires, DryRun: body.DryRun,
	}, nil
}

// choiceOf reads which backup is wanted. Errors are of kind Invalid.
func choiceOf(snapshot, asOf, cluster, by string, tags []string) (intent.Choice, error) {
	at, err := timeIn("as_of", asOf)
	return intent.Choice{Snapshot: snapshot, AsOf: at, Cluster: cluster, Driver: by, Tags: tags}, err
}

// timeIn reads the time in a field of a request; the zero time where there is none.
// The error is of kind Invalid.
func timeIn(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, &backup.Error{Kind: backup.Invalid, Field: field, Err: err, Message: fmt.Sprintf(
			"%s is %q; it must be a time such as 2026-04-12T15:30:00Z (RFC 3339)", field, backup.Clip(text, backup.MaxWord))}
	}
	return at, nil
}

// listRestores lists the restores of all claims, or of those that are asked for.
func (s *Server) listRestores(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	asked, err := readRestoresQuery(r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	records, err := s.services.Restores.Records(r.Context(), asked.namespace)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := wire.Restores{Restores: make([]wire.Restore, 0, len(records))}
	for i := range records {
		if restore := restoreOf(&records[i]); asked.wants(restore) {
			list.Restores = append(list.Restores, restore)
		}
	}
	s.render(w, r, http.StatusOK, list)
}

func (s *Server) showRestore(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	name := backup.Claim{Namespace: params.ByName("namespace"), Name: params.ByName("name")}
	if err := name.Validate(); err != nil {
		s.fail(w, r, &backup.Error{Kind: backup.NotFound, Message: "there is no such Restore", Err: err})
		return
	}
	record, err := s.services.Restores.Record(r.Context(), name.Namespace, name.Name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, restoreOf(&record))
}

// restoresQuery is what GET /v1/restores asks for. What is empty means all.
type restoresQuery struct{ namespace, pvc, phase string }

// phasePending is the phase of a restore that the controller has not come to.
const phasePending = "Pending"

var phases = []string{
	phasePending, string(v1alpha1.PhaseSelecting), string(v1alpha1.PhasePreparing), string(v1alpha1.PhaseTransferring),
	string(v1alpha1.PhaseVerifying), string(v1alpha1.PhaseHandingOver), string(v1alpha1.PhaseCompleted),
}

func readRestoresQuery(query url.Values) (restoresQuery, error) {
	asked := restoresQuery{namespace: query.Get("namespace"), pvc: query.Get("pvc"), phase: query.Get("phase")}
	claim := backup.Claim{Namespace: cmp.Or(asked.namespace, "any"), Name: cmp.Or(asked.pvc, "any")}
	if err := claim.Validate(); err != nil {
		return restoresQuery{}, err
	}
	known := func(phase string) bool { return strings.EqualFold(phase, asked.phase) }
	if asked.phase != "" && !slices.ContainsFunc(phases, known) {
		return restoresQuery{}, &backup.Error{Kind: backup.Invalid, Field: "phase", Message: "phase must be one of " + strings.Join(phases, ", ")}
	}
	return asked, nil
}

func (q restoresQuery) wants(r wire.Restore) bool {
	return (q.pvc == "" || q.pvc == r.PVC) && (q.phase == "" || strings.EqualFold(q.phase, r.Phase))
}
