package backupjob

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Result is how a backup ended, as counted and as the event's reason.
type Result string

// The results.
const (
	Succeeded Result = "succeeded"
	Partial   Result = "partial"
	Failed    Result = "failed"
)

// Observer counts how backups end, result being a [Result]. It must not block.
type Observer interface {
	BackupFinished(driver, result string)
}

// Announcer tells what came of a backup: it is counted, and becomes an event on
// its claim.
type Announcer struct {
	// Reader reads claims.
	Reader   client.Reader
	Events   events.EventRecorder
	Observer Observer
	// Ended is told of each backup that a Job took and that has ended; nil for no one. It
	// must not block.
	Ended func(End)
}

// End is how a backup ended that a Job took.
type End struct {
	Driver string
	Claim  backup.Claim
	// Job is the Job's name, and Made when that was made; Again is true for one that was
	// made in the place of another.
	Job    string
	Made   time.Time
	Again  bool
	Result Result
	Text   string
}

// Announce tells of one backup that has ended. Related is the object that took
// it, nil if there is none. That the claim is gone is no error: nobody is left to
// be told.
func (a Announcer) Announce(ctx context.Context, driver string, of backup.Claim, related runtime.Object, result Result, text string) error {
	a.Observer.BackupFinished(driver, string(result))
	if job, taken := related.(*batchv1.Job); taken && a.Ended != nil {
		a.Ended(End{Driver: driver, Claim: of, Job: job.Name, Made: job.CreationTimestamp.Time, Again: madeAgain(job), Result: result, Text: text})
	}
	kind, reason := corev1.EventTypeNormal, "BackupCompleted"
	switch result {
	case Partial:
		kind, reason = corev1.EventTypeWarning, "BackupPartial"
	case Failed:
		kind, reason = corev1.EventTypeWarning, "BackupFailed"
	case Succeeded:
	}
	return a.event(ctx, of, related, kind, reason, text)
}

func madeAgain(job *batchv1.Job) bool { return job.Annotations[v1alpha1.MadeAgainAnnotation] != "" }

// Warn reports a backup that has not ended and needs a person.
func (a Announcer) Warn(ctx context.Context, of backup.Claim, related runtime.Object, reason, text string) error {
	return a.event(ctx, of, related, corev1.EventTypeWarning, reason, text)
}

func (a Announcer) event(ctx context.Context, of backup.Claim, related runtime.Object, kind, reason, text string) error {
	claim := &corev1.PersistentVolumeClaim{}
	if err := a.Reader.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.Name}, claim); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("reading claim %s, to tell it of its backup: %w", of, err)
	}
	a.Events.Eventf(claim, related, kind, reason, "BackUp", "%s", backup.Clip(text, backup.MaxNote))
	return nil
}
