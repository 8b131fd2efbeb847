package moverjob

import (
	"context"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// movedAnnotation on the Job of a fill whose deadline is near is how many bytes were
// on the volume when it was looked at.
const movedAnnotation = "soteria.dev/moved-bytes"

// longestNotice is the most that a fill is looked at before its deadline.
const longestNotice = time.Hour

// prolong moves the deadline of a fill whose bytes move: ended, it would begin from
// nothing, and take as long again. The last quarter of its time, an hour at most, is
// what shows whether they do; one that moved is given half as long again as it has run.
// A Job's deadline may be changed while it runs.
func (f Fills) prolong(ctx context.Context, job *batchv1.Job, progress driver.Progress) error {
	if job.Spec.ActiveDeadlineSeconds == nil || job.Status.StartTime == nil || progress.BytesDone <= 0 {
		return nil
	}
	deadline := time.Duration(*job.Spec.ActiveDeadlineSeconds) * time.Second
	notice := min(deadline/4, longestNotice)
	ran := f.now().Sub(job.Status.StartTime.Time)
	if deadline-ran > notice {
		return nil
	}
	changed := job.DeepCopy()
	before, err := strconv.ParseInt(job.Annotations[movedAnnotation], 10, 64)
	switch {
	case err != nil: // looked at for the first time
		if changed.Annotations == nil {
			changed.Annotations = map[string]string{}
		}
		changed.Annotations[movedAnnotation] = strconv.FormatInt(progress.BytesDone, 10)
	case progress.BytesDone <= before:
		return nil
	default:
		delete(changed.Annotations, movedAnnotation)
		changed.Spec.ActiveDeadlineSeconds = ptr.To(int64((ran + max(2*notice, ran/2)).Seconds()))
	}
	if err := f.Client.Patch(ctx, changed, client.MergeFrom(job)); client.IgnoreNotFound(err) != nil {
		return backup.Errorf(backup.Unavailable, "moving the deadline of Job %s/%s, whose fill comes further: %w", job.Namespace, job.Name, err)
	}
	return nil
}

func (f Fills) now() time.Time {
	if f.Clock == nil {
		return clock.RealClock{}.Now()
	}
	return f.Clock.Now()
}
