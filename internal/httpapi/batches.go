package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/batch"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/signin"
)

// Batches is work on several claims that goes on in the server. The methods are those of
// [batch.Runner]; the work itself is [Server.Member].
type Batches interface {
	Begin(ctx context.Context, record batch.Record) (batch.Record, error)
	Get(ctx context.Context, id string) (batch.Record, error)
	List(ctx context.Context) ([]batch.Record, error)
}

// Preferences of RFC 7240.
const (
	preferHeader  = "Prefer"
	appliedHeader = "Preference-Applied"
	respondAsync  = "respond-async"
)

// preferences are the headers of routes that may answer before the work is done.
var preferences = []parameter{{name: preferHeader, description: "respond-async has the work go on in the server: " +
	"the answer is then 202 with a Batch, whose address is in the header Location. Dry runs leave it unheard"}}

// asBatch is what these routes answer then.
var asBatch = []answers{{http.StatusAccepted: wire.Batch{}}}

func (s *Server) batchRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/batches", handle: s.listBatches,
		summary: "Work that goes on in the server, newest first",
		answers: answers{http.StatusOK: wire.Batches{}},
	}, {
		method: http.MethodGet, path: "/v1/batches/:id", handle: s.showBatch,
		summary: "How far a batch is, claim by claim",
		answers: answers{http.StatusOK: wire.Batch{}},
	}}
}

// mayRespondLater reports whether the caller would rather follow the work than wait.
func (s *Server) mayRespondLater(r *http.Request, dryRun bool) bool {
	return s.services.Batches != nil && !dryRun && prefers(r, respondAsync)
}

// prefers reports whether a request has a preference, in any of its headers.
func prefers(r *http.Request, wanted string) bool {
	for _, header := range r.Header.Values(preferHeader) {
		for each := range strings.SplitSeq(header, ",") {
			name, _, _ := strings.Cut(each, ";")
			if strings.EqualFold(strings.TrimSpace(name), wanted) {
				return true
			}
		}
	}
	return false
}

