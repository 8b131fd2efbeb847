package restore

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// repeatEvents is how often an event that still holds is told again: Kubernetes
// forgets events after an hour, and whoever looks later must find why a claim
// waits.
const repeatEvents = 20 * time.Minute

// announcer tells events once, and again only when they changed or are old.
type announcer struct {
	recorder events.EventRecorder
	clock    clock.PassiveClock

	mu   sync.Mutex
	last map[types.UID]announced
}

type announced struct {
	event event
	at    time.Time
}

func newAnnouncer(recorder events.EventRecorder, c clock.PassiveClock) *announcer {
	return &announcer{recorder: recorder, clock: c, last: map[types.UID]announced{}}
}

// say tells an event on the claim and, where there is one, on its Restore.
func (a *announcer) say(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, e event) {
	if a.news(claim.UID, e) {
		a.tell(claim, restore, e)
	}
}

// sayWith is say with more words in the note. They are asked for only where the event
// is told, and another event is not told because of them alone.
func (a *announcer) sayWith(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, e event, more func() string) {
	if !a.news(claim.UID, e) {
		return
	}
	if words := more(); words != "" {
		// Last, and whole: what is clipped is the reason, not what it would do.
		e.note = backup.Clip(e.note, backup.MaxNote-len(words)-len("; ")) + "; " + words
	}
	a.tell(claim, restore, e)
}

// sayFirst tells an event only where nothing was told of the claim yet.
func (a *announcer) sayFirst(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, e event) {
	a.mu.Lock()
	_, told := a.last[claim.UID]
	a.mu.Unlock()
	if !told {
		a.say(claim, restore, e)
	}
}

func (a *announcer) tell(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, e event) {
	// Kubernetes takes no longer one, and a backup system's words may be of any length.
	note := backup.Clip(e.note, backup.MaxNote)
	if restore == nil {
		a.recorder.Eventf(claim, nil, e.kind, e.reason, e.action, "%s", note)
		return
	}
	a.recorder.Eventf(claim, restore, e.kind, e.reason, e.action, "%s", note)
	a.recorder.Eventf(restore, claim, e.kind, e.reason, e.action, "%s", note)
}

func (a *announcer) news(claim types.UID, e event) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if last, told := a.last[claim]; told && last.event == e && now.Sub(last.at) < repeatEvents {
		return false
	}
	a.last[claim] = announced{event: e, at: now}
	return true
}

// forget drops what was told about a claim that is finished or gone.
func (a *announcer) forget(claim types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.last, claim)
}
