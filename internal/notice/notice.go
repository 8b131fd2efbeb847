package notice

import (
	"context"
	"log/slog"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/cycle"
)

const (
	// lookEvery is how often the Teller looks at what is wrong.
	lookEvery = time.Minute
	// repeatAfter is when a notice that still holds is told again, unless it says
	// otherwise.
	repeatAfter = time.Hour
	// quiet is how long after an event no other one follows for the same subject,
	// however often its cause changes.
	quiet = 10 * time.Minute
	// maxAction is the longest action that the API server takes in an event, in bytes.
	maxAction = 128
)

// Notice is something that is wrong and concerns no single claim.
type Notice struct {
	// Reason is the reason of the event, and Subject what it is about, such as the
	// name of a repository. There is one notice of each pair.
	Reason, Subject string
	// Cause identifies the cause: a notice whose cause changed is news, whatever else
	// of its message changes.
	Cause string
	// Message says what happened, why, and what to do.
	Message string
	// Repeat is how often it is told again while it lasts; 0 is every hour.
	Repeat time.Duration
}

type key struct{ reason, subject string }

type told struct {
	cause string
	at    time.Time
}

// Teller puts notices on one object. It is for the leader.
type Teller struct {
	// Notices returns what is wrong now. It must not wait.
	Notices func() []Notice
	// About returns the object that the events are about. It is asked until it
	// returns one.
	About  func(context.Context) (runtime.Object, error)
	Events events.EventRecorder
	Clock  clock.Clock
	Log    *slog.Logger

	about runtime.Object
	told  map[key]told
}

// NeedLeaderElection reports that the leader alone records events.
func (t *Teller) NeedLeaderElection() bool { return true }

// Start records events until ctx ends. It is controller-runtime's Runnable.
func (t *Teller) Start(ctx context.Context) error {
	cycle.Run(ctx, t.Clock, lookEvery, t.Tell)
	return nil
}

// Tell records an event for each notice that is due. It is not safe for concurrent use.
func (t *Teller) Tell(ctx context.Context) {
	now, current := t.Clock.Now(), make(map[key]Notice)
	for _, n := range t.Notices() {
		current[key{n.Reason, n.Subject}] = n
	}
	maps.DeleteFunc(t.told, func(k key, _ told) bool { _, lasts := current[k]; return !lasts })
	for k, n := range current {
		last, before := t.told[k]
		if before && !due(n, last, now) {
			continue
		}
		about, err := t.object(ctx)
		if err != nil {
			t.Log.Warn("no event reports what is wrong, since its object cannot be read", "message", n.Message, "error", err)
			return
		}
		if t.told == nil {
			t.told = make(map[key]told)
		}
		t.told[k] = told{cause: n.Cause, at: now}
		t.Events.Eventf(about, nil, corev1.EventTypeWarning, n.Reason, backup.Clip("Check "+n.Subject, maxAction), "%s", backup.Clip(n.Message, backup.MaxNote))
	}
}

// due reports whether a notice that was told before is to be told again.
func due(n Notice, last told, now time.Time) bool {
	repeat := n.Repeat
	if repeat == 0 {
		repeat = repeatAfter
	}
	age := now.Sub(last.at)
	return age >= repeat || n.Cause != last.cause && age >= quiet
}

func (t *Teller) object(ctx context.Context) (runtime.Object, error) {
	if t.about == nil {
		about, err := t.About(ctx)
		if err != nil {
			return nil, err
		}
		t.about = about
	}
	return t.about, nil
}
