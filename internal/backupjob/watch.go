package backupjob

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
	"github.com/soteria-dr/soteria/internal/stall/observe"
)

// StalledReason is the reason of the event on a claim whose backup does not come
// further.
const StalledReason = "BackupStalled"

// RepeatStalled is how often a backup that does not come further is told of:
// Kubernetes forgets events after an hour.
const RepeatStalled = time.Hour

// watch reports a Job of which nothing has moved for [stall.Patience], with who holds
// it up. Since is when it last came further; the zero time is that it may be coming
// further now. What is observed may say otherwise: a node that is gone, a pod that is
// not ended, a deadline that has passed.
func (s *Starts) watch(ctx context.Context, job *batchv1.Job, since time.Time) error {
	found, since, stalled, err := s.diagnose(ctx, job, since)
	switch {
	case err != nil:
		return err
	case !stalled:
		return s.unmark(ctx, job)
	}
	return s.mark(ctx, job, found, since)
}

// diagnose says who holds a Job up, and since when; false where nothing does.
func (s *Starts) diagnose(ctx context.Context, job *batchv1.Job, since time.Time) (found stall.Stall, from time.Time, stalled bool, err error) {
	pods, err := moverjob.PodsOf(ctx, s.Reader, job)
	if err != nil {
		return stall.Stall{}, time.Time{}, false, err
	}
	w := stall.World{Now: s.Clock.Now(), Jobs: []batchv1.Job{*job}, Pods: pods, Shared: true, Waits: fmt.Sprintf("Job %s/%s does not come further", job.Namespace, job.Name)}
	cluster := observe.Cluster{Client: s.Client, Reader: s.Reader}
	problem := cluster.Nodes(ctx, &w)
	w.Since = stall.Earliest(since, stall.SilentSince(w))
	if w.Since.IsZero() || w.Now.Sub(w.Since) < stall.Patience {
		return stall.Stall{}, time.Time{}, false, problem
	}
	name, _ := claimOf(job)
	var claim corev1.PersistentVolumeClaim
	if err := s.Client.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim); err == nil {
		w.Claims = append(w.Claims, claim)
	}
	if err := cluster.Complete(ctx, &w); err != nil { // what is known is told all the same
		s.Log.Info("could not observe all of what a backup waits for", "job", client.ObjectKeyFromObject(job).String(), "because", err.Error())
	}
	found, stalled = stall.Diagnose(w)
	return found, w.Since, stalled, nil
}

// mark keeps on the Job what holds it up and, where that is news, records an event on the claim.
func (s *Starts) mark(ctx context.Context, job *batchv1.Job, found stall.Stall, since time.Time) error {
	before, _ := stall.ReadMark(job.Annotations)
	next, news := before.Next(found, since, s.Clock.Now(), RepeatStalled)
	if !news {
		return nil
	}
	claim, _ := claimOf(job)
	text := fmt.Sprintf("backup by Job %s has not come further since %s: %s", job.Name, next.Since.Format(time.RFC3339), found)
	if err := s.Outcomes.Announcer.Warn(ctx, claim, job, StalledReason, text); err != nil {
		return err
	}
	return s.annotate(ctx, job, next.Text()) // a crash in between says it twice, and never not at all
}

// unmark records that nothing holds the Job up any more.
func (s *Starts) unmark(ctx context.Context, job *batchv1.Job) error {
	if _, marked := job.Annotations[v1alpha1.StalledAnnotation]; !marked {
		return nil
	}
	return s.annotate(ctx, job, "")
}

// annotate writes the mark; "" removes it. A Job that is gone needs none.
func (s *Starts) annotate(ctx context.Context, job *batchv1.Job, text string) error {
	marked := job.DeepCopy()
	if marked.Annotations == nil {
		marked.Annotations = map[string]string{}
	}
	marked.Annotations[v1alpha1.StalledAnnotation] = text
	if text == "" {
		delete(marked.Annotations, v1alpha1.StalledAnnotation)
	}
	if err := s.Client.Patch(ctx, marked, client.MergeFrom(job)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("recording on Job %s/%s what holds it up: %w", job.Namespace, job.Name, err)
	}
	return nil
}

// WatchStalled has changed called whenever a mark on a Job comes, changes or goes, for
// as long as the informers run. It must not block.
func WatchStalled(ctx context.Context, informers cache.Cache, changed func()) error {
	informer, err := informers.GetInformer(ctx, &batchv1.Job{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching backup Jobs that are stalled: %w", err)
	}
	markOf := func(object any) string {
		job, ok := object.(*batchv1.Job)
		if !ok {
			return ""
		}
		if _, finished := moverjob.Finished(job); finished {
			return ""
		}
		return job.Annotations[v1alpha1.StalledAnnotation]
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, after any) {
			if markOf(before) != markOf(after) {
				changed()
			}
		},
		DeleteFunc: func(object any) {
			if markOf(object) != "" {
				changed()
			}
		},
	})
	if err != nil {
		return fmt.Errorf("watching backup Jobs that are stalled: %w", err)
	}
	return nil
}

// Stalled is a backup that does not come further.
type Stalled struct {
	Claim  backup.Claim
	Driver string
	stall.Mark
}

// StalledJobs returns the backups in Jobs that are marked as stalled and have not
// ended. Reader may be a cache. A Job speaks for a claim of its own namespace alone.
func StalledJobs(ctx context.Context, reader client.Reader, driver string) ([]Stalled, error) {
	var jobs batchv1.JobList
	labels := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
	if err := reader.List(ctx, &jobs, labels, client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing backup Jobs: %w", err)
	}
	var all []Stalled
	for i := range jobs.Items {
		job := &jobs.Items[i]
		claim, ours := claimOf(job)
		_, finished := moverjob.Finished(job)
		mark, marked := stall.ReadMark(job.Annotations)
		if ours && marked && !finished && claim.Namespace == job.Namespace {
			all = append(all, Stalled{claim, driver, mark})
		}
	}
	slices.SortFunc(all, func(a, b Stalled) int { return a.Since.Compare(b.Since) })
	return all, nil
}