// respondLater has a batch begin, and answers with its address.
func (s *Server) respondLater(w http.ResponseWriter, r *http.Request, asked batch.Record) {
	begun, err := s.services.Batches.Begin(context.WithoutCancel(r.Context()), asked)
	s.audit(r, change{action: "batch", detail: string(asked.Kind) + " of " + asked.Namespace + ", " + begun.ID, err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/v1/batches/"+begun.ID)
	w.Header().Set(appliedHeader, respondAsync)
	s.render(w, r, http.StatusAccepted, batchOf(begun, nil, begun.CreatedAt))
}

// restoreBatch is the batch that carries a plan out. Each target's lock is drawn here,
// so that no restore is made twice.
func (s *Server) restoreBatch(asked intent.NamespaceWish, plan intent.Plan) batch.Record {
	record := batch.Record{
		Kind: batch.Restore, Namespace: asked.Namespace, Target: asked.TargetNamespace, RequestedBy: asked.RequestedBy, Warnings: plan.Warnings,
	}
	for _, wish := range plan.Wishes {
		record.Members = append(record.Members, batch.Member{
			Source: wish.Source.Name, Target: wish.Target.Name, Lock: s.services.Restores.Draw(),
			Choice: keptChoice(wish.Choice), Instead: keptChoice(wish.Instead),
		})
	}
	return record
}

// singleBatch is the batch of one restore.
func (s *Server) singleBatch(wish intent.Wish) batch.Record {
	return batch.Record{Kind: batch.Restore, Namespace: wish.Source.Namespace, RequestedBy: wish.RequestedBy, Members: []batch.Member{{
		Source: wish.Source.Name, Target: wish.Target.Name, Lock: s.services.Restores.Draw(), Choice: keptChoice(wish.Choice),
		Single: &batch.Single{
			Target: wish.Target.Namespace, URL: wish.Choice.URL, Copy: wish.Copy, Expires: wish.Expires.String(),
			StorageClass: wish.Shape.StorageClass, Size: wish.Shape.Size, AccessModes: wish.Shape.AccessModes, VolumeMode: wish.Shape.VolumeMode,
		},
	}}}
}

// wishOf is the restore that a member stands for. The error is of kind Invalid where
// the record makes no sense.
func wishOf(record batch.Record, member batch.Member) (intent.Wish, error) {
	wish := intent.Wish{
		Source: backup.Claim{Namespace: record.Namespace, Name: member.Source}, Target: backup.Claim{Namespace: record.TargetNamespace(), Name: member.Target},
		Lock: member.Lock, RequestedBy: record.RequestedBy, Choice: choiceKept(member.Choice), Instead: choiceKept(member.Instead),
	}
	if single := member.Single; single != nil {
		expires, err := copies.ParseExpiry(single.Expires)
		if err != nil {
			return intent.Wish{}, err
		}
		wish.Choice.URL, wish.Copy, wish.Expires = single.URL, single.Copy, expires
		wish.Shape = intent.Shape{StorageClass: single.StorageClass, Size: single.Size, AccessModes: single.AccessModes, VolumeMode: single.VolumeMode}
	}
	return wish, nil
}

func keptChoice(c intent.Choice) batch.Choice {
	return batch.Choice{Snapshot: c.Snapshot, AsOf: c.AsOf, Cluster: c.Cluster, Driver: c.Driver, Tags: c.Tags}
}

func choiceKept(c batch.Choice) intent.Choice {
	return intent.Choice{Snapshot: c.Snapshot, AsOf: c.AsOf, Cluster: c.Cluster, Driver: c.Driver, Tags: c.Tags}
}

func backupBatch(body wire.NamespaceBackupRequest, by, requestedBy string, claims []backup.Claim) batch.Record {
	record := batch.Record{Kind: batch.Backup, Namespace: body.Namespace, Driver: by, Tags: body.Tags, RequestedBy: requestedBy}
	for _, claim := range claims {
		record.Members = append(record.Members, batch.Member{Source: claim.Name})
	}
	return record
}

// Member does the work of one member of a batch. It needs no request: the one that asked
// may have ended long ago, and have been another replica's. It is a [batch.Runner]'s Do.
func (s *Server) Member(ctx context.Context, record batch.Record, member batch.Member) (batch.Outcome, error) {
	by := signin.Identity{User: record.RequestedBy}
	if record.Kind == batch.Backup {
		source := backup.Claim{Namespace: record.Namespace, Name: member.Source}
		started, err := s.backup(ctx, by, record.Driver, driver.BackupRequest{Claim: source, Tags: record.Tags, RequestedBy: record.RequestedBy})
		return batch.Outcome{Job: started.JobName, Driver: record.Driver, Backup: started.Backup}, err
	}
	wish, err := wishOf(record, member)
	if err != nil {
		return batch.Outcome{}, err
	}
	made, err := s.restore(ctx, by, wish)
	return batch.Outcome{Driver: made.Backup.Driver, Backup: made.Backup.ID, Notes: made.Notes}, err
}

func (s *Server) listBatches(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	list := wire.Batches{Batches: []wire.Batch{}}
	if s.services.Batches != nil {
		records, err := s.services.Batches.List(r.Context())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		for _, record := range records {
			told, err := s.follow(r.Context(), record)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			told.Members = nil
			list.Batches = append(list.Batches, told)
		}
	}
	s.render(w, r, http.StatusOK, list)
}

func (s *Server) showBatch(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	if s.services.Batches == nil {
		s.fail(w, r, backup.Errorf(backup.NotFound, "there are no batches here"))
		return
	}
	record, err := s.services.Batches.Get(r.Context(), params.ByName("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	told, err := s.follow(r.Context(), record)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, told)
}

// follow adds to a record what is observed of its members.
func (s *Server) follow(ctx context.Context, record batch.Record) (wire.Batch, error) {
	if record.Kind != batch.Restore {
		return batchOf(record, nil, time.Now()), nil
	}
	restores, err := s.services.Restores.Records(ctx, record.TargetNamespace())
	if err != nil {
		return wire.Batch{}, err
	}
	return batchOf(record, restores, time.Now()), nil
}

// settling is how long a claim that was just made may not be seen yet.
const settling = time.Minute

// batchOf puts a batch in the API's words.
func batchOf(record batch.Record, restores []v1alpha1.Restore, now time.Time) wire.Batch {
	told := wire.Batch{
		ID: record.ID, Kind: wire.BatchKind(record.Kind), Namespace: record.Namespace, TargetNamespace: record.TargetNamespace(), RequestedBy: record.RequestedBy,
		CreatedAt: whole(record.CreatedAt), StartedAllAt: when(record.EndedAt), Warnings: record.Warnings, Members: make([]wire.BatchMember, 0, len(record.Members)),
	}
	for _, member := range record.Members {
		seen := memberOf(member, restores, now)
		told.Members = append(told.Members, seen)
		told.Counts.Members++
		*countOf(&told.Counts, seen.State)++
	}
	switch {
	case told.Counts.Waiting > 0:
		told.State = wire.BatchStarting
	case told.Counts.Started > 0:
		told.State = wire.BatchRunning
	default:
		told.State = wire.BatchDone
	}
	return told
}

func countOf(counts *wire.BatchCounts, state wire.MemberState) *int {
	switch state {
	case wire.MemberRefused:
		return &counts.Refused
	case wire.MemberStarted:
		return &counts.Started
	case wire.MemberDone:
		return &counts.Done
	case wire.MemberFailed:
		return &counts.Failed
	case wire.MemberUnknown:
		return &counts.Unknown
	case wire.MemberGone:
		return &counts.Gone
	case wire.MemberWaiting:
	}
	return &counts.Waiting
}

// memberOf tells of a member what is observed of its Restore or, where there is none,
// what was written down. The Restore has the name of the member's lock, and counts only
// if it is of the member's target.
func memberOf(member batch.Member, restores []v1alpha1.Restore, now time.Time) wire.BatchMember {
	told := wire.BatchMember{PVC: member.Source, TargetPVC: member.Target, State: wire.MemberWaiting}
	outcome := member.Outcome
	if outcome != nil {
		told.JobName, told.Driver, told.Backup, told.Notes = outcome.Job, outcome.Driver, outcome.Backup, outcome.Notes
		told.State = wire.MemberStarted
	}
	is := func(r v1alpha1.Restore) bool {
		return member.Lock != "" && r.Name == member.Lock && r.Status.Claim != nil && r.Status.Claim.Name == member.Target
	}
	if at := slices.IndexFunc(restores, is); at >= 0 {
		seen := restoreOf(&restores[at])
		told.State, told.Restore, told.Phase, told.Progress, told.Message = wire.MemberStarted, seen.Name, seen.Phase, seen.Progress, seen.Message
		if seen.Backup != nil {
			told.Driver, told.Backup = seen.Backup.Driver, seen.Backup.ID
		}
		if seen.Phase == string(v1alpha1.PhaseCompleted) {
			told.State = wire.MemberDone
		}
		return told
	}
	switch {
	case outcome == nil:
	case outcome.Refusal != nil:
		_, body := describe(outcome.Refusal.Err())
		told.State, told.Failure = wire.MemberRefused, wire.Failure(body)
	case member.End != nil:
		told = ended(told, *member.End)
	case member.Lock != "":
		told.Restore = member.Lock
		if now.Sub(outcome.At) > settling {
			told.State = wire.MemberGone
		}
	}
	return told
}

// ended adds how a backup ended. One that lacks files is done, and says so.
func ended(told wire.BatchMember, end batch.End) wire.BatchMember {
	told.EndedAt, told.Message = when(end.At), end.Message
	switch end.Result {
	case batch.EndSucceeded:
		told.State = wire.MemberDone
	case batch.EndPartial:
		told.State, told.Notes = wire.MemberDone, append(slices.Clone(told.Notes), end.Message)
	case batch.EndFailed:
		_, body := describe(&backup.Error{Kind: backup.DriverFailed, Message: end.Message})
		told.State, told.Failure = wire.MemberFailed, wire.Failure(body)
	case batch.EndUnknown:
		told.State = wire.MemberUnknown
	default:
		told.State = wire.MemberUnknown
	}
	return told
}
