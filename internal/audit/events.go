package audit

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// The reasons of the events.
const (
	Requested     = "Requested"
	RequestFailed = "RequestFailed"
)

// maxAction is the longest action that the API server takes in an event, in bytes.
const maxAction = 128

// Events writes events on claims. It is safe for concurrent use.
type Events struct {
	// Reader reads claims, from a cache: it is asked on requests.
	Reader client.Reader
	// Recorder sends events in the background.
	Recorder events.EventRecorder
}

// Record tells on a claim what was asked for, and whether it failed. That there
// is no such claim is no error: there is nothing to tell it on. The event is
// handed over and may still be lost, as all events may; the log is what lasts.
func (e Events) Record(ctx context.Context, claim backup.Claim, action, note string, failed bool) error {
	var object corev1.PersistentVolumeClaim
	if err := e.Reader.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}, &object); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("reading claim %s, to tell what was asked of it: %w", claim, err)
	}
	kind, reason := corev1.EventTypeNormal, Requested
	if failed {
		kind, reason = corev1.EventTypeWarning, RequestFailed
	}
	e.Recorder.Eventf(&object, nil, kind, reason, backup.Clip(action, maxAction), "%s", backup.Clip(note, backup.MaxNote))
	return nil
}
