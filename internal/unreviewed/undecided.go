package unreviewed

import (
	"context"
	"log/slog"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Undecided puts an event on a claim whose backup was marked because it could not be
// told whether older backups of it exist.
type Undecided struct {
	// Reader reads claims, from a cache.
	Reader client.Reader
	Events events.EventRecorder
	Log    *slog.Logger
}

// Tell records an event of it, once for each backup that is marked.
func (u Undecided) Tell(ctx context.Context, name backup.Claim, found Finding) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := u.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, claim); err != nil {
		u.Log.Warn("a claim is not told that its backup is marked", "claim", name.String(), "error", err)
		return
	}
	note := "The backup that begins now is never restored by itself: " + found.Message +
		"; see /v1/status for the repository, and once it can be listed the next backup is an ordinary one or the claim is to be reviewed"
	u.Events.Eventf(claim, nil, corev1.EventTypeWarning, UndecidedReason, "BackUp", "%s", backup.Clip(note, backup.MaxNote))
}
