package backupjob

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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
)

const (
	// lookAgain is how often an unfinished Job is looked at.
	lookAgain = 30 * time.Second
	// hopelessAfter is how long a Job may wait for what does not pass by itself.
	hopelessAfter = 2 * time.Minute
	// stuckEvery is how often a Job that hangs is told of: Kubernetes forgets events
	// after an hour.
	stuckEvery = time.Hour
)

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
//     there.
//   - A Job whose mover does not begin in time fails, with the cause.
//   - A Job on a node that is gone is told of.
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

	mu   sync.Mutex
	told map[types.UID]time.Time
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

// concerns reports whether a Job is a backup that has not ended.
func (s *Starts) concerns(job *batchv1.Job) bool {
	_, finished := moverjob.Finished(job)
	_, ours := claimOf(job)
	return ours && !finished && job.DeletionTimestamp == nil && job.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy &&
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
		return again, s.tellIfStuck(ctx, job)
	case moverjob.Pending:
	}
	return s.pending(ctx, job, state)
}

// pending deals with a Job whose mover has not begun.
func (s *Starts) pending(ctx context.Context, job *batchv1.Job, state moverjob.State) (reconcile.Result, error) {
	again := reconcile.Result{RequeueAfter: lookAgain}
	if job.Annotations[toldAnnotation] != "" {
		return again, s.tellIfStuck(ctx, job) // it has failed, and its pod cannot be ended
	}
	misplaced, err := s.Mover.Misplaced(ctx, job)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("looking for the pods beside which Job %s/%s runs: %w", job.Namespace, job.Name, err)
	}
	if misplaced {
		return reconcile.Result{}, s.makeAgain(ctx, job)
	}
	if err := s.tellIfStuck(ctx, job); err != nil {
		return reconcile.Result{}, err
	}
	waited := s.Clock.Since(state.CreatedAt)
	if waited < s.Timeout && (!hopeless(state.Message) || waited < hopelessAfter) {
		return again, nil
	}
	return reconcile.Result{}, s.fail(ctx, job, state, waited)
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
func (s *Starts) makeAgain(ctx context.Context, job *batchv1.Job) error {
	request := s.Mover.Request(job)
	if err := moverjob.Delete(ctx, s.Client, job); err != nil {
		return err
	}
	started, err := s.Backuper.Backup(ctx, request)
	if err != nil {
		text := fmt.Sprintf("backup by Job %s did not start, since the pod that uses the claim moved to another node, and could not be made again there: %s", job.Name, backup.Message(err))
		return s.Outcomes.Announcer.Announce(ctx, s.Outcomes.Driver, request.Claim, nil, Failed, text)
	}
	s.Log.Info("made a backup Job again on the node that its claim's pod moved to", "claim", request.Claim.String(), "was", job.Name, "job", started.JobName)
	return nil
}

// fail ends a Job whose mover did not begin, and tells why. The Job stays until its
// TTL removes it, as any that failed.
func (s *Starts) fail(ctx context.Context, job *batchv1.Job, state moverjob.State, waited time.Duration) error {
	text := fmt.Sprintf("backup by Job %s did not start within %s: %s%s", job.Name, waited.Round(time.Second), state.Message, remedy(state.Message))
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

// tellIfStuck reports a Job that hangs on a node that is gone, or otherwise.
func (s *Starts) tellIfStuck(ctx context.Context, job *batchv1.Job) error {
	now := s.Clock.Now()
	why, err := moverjob.Stuck(ctx, s.Reader, job, now, s.Timeout)
	if err != nil || why == "" {
		return err
	}
	s.mu.Lock()
	if s.told == nil {
		s.told = map[types.UID]time.Time{}
	}
	at, told := s.told[job.UID]
	repeat := !told || now.Sub(at) >= stuckEvery
	if repeat {
		s.told[job.UID] = now
	}
	s.mu.Unlock()
	if !repeat {
		return nil
	}
	claim, _ := claimOf(job)
	return s.Outcomes.Announcer.Warn(ctx, claim, job, "BackupStuck", fmt.Sprintf("backup by Job %s hangs: %s", job.Name, why))
}

// hopeless reports whether what a Job waits for does not pass by itself: its pod
// may not be made, or its image cannot be had.
func hopeless(cause string) bool {
	for _, reason := range []string{"FailedCreate:", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"} {
		if strings.HasPrefix(cause, reason) {
			return true
		}
	}
	return false
}

// remedies are what to do about a cause, by words of whoever told it.
var remedies = []struct{ words, remedy string }{
	{"must specify", "set what the quota asks for in SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim in its annotation " + v1alpha1.JobResourcesAnnotation},
	{"exceeded quota", "raise the quota, or lower SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim its annotation " + v1alpha1.JobResourcesAnnotation},
	{"usage per", "the namespace's LimitRange refuses it: set SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS, or for this claim its annotation " + v1alpha1.JobResourcesAnnotation},
	{"violates PodSecurity", "movers need the Pod Security level baseline in the namespace"},
	{"priority class", "set SOTERIA_JOB_PRIORITY_CLASS to a class that exists"},
	{"Image", "look at SOTERIA_RESTIC_IMAGE and SOTERIA_IMAGE, and at SOTERIA_JOB_PULL_SECRETS"},
	{"ErrImagePull", "look at SOTERIA_RESTIC_IMAGE and SOTERIA_IMAGE, and at SOTERIA_JOB_PULL_SECRETS"},
	{"Unschedulable", "make room for it, or look at SOTERIA_JOB_NODE_SELECTOR"},
}

func remedy(cause string) string {
	for _, r := range remedies {
		if strings.Contains(cause, r.words) {
			return "; " + r.remedy
		}
	}
	return ""
}
