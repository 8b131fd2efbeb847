package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
)

// Claims reads the claims of the cluster.
type Claims interface {
	// Bound gives the claims of a namespace that have a volume. The error is of
	// kind NotFound where there is none.
	Bound(ctx context.Context, namespace string) ([]backup.Claim, error)
	// VolumeOf gives the volume that a claim is bound to; "" where it is gone or
	// has none.
	VolumeOf(ctx context.Context, claim backup.Claim) (string, error)
}

// backupNamespace starts a backup of every bound claim of a namespace.
func (s *Server) backupNamespace(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	body, by, err := s.readNamespaceBackupRequest(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.cfg.BatchBudget)
	defer cancel()
	claims, err := s.services.Claims.Bound(ctx, body.Namespace)
	if err != nil {
		s.services.Observer.NamespaceBackupRequested(by, body.DryRun, err)
		s.audit(r, change{action: "backup-namespace", detail: body.Namespace, dryRun: body.DryRun, err: err})
		s.fail(w, r, err)
		return
	}
	slices.SortFunc(claims, func(a, b backup.Claim) int { return strings.Compare(a.Name, b.Name) })
	if s.mayRespondLater(r, body.DryRun) {
		s.services.Observer.NamespaceBackupRequested(by, false, nil)
		s.respondLater(w, r, backupBatch(body, by, caller(r), claims))
		return
	}
	outcomes := forEach(ctx, claims, func(ctx context.Context, claim backup.Claim) (driver.BackupStarted, error) {
		return s.backup(ctx, identity(r), by, driver.BackupRequest{Claim: claim, Tags: body.Tags, RequestedBy: caller(r), DryRun: body.DryRun})
	})
	unforeseen(s, r, outcomes)
	extent, err := verdictOn(outcomes)
	s.services.Observer.NamespaceBackupRequested(by, body.DryRun, err)
	answer := wire.NamespaceBackup{Namespace: body.Namespace, Status: extent, RequestedBy: caller(r), DryRun: body.DryRun}
	for i, o := range outcomes {
		result := wire.NamespaceBackupResult{
			PVC: claims[i].Name, Driver: by,
			JobName: o.value.JobName, Secret: o.value.Secret, Volume: o.value.Volume, Backup: o.value.Backup,
		}
		result.Result, result.Failure = resultOf(body.DryRun, o.err)
		answer.Results = append(answer.Results, result)
	}
	status, failure := batchStatus(extent, body.DryRun, err)
	answer.Failure = failure
	s.render(w, r, status, answer)
}

func (s *Server) readNamespaceBackupRequest(w http.ResponseWriter, r *http.Request) (body wire.NamespaceBackupRequest, by string, err error) {
	if err := read(w, r, &body); err != nil {
		return body, "", err
	}
	if err := validNamespace(body.Namespace); err != nil {
		return body, "", err
	}
	by, err = s.backuperNamed(body.Driver)
	return body, by, err
}

func validNamespace(namespace string) error {
	return backup.Claim{Namespace: namespace, Name: "any"}.Validate()
}

