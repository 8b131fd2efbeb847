package backupjob

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// toldAnnotation marks a Job whose outcome has been told.
const toldAnnotation = "soteria.dev/told"

// Saved reports whether it was told of a backup Job that a backup came of it, complete
// or partial, although the Job itself may have failed, as it does by a sidecar that
// ends badly.
func Saved(job *batchv1.Job) bool {
	told := Result(job.Annotations[toldAnnotation])
	return told == Succeeded || told == Partial
}

// Outcomes tells a claim's people what came of each of its backups. It runs on
// the leader; a crash between telling and marking tells twice.
type Outcomes struct {
	// Client reads Jobs from the cache and marks them.
	Client client.Client
	// Reader lists a Job's pods from the API server: pods are not cached.
	Reader client.Reader
	// Announcer tells what came of them.
	Announcer Announcer
	// Driver is the driver whose Jobs these are.
	Driver string
}

// SetupWithManager registers the controller. A Job's pod is watched, since its mover
// leaves its result seconds before the Job is settled.
func (o *Outcomes) SetupWithManager(mgr manager.Manager) error {
	untold := predicate.NewPredicateFuncs(func(object client.Object) bool {
		job, ok := object.(*batchv1.Job)
		if !ok || job.Labels[v1alpha1.RoleLabel] != v1alpha1.RoleBackup || job.Annotations[toldAnnotation] != "" {
			return false
		}
		_, finished := moverjob.Finished(job)
		return finished
	})
	pods, err := watchMoverPods(mgr)
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(mgr).Named("backup-outcomes").For(&batchv1.Job{}, builder.WithPredicates(untold)).
		WatchesRawSource(source.Channel(pods, handler.EnqueueRequestsFromMapFunc(jobOfEnded))).
		Complete(o)
	if err != nil {
		return fmt.Errorf("set up the controller of backup outcomes: %w", err)
	}
	return nil
}

// jobOfEnded returns the backup Job of a pod whose mover has ended well.
func jobOfEnded(_ context.Context, object client.Object) []reconcile.Request {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Labels[v1alpha1.ManagedByLabel] != v1alpha1.ManagedBy || pod.Labels[v1alpha1.RoleLabel] != v1alpha1.RoleBackup ||
		pod.Labels[batchv1.JobNameLabel] == "" || !moverjob.EndedWell(pod) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[batchv1.JobNameLabel]}}}
}

// Reconcile reports the outcome of one Job that has finished, or whose mover has ended
// well: the mover's own word is final then, and a Job that fails may be tried again.
func (o *Outcomes) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	job := &batchv1.Job{}
	if err := o.Client.Get(ctx, req.NamespacedName, job); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if _, ours := claimOf(job); !ours || job.Annotations[toldAnnotation] != "" {
		return reconcile.Result{}, nil
	}
	ended, over, err := o.ended(ctx, job)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("observing Job %s: %w", req.NamespacedName, err)
	}
	if !over {
		return reconcile.Result{}, nil
	}
	result, text := describe(job.Name, ended)
	marked, err := o.mark(ctx, job, nil, result)
	switch {
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: lookSoon}, nil // the Job controller writes to it at the same moment
	case err != nil || !marked:
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, o.announce(ctx, job, result, text)
}

// lookSoon is when a Job is looked at again that was changed meanwhile: the change is
// to be in the cache by then.
const lookSoon = 100 * time.Millisecond

// ended returns how a Job ended, and reports whether it has: it is settled, or its mover
// has ended well.
func (o *Outcomes) ended(ctx context.Context, job *batchv1.Job) (moverjob.State, bool, error) {
	if _, finished := moverjob.Finished(job); finished {
		state, err := moverjob.Observe(ctx, o.Reader, job)
		return state, true, err
	}
	return moverjob.SucceededPod(ctx, o.Reader, job)
}

// tell marks a Job as told, with another change of it if one is given, and tells
// what came of it. It does nothing where the Job is gone or was changed meanwhile,
// which has it looked at again.
func (o *Outcomes) tell(ctx context.Context, job *batchv1.Job, change func(*batchv1.Job), result Result, text string) error {
	marked, err := o.mark(ctx, job, change, result)
	if err != nil || !marked {
		if apierrors.IsConflict(err) {
			return nil
		}
		return err
	}
	return o.announce(ctx, job, result, text)
}

// announce reports what came of a Job.
func (o *Outcomes) announce(ctx context.Context, job *batchv1.Job, result Result, text string) error {
	name, _ := claimOf(job)
	return o.Announcer.Announce(ctx, o.Driver, name, job, result, text)
}

// mark marks a Job as told, with another change of it if one is given. It reports false
// where the Job is gone; that it was changed meanwhile is an error of the API's kind
// Conflict.
func (o *Outcomes) mark(ctx context.Context, job *batchv1.Job, change func(*batchv1.Job), result Result) (bool, error) {
	marked := job.DeepCopy()
	if marked.Annotations == nil {
		marked.Annotations = map[string]string{}
	}
	marked.Annotations[toldAnnotation] = string(result)
	if change != nil {
		change(marked)
	}
	if err := o.Client.Patch(ctx, marked, client.MergeFromWithOptions(job, client.MergeFromWithOptimisticLock{})); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("marking Job %s/%s as told: %w", job.Namespace, job.Name, err)
	}
	return true, nil
}

// describe puts the outcome into words, among them the Job's name: who has asked
// for a backup knows it by that.
func describe(job string, ended moverjob.State) (Result, string) {
	left := ended.Result
	switch {
	case ended.Phase == moverjob.Failed:
		return Failed, fmt.Sprintf("backup by Job %s failed: %s", job, ended.Message)
	case left == nil:
		return Succeeded, fmt.Sprintf("backup by Job %s is complete", job)
	case left.Backup != nil && left.Backup.Void != "":
		id := backup.ShortID(left.Snapshot)
		return Failed, fmt.Sprintf("backup %s by Job %s lost most of the data: it holds %s. It is saved and does not count: look at the claim's data and restore it if it was lost; "+
			"if it is right, annotate the claim with %s=%s, by which the next backup goes%s", id, job, left.Backup.Void, v1alpha1.AcceptBackupAnnotation, id, noted(left.Backup))
	case left.Partial:
		return Partial, fmt.Sprintf("backup %s by Job %s lacks files that could not be read%s: %s%s",
			backup.ShortID(left.Snapshot), job, sizes(left.Backup), left.Summary(), noted(left.Backup))
	default:
		return Succeeded, fmt.Sprintf("backup %s by Job %s is complete%s%s", backup.ShortID(left.Snapshot), job, counts(left.Backup), noted(left.Backup))
	}
}

// noted says what else a person should know of a backup.
func noted(b *report.Backup) string {
	if b == nil {
		return ""
	}
	notes := slices.Clone(b.Notes)
	if b.Unrecorded != "" {
		notes = append(notes, "how it ended could not be recorded beside it, so that a restore will call it unknown: "+b.Unrecorded)
	}
	if len(notes) == 0 {
		return ""
	}
	return "; " + strings.Join(notes, "; ")
}

// sizes says how much a backup holds.
func sizes(b *report.Backup) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf(" (it holds %d files of %d bytes)", b.Files, b.Bytes)
}

func counts(b *report.Backup) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf(": %d files of %d bytes, %d of them new or changed, %d bytes added", b.Files, b.Bytes, b.FilesNew+b.FilesChanged, b.BytesAdded)
}
