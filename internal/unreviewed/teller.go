package unreviewed

import (
	"context"
	"log/slog"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/cycle"
)

// EventReason is the reason of the event on an unreviewed claim, and UndecidedReason
// of the one on a claim of which it could not be told whether it is.
const (
	EventReason     = "DataUnreviewed"
	UndecidedReason = "DataReviewUndecided"
)

const (
	tellEvery = time.Minute
	// repeatAfter is how often a claim is told of again: Kubernetes forgets events
	// after an hour.
	repeatAfter = time.Hour
)

// Teller puts a Warning event on each unreviewed claim, again each hour. It is for
// the leader.
type Teller struct {
	// Claims returns the unreviewed claims with what is to be told of each. It must
	// not wait.
	Claims func() map[backup.Claim]string
	// Reader reads claims, from a cache.
	Reader client.Reader
	Events events.EventRecorder
	Clock  clock.Clock
	Log    *slog.Logger

	told map[backup.Claim]time.Time
}

// NeedLeaderElection tells controller-runtime that the leader alone tells.
func (t *Teller) NeedLeaderElection() bool { return true }

// Start tells until ctx ends. It is controller-runtime's Runnable.
func (t *Teller) Start(ctx context.Context) error {
	cycle.Run(ctx, t.Clock, tellEvery, t.Tell)
	return nil
}

// Tell reports the claims that are due to be told of. It is not safe for
// concurrent use.
func (t *Teller) Tell(ctx context.Context) {
	now := t.Clock.Now()
	claims := t.Claims()
	if t.told == nil {
		t.told = map[backup.Claim]time.Time{}
	}
	maps.DeleteFunc(t.told, func(claim backup.Claim, _ time.Time) bool { return claims[claim] == "" })
	for name, message := range claims {
		if at, told := t.told[name]; told && now.Sub(at) < repeatAfter {
			continue
		}
		claim := &corev1.PersistentVolumeClaim{}
		if err := t.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, claim); err != nil {
			if client.IgnoreNotFound(err) != nil {
				t.Log.Warn("a claim is not told that its data is to be reviewed", "claim", name.String(), "error", err)
			}
			continue
		}
		t.told[name] = now
		t.Events.Eventf(claim, nil, corev1.EventTypeWarning, EventReason, "Review", "%s", backup.Clip(message, backup.MaxNote))
	}
}
