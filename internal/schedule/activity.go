package schedule

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Activity observes the runs of one driver's backups, whoever asked for them.
type Activity interface {
	// Driver is whose runs they are.
	Driver() string
	// Runs gives those that are running and, as far as anything of them is left,
	// those that have ended. It may be repeated at will.
	Runs(ctx context.Context) ([]Run, error)
}

// Jobs observes the backups of a driver that takes them in Jobs.
type Jobs struct {
	Of string
	// Reader reads Jobs, from a cache.
	Reader client.Reader
	// API reads pods and nodes from the API server itself, of Jobs that may be stuck;
	// StartTimeout is how long a Job may take to get a pod. Nil does without.
	API          client.Reader
	StartTimeout time.Duration
	Clock        clock.PassiveClock
}

// Driver implements [Activity].
func (j Jobs) Driver() string { return j.Of }

// Runs implements [Activity].
func (j Jobs) Runs(ctx context.Context) ([]Run, error) {
	var jobs batchv1.JobList
	if err := j.Reader.List(ctx, &jobs, client.MatchingLabels(ofBackups()), client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing backup Jobs: %w", err)
	}
	runs := make([]Run, 0, len(jobs.Items))
	for i := range jobs.Items {
		job := &jobs.Items[i]
		r := Run{ClaimUID: types.UID(job.Labels[v1alpha1.ClaimUIDLabel]), Driver: j.Of, Name: job.Name, Started: job.CreationTimestamp.Time}
		if condition, finished := moverjob.Finished(job); finished {
			r.Ended = endOf(job, condition)
			if condition == batchv1.JobFailed && !backupjob.Saved(job) {
				r.Failure = "Job " + job.Namespace + "/" + job.Name + " failed"
			}
		} else if j.API != nil {
			j.look(ctx, job, &r)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// look says of a run that has not ended whether it counts as ended, or does no work.
// Of a Job that cannot be looked into it is taken that it works.
func (j Jobs) look(ctx context.Context, job *batchv1.Job, r *Run) {
	over, since, err := moverjob.Over(ctx, j.API, job, j.Clock.Now())
	if err == nil && over != "" {
		r.Ended, r.Failure = since, fmt.Sprintf("Job %s/%s has failed and cannot be ended: %s", job.Namespace, job.Name, over)
		return
	}
	r.Stuck, _ = moverjob.Stuck(ctx, j.API, job, j.Clock.Now(), j.StartTimeout)
}

// endOf gives when a finished Job ended.
func endOf(job *batchv1.Job, condition batchv1.JobConditionType) time.Time {
	end := job.CreationTimestamp.Time
	for _, c := range job.Status.Conditions {
		if c.Type == condition && c.Status == corev1.ConditionTrue {
			end = later(end, c.LastTransitionTime.Time)
		}
	}
	return end
}

// Leases observes the backups of a driver that records each in a Lease while it
// runs.
type Leases struct {
	Of string
	// Reader lists Leases in Soteria's own namespace, from the API server.
	Reader    client.Reader
	Namespace string
	// Running reports whether a Lease is the record of a running backup.
	Running func(*coordinationv1.Lease) bool
	// Stuck says why a running backup keeps no other one waiting; "" where it does.
	// Nil is that all do.
	Stuck func(*coordinationv1.Lease) string
}

// Driver implements [Activity].
func (l Leases) Driver() string { return l.Of }

// Runs implements [Activity].
func (l Leases) Runs(ctx context.Context) ([]Run, error) {
	var leases coordinationv1.LeaseList
	if err := l.Reader.List(ctx, &leases, client.InNamespace(l.Namespace), client.MatchingLabels(ofBackups())); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the Leases of running backups: %w", err)
	}
	var runs []Run
	for i := range leases.Items {
		lease := &leases.Items[i]
		if !l.Running(lease) {
			continue
		}
		r := Run{ClaimUID: types.UID(lease.Labels[v1alpha1.ClaimUIDLabel]), Driver: l.Of, Started: lease.CreationTimestamp.Time}
		if l.Stuck != nil {
			r.Stuck = l.Stuck(lease)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func ofBackups() map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
}