// restoreNamespace restores claims of a namespace to new ones: every bound claim, on
// request those that exist only as backups, or those that are named.
func (s *Server) restoreNamespace(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	asked, err := readNamespaceRestoreRequest(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	// What was begun goes on, also when the caller leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.cfg.BatchBudget)
	defer cancel()
	plan, err := s.planned(ctx, asked)
	if err != nil {
		s.services.Observer.NamespaceRestoreRequested(noDriver, asked.DryRun, err)
		s.audit(r, change{action: "restore-namespace", detail: restoreDetail(asked), dryRun: asked.DryRun, err: err})
		s.fail(w, r, err)
		return
	}
	if len(plan.Conflicts) > 0 {
		s.refuseNamespace(w, r, asked, plan)
		return
	}
	if s.mayRespondLater(r, asked.DryRun) {
		s.services.Observer.NamespaceRestoreRequested(severalDrivers, false, nil)
		s.respondLater(w, r, s.restoreBatch(asked, plan))
		return
	}
	outcomes := forEach(ctx, plan.Wishes, func(ctx context.Context, wish intent.Wish) (intent.Made, error) {
		return s.restore(ctx, identity(r), wish)
	})
	unforeseen(s, r, outcomes)
	extent, err := verdictOn(outcomes)
	if extent == wire.ExtentAll && plan.Untold != nil {
		extent = wire.ExtentSome // claims that were asked for may be missing
	}
	s.services.Observer.NamespaceRestoreRequested(driverOf(outcomes), asked.DryRun, err)
	answer := namespaceRestore(asked, plan, extent)
	for i, o := range outcomes {
		result := &answer.Results[i]
		result.Restore, result.Driver, result.Backup = o.value.Restore, o.value.Backup.Driver, o.value.Backup.ID
		result.TakenAt, result.Notes = when(o.value.Backup.TakenAt), o.value.Notes
		result.Result, result.Failure = resultOf(asked.DryRun, o.err)
		result.Impossible = impossible(o.err)
	}
	if plan.MakeRefused != nil && asked.MakeTarget {
		extent, err = notMade(&answer, plan)
	}
	status, failure := batchStatus(extent, asked.DryRun, err)
	answer.Failure = failure
	s.render(w, r, status, answer)
}

// notMade has an answer say that nothing would be started, since the target namespace
// could not be made. Which backups there are stays in it.
func notMade(answer *wire.NamespaceRestore, plan intent.Plan) (wire.Extent, error) {
	answer.Status = wire.ExtentNone
	for i := range answer.Results {
		if answer.Results[i].Result == wire.ResultWouldStart {
			answer.Results[i].Result = wire.ResultNotStarted
		}
	}
	return answer.Status, plan.MakeRefused
}

// planned is the plan for a request, whose target namespace is made where that is
// asked for.
func (s *Server) planned(ctx context.Context, asked intent.NamespaceWish) (intent.Plan, error) {
	plan, err := s.services.Restores.Plan(ctx, asked)
	if err != nil || !plan.TargetMissing || asked.DryRun || len(plan.Conflicts) > 0 {
		return plan, err
	}
	return plan, s.services.Restores.MakeNamespace(ctx, asked.TargetNamespace, asked.RequestedBy)
}

// impossible reports whether asking for the same again is in vain, as far as is known.
func impossible(err error) bool {
	if err == nil {
		return false
	}
	switch backup.KindOf(err) {
	case backup.Invalid, backup.Unprocessable, backup.NotFound, backup.Conflict, backup.Denied:
		return true
	case backup.Internal, backup.Unauthenticated, backup.Busy, backup.Unavailable, backup.Credentials, backup.RepositoryAbsent, backup.RepositoryChanged,
		backup.Partial, backup.DriverFailed, backup.BackupMissing, backup.RepositoryUnaccepted, backup.RepositoryDropped:
		return false
	default:
		return false
	}
}

// refuseNamespace answers with every conflict; nothing was started.
func (s *Server) refuseNamespace(w http.ResponseWriter, r *http.Request, asked intent.NamespaceWish, plan intent.Plan) {
	kind := backup.Invalid
	answer := namespaceRestore(asked, plan, wire.ExtentNone)
	for _, conflict := range plan.Conflicts {
		if backup.KindOf(conflict.Err) != backup.Invalid {
			kind = backup.Conflict
		}
		at := slices.IndexFunc(plan.Wishes, func(w intent.Wish) bool { return w.Source == conflict.Wish.Source })
		answer.Results[at].Result, answer.Results[at].Failure = resultOf(asked.DryRun, conflict.Err)
		answer.Results[at].Impossible = impossible(conflict.Err)
	}
	failures := make([]error, 0, len(plan.Conflicts))
	for _, conflict := range plan.Conflicts {
		failures = append(failures, conflict.Err)
	}
	err := &backup.Error{Kind: kind, Reason: sharedReason(failures), Message: fmt.Sprintf(
		"nothing was started: %d of %d claims cannot be restored as asked; see results", len(plan.Conflicts), len(plan.Wishes))}
	s.services.Observer.NamespaceRestoreRequested(noDriver, asked.DryRun, err)
	s.audit(r, change{action: "restore-namespace", detail: restoreDetail(asked), dryRun: asked.DryRun, err: err})
	status, failure := batchStatus(wire.ExtentNone, asked.DryRun, err)
	answer.Failure = failure
	s.render(w, r, status, answer)
}

func restoreDetail(asked intent.NamespaceWish) string {
	return asked.Namespace + " to " + asked.TargetNamespace + "/" + asked.TargetPrefix + "*"
}

// namespaceRestore is the answer with all results not started.
func namespaceRestore(asked intent.NamespaceWish, plan intent.Plan, extent wire.Extent) wire.NamespaceRestore {
	answer := wire.NamespaceRestore{
		Namespace: asked.Namespace, TargetNamespace: asked.TargetNamespace, Status: extent,
		RequestedBy: asked.RequestedBy, DryRun: asked.DryRun, Warnings: plan.Warnings,
		Orphans: plan.LeftOut(), TargetMissing: plan.TargetMissing && asked.DryRun,
	}
	if answer.TargetMissing {
		answer.MakeTarget = intent.MakeCommand(asked.TargetNamespace)
		if plan.MakeRefused != nil {
			_, body := describe(plan.MakeRefused)
			answer.MakeRefused = new(wire.Failure(body))
		}
	}
	for _, wish := range plan.Wishes {
		answer.Results = append(answer.Results, wire.NamespaceRestoreResult{
			PVC: wish.Source.Name, TargetPVC: wish.Target.Name, Result: wire.ResultNotStarted, Orphan: slices.Contains(plan.Orphans, wish.Source.Name),
		})
	}
	return answer
}

// severalDrivers stands for the driver in metrics where the chosen backups are of
// more than one.
const severalDrivers = "several"

func driverOf(outcomes []outcome[intent.Made]) string {
	found := noDriver
	for _, o := range outcomes {
		switch name := o.value.Backup.Driver; {
		case name == "" || name == found:
		case found == noDriver:
			found = name
		default:
			return severalDrivers
		}
	}
	return found
}

func readNamespaceRestoreRequest(w http.ResponseWriter, r *http.Request) (intent.NamespaceWish, error) {
	var body wire.NamespaceRestoreRequest
	if err := read(w, r, &body); err != nil {
		return intent.NamespaceWish{}, err
	}
	choice, err := choiceOf(body.Snapshot, body.AsOf, body.Cluster, body.Driver, body.Tags)
	if err != nil {
		return intent.NamespaceWish{}, err
	}
	asked := intent.NamespaceWish{
		Namespace: body.Namespace, TargetNamespace: cmp.Or(body.TargetNamespace, body.Namespace), TargetPrefix: body.TargetPrefix,
		MakeTarget: body.CreateNamespace, Choice: choice, Orphans: body.IncludeOrphans, RequestedBy: caller(r), DryRun: body.DryRun,
	}
	for _, claim := range body.Claims {
		asked.Claims = append(asked.Claims, intent.ClaimWish{Name: claim.PVC, Snapshot: claim.Snapshot, Target: claim.TargetPVC})
	}
	return asked, validNamespace(body.Namespace)
}
