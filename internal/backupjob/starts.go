package backupjob

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
)

// lookAgain is how often an unfinished Job is looked at.
const lookAgain = 30 * time.Second

// MadeAgainReason is the reason of the event on a claim whose backup was made again
// where the claim is used now.
const MadeAgainReason = "BackupMadeAgain"

// mostAgain is how often one backup is made again: an app that moves more often than
// that is told of instead.
const mostAgain = 3

// Mover is the driver whose backups run in Jobs.
type Mover interface {
	// Misplaced reports whether the Job's pod cannot run where it has to, because
	// the pods that use the claim are on another node now.
	Misplaced(ctx context.Context, job *batchv1.Job) (bool, error)
	// Request is what the Job was made for.
	Request(job *batchv1.Job) driver.BackupRequest
}

// Starts sees to it that a backup which cannot start does not wait unheard. It runs
// on the leader and works from what is there alone.
//
//   - A Job that never had a pod and whose claim is gone is deleted: it has written
//     nothing, and a claim of the same name must not wait for it.
//   - A Job whose mover has ended beside a sidecar that runs on is told and deleted.
//   - A Job whose app moved to another node before the mover began is made again
//     there, once it has waited for [stall.Patience], and three times at most.
//   - A Job whose mover does not begin in time fails, with the cause; one that waits
//     for what does not pass by itself fails as soon as it has waited for
//     [stall.Patience].
//   - A Job that does not start, or that hangs, for that long is told of, and so is one
//     that is being deleted and is not gone. That its mover moves nothing shows in the
//     status of its pod, see package pulse.
//
// Only Jobs are touched that carry Soteria's labels, by their uid.
type Starts struct {
	// Client reads claims and Jobs from the cache, changes and deletes Jobs.
	Client client.Client
	// Reader reads pods, events, nodes and claims from the API server.
	Reader client.Reader
	// Outcomes reports what came of a backup.
	Outcomes *Outcomes
	Mover    Mover
	// Backuper takes the backup again that was misplaced.
	Backuper driver.Backuper
	// Timeout is how long a mover may take to begin.
	Timeout time.Duration
	Clock   clock.PassiveClock
	Log     *slog.Logger

	// podless is when a Job was first seen without a pod of which nothing else says
	// when the last one went. One Job is looked at at a time.
	podless map[types.UID]time.Time
}

// SetupWithManager registers the controller.
func (s *Starts) SetupWithManager(mgr manager.Manager) error {
	unfinished := predicate.NewPredicateFuncs(func(object client.Object) bool {
		job, ok := object.(*batchv1.Job)
		return ok && s.concerns(job)
	})
	err := ctrl.NewControllerManagedBy(mgr).Named("backup-starts").For(&batchv1.Job{}, builder.WithPredicates(unfinished)).Complete(s)
	if err != nil {
		return fmt.Errorf("set up the controller of backups that cannot start: %w", err)
	}
	return nil
}

// concerns reports whether a Job is a backup that has not ended, or is not gone.
func (s *Starts) concerns(job *batchv1.Job) bool {
	_, finished := moverjob.Finished(job)
	_, ours := claimOf(job)
	return ours && (!finished || job.DeletionTimestamp != nil) && job.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy &&
		job.Labels[v1alpha1.ClaimUIDLabel] != ""
}

// Reconcile looks at one unfinished Job, and again until it has ended.
func (s *Starts) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	job := &batchv1.Job{}
	if err := s.Client.Get(ctx, req.NamespacedName, job); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !s.concerns(job) {
		return reconcile.Result{}, nil
	}
	again := reconcile.Result{RequeueAfter: lookAgain}
	if job.DeletionTimestamp != nil {
		return again, s.watch(ctx, job, job.DeletionTimestamp.Time)
	}
	abandoned, err := s.abandoned(ctx, job)
	if err != nil {
		return reconcile.Result{}, err
	}
	if abandoned {
		s.Log.Info("deleting a backup Job that never had a pod and whose claim is gone", "job", req.String())
		return reconcile.Result{}, moverjob.Delete(ctx, s.Client, job)
	}
	state, err := moverjob.Observe(ctx, s.Reader, job)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("observing Job %s: %w", req.NamespacedName, err)
	}
	switch state.Phase {
	case moverjob.Succeeded, moverjob.Failed:
		return reconcile.Result{}, s.endDespiteSidecar(ctx, job, state)
	case moverjob.Running:
		good := state.Result != nil && !state.Result.Failed()
		if good || state.EndedAt.IsZero() || s.Clock.Since(state.EndedAt) < stall.Patience {
			return again, s.watch(ctx, job, state.EndedAt)
		}
		// The mover failed, and no other pod was made since.
	case moverjob.Pending:
	}
	since, err := s.waitsSince(ctx, job, state)
	if err != nil {
		return reconcile.Result{}, err
	}
	return s.pending(ctx, job, since)
}

