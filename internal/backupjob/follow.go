package backupjob

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Look looks how the backup goes on that a Job of this name was made for, from since on:
// false as long as it runs. A Job that was made later took the first one's place. Where
// nothing is left of either the result is empty, as nothing says how it ended. Errors are
// of kind Unavailable.
func (o *Outcomes) Look(ctx context.Context, claim backup.Claim, name string, since time.Time) (result Result, text string, over bool, err error) {
	job, err := o.find(ctx, claim, name, since)
	switch {
	case err != nil:
		return "", "", false, err
	case job == nil:
		return "", fmt.Sprintf("Job %s is gone, and how the backup ended was not seen", name), true, nil
	}
	ended, over, err := o.ended(ctx, job)
	if err != nil {
		return "", "", false, backup.Errorf(backup.Unavailable, "observing Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	if !over {
		return "", "", false, nil
	}
	result, text = describe(job.Name, ended)
	if told := Result(job.Annotations[toldAnnotation]); told != "" {
		result = told // its pod may be gone, which said more
	}
	return result, text, true, nil
}

// find returns the Job or, where that is gone, the newest one that was made in its place;
// nil where both are gone.
func (o *Outcomes) find(ctx context.Context, claim backup.Claim, name string, since time.Time) (*batchv1.Job, error) {
	var jobs batchv1.JobList
	labels := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
	if err := o.Client.List(ctx, &jobs, client.InNamespace(claim.Namespace), labels); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing backup Jobs: %w", err)
	}
	var found *batchv1.Job
	for i := range jobs.Items {
		job := &jobs.Items[i]
		of, ours := claimOf(job)
		switch {
		case !ours || of != claim:
			continue
		case job.Name == name:
			return job, nil
		case !madeAgain(job) || job.CreationTimestamp.Time.Before(since):
			continue
		}
		if found == nil || found.CreationTimestamp.Before(&job.CreationTimestamp) {
			found = job
		}
	}
	if found != nil {
		return found, nil
	}
	job := &batchv1.Job{} // one that was just made may not be in the cache
	switch err := o.Reader.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: name}, job); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // that it is gone is no error
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "reading Job %s/%s: %w", claim.Namespace, name, err)
	}
	return job, nil
}