// waitsSince returns since when a Job waits for a mover to begin.
func (s *Starts) waitsSince(ctx context.Context, job *batchv1.Job, state moverjob.State) (time.Time, error) {
	switch {
	case !state.EndedAt.IsZero():
		return state.EndedAt, nil
	case state.Pod != "":
		delete(s.podless, job.UID)
		return state.CreatedAt, nil
	}
	since, err := moverjob.Podless(ctx, s.Reader, job)
	if err != nil || !since.IsZero() {
		return since, err
	}
	if s.podless == nil {
		s.podless = map[types.UID]time.Time{}
	}
	if _, seen := s.podless[job.UID]; !seen {
		s.podless[job.UID] = s.Clock.Now()
	}
	return s.podless[job.UID], nil
}

// pending deals with a Job that waits for a mover to begin, since the time given.
func (s *Starts) pending(ctx context.Context, job *batchv1.Job, since time.Time) (reconcile.Result, error) {
	again := reconcile.Result{RequeueAfter: lookAgain}
	if job.Annotations[toldAnnotation] != "" {
		return again, s.watch(ctx, job, time.Time{}) // it has failed, and its pod cannot be ended
	}
	waited := s.Clock.Since(since)
	if request := s.Mover.Request(job); waited >= stall.Patience && request.Again <= mostAgain {
		misplaced, err := s.Mover.Misplaced(ctx, job)
		if err != nil {
			return reconcile.Result{}, fmt.Errorf("looking for the pods beside which Job %s/%s runs: %w", job.Namespace, job.Name, err)
		}
		if misplaced {
			return reconcile.Result{}, s.makeAgain(ctx, job, request)
		}
	}
	found, from, stalled, err := s.diagnose(ctx, job, since)
	if err != nil || !stalled {
		return again, err
	}
	if found.Hopeless || waited >= s.Timeout {
		return reconcile.Result{}, s.fail(ctx, job, found, waited)
	}
	return again, s.mark(ctx, job, found, from)
}

// abandoned reports whether a Job can never have written anything, and its claim
// is gone or going. That no pod exists is asked of the API server; one that is
// made meanwhile is of a Job that is deleted, and goes with it.
func (s *Starts) abandoned(ctx context.Context, job *batchv1.Job) (bool, error) {
	if !moverjob.NeverHadPod(job) {
		return false, nil
	}
	name, _ := claimOf(job)
	var claim corev1.PersistentVolumeClaim
	err := s.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return false, fmt.Errorf("reading claim %s: %w", name, err)
	case err == nil && string(claim.UID) == job.Labels[v1alpha1.ClaimUIDLabel] && claim.DeletionTimestamp == nil:
		return false, nil
	}
	pods, err := moverjob.PodsOf(ctx, s.Reader, job)
	return err == nil && len(pods) == 0, err
}

// endDespiteSidecar reports what came of a mover, and deletes its Job with the
// sidecar that would keep it from ending.
func (s *Starts) endDespiteSidecar(ctx context.Context, job *batchv1.Job, state moverjob.State) error {
	if job.Annotations[toldAnnotation] == "" {
		result, text := describe(job.Name, state)
		if err := s.Outcomes.tell(ctx, job, nil, result, text); err != nil {
			return err
		}
	}
	return moverjob.Delete(ctx, s.Client, job)
}

// makeAgain makes a backup again whose app has moved. Should this process die after
// the Job is deleted, the backup is due again by its policy.
func (s *Starts) makeAgain(ctx context.Context, job *batchv1.Job, request driver.BackupRequest) error {
	if err := moverjob.Delete(ctx, s.Client, job); err != nil {
		return err
	}
	started, err := s.Backuper.Backup(ctx, request)
	if err != nil {
		text := fmt.Sprintf("backup by Job %s did not start, since the pod that uses the claim moved to another node, and could not be made again there: %s", job.Name, backup.Message(err))
		return s.Outcomes.Announcer.Announce(ctx, s.Outcomes.Driver, request.Claim, nil, Failed, text)
	}
	s.Log.Info("made a backup Job again on the node that its claim's pod moved to", "claim", request.Claim.String(), "was", job.Name, "job", started.JobName)
	text := fmt.Sprintf("backup by Job %s did not start, since the pod that uses the claim moved to another node; it is made again there by Job %s, and nothing is to be done", job.Name, started.JobName)
	return s.Outcomes.Announcer.Warn(ctx, request.Claim, nil, MadeAgainReason, text)
}

// fail ends a Job whose mover did not begin, and tells why. The Job stays until its
// TTL removes it, as any that failed.
func (s *Starts) fail(ctx context.Context, job *batchv1.Job, found stall.Stall, waited time.Duration) error {
	text := fmt.Sprintf("backup by Job %s did not start within %s: %s", job.Name, waited.Round(time.Second), found)
	if ptr.Deref(job.Spec.Suspend, false) {
		// Its deadline does not run.
		if err := s.Outcomes.tell(ctx, job, nil, Failed, text); err != nil {
			return err
		}
		return moverjob.Delete(ctx, s.Client, job)
	}
	end := func(j *batchv1.Job) { j.Spec.ActiveDeadlineSeconds = ptr.To[int64](1) }
	return s.Outcomes.tell(ctx, job, end, Failed, text)
}
