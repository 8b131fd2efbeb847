package restore

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/stall"
)

const (
	// inspectEvery is how often a wait that lasts too long is looked into, at first, and
	// inspectSeldom once it has lasted for long.
	inspectEvery  = 30 * time.Second
	inspectSeldom = 5 * time.Minute
	// noteEvery is how often progress of moving bytes is recorded.
	noteEvery = time.Minute
	// proveEvery is how often it is proved that the backup of an attempt that does not
	// begin is still there, which costs a listing.
	proveEvery = 5 * time.Minute
	// relapse is how soon a restore that came further may stall again without being
	// told of the same once more.
	relapse = 10 * time.Minute
	// slowest is a rate, in bytes per second, at which a volume that a backup system
	// makes still comes further: it counts in percent, and one of a large volume takes
	// longer than [stall.Patience].
	slowest = 10 << 20
)

// watchdog remembers of each claim what it saw last, so that it neither looks nor
// tells too often. It loses nothing with its process: when a restore last came
// further is in its record.
type watchdog struct {
	events *announcer
	clock  clock.PassiveClock

	mu    sync.Mutex
	marks map[types.UID]*mark
}

// mark is what the watchdog last saw of one claim.
type mark struct {
	// attempt and moved are how far the transfer was, and movedAt since when.
	attempt int32
	moved   int64
	movedAt time.Time
	// inspected is when the cause of a stall was last looked for.
	inspected time.Time
	// proved is when it was last proved that the pinned backup is there.
	proved time.Time
	// told is the stall that was told, and recoveredAt since when things move again.
	told        stall.Told
	recoveredAt time.Time
	// removal is what a removal waits for, and removalAt since when.
	removal   string
	removalAt time.Time
}

func newWatchdog(recorder events.EventRecorder, c clock.PassiveClock) *watchdog {
	return &watchdog{events: newAnnouncer(recorder, c), clock: c, marks: map[types.UID]*mark{}}
}

// of returns the mark of a claim. The caller holds the lock.
func (w *watchdog) of(claim types.UID) *mark {
	m, known := w.marks[claim]
	if !known {
		m = &mark{}
		w.marks[claim] = m
	}
	return m
}

// forget drops what was seen of a claim that is finished or gone.
func (w *watchdog) forget(claim types.UID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.marks, claim)
}

// moves notes how far a transfer is. Counts are compared with what this process saw
// before or, after a restart, with what the record says, which is coarser.
func (w *watchdog) moves(o *observed, p driver.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, m := o.status(), w.of(o.claim.UID)
	first := m.attempt != s.Attempt
	if first {
		m.attempt, m.moved, m.movedAt = s.Attempt, 0, time.Time{}
		if s.Progress != nil {
			m.moved = s.Progress.BytesDone + s.Progress.FilesDone
		}
	}
	now := p.BytesDone + p.FilesDone + p.Worked
	before := m.moved
	if now == 0 || now == before {
		return // not told this time, or the same
	}
	m.moved = now
	if first && now < before {
		return // the record may be of an earlier pod
	}
	// Less than before is progress, too, of a pod that took the place of an evicted one.
	m.movedAt = o.now
	if o.isStalled() || s.ProgressedAt == nil || o.now.Sub(s.ProgressedAt.Time) >= noteEvery {
		o.progressed()
	}
}

// since says when a restore was last seen to come further.
func (w *watchdog) since(o *observed) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := o.claim.CreationTimestamp.Time
	if at := o.status().ProgressedAt; at != nil {
		since = at.Time
	}
	if m := w.of(o.claim.UID); m.attempt == o.status().Attempt && m.movedAt.After(since) {
		return m.movedAt
	}
	return since
}

// patience is how long a restore may take to come further before it counts as stalled.
func (o *observed) patience() time.Duration {
	const steps = 100
	patience := stall.Patience
	if p := o.status().Progress; p != nil && o.way.made() && o.status().Phase == v1alpha1.PhaseTransferring {
		patience += time.Duration(p.BytesTotal/steps/slowest) * time.Second
	}
	return patience
}

// due reports whether it is time to look into the wait of a claim, which has lasted since
// then.
func (w *watchdog) due(claim types.UID, since time.Time) bool {
	const share = 20 // of the wait until the next look
	w.mu.Lock()
	defer w.mu.Unlock()
	m, now := w.of(claim), w.clock.Now()
	every := min(max(now.Sub(since)/share, inspectEvery), inspectSeldom)
	if !m.inspected.IsZero() && now.Sub(m.inspected) < every {
		return false
	}
	m.inspected = now
	return true
}

// mayProve reports whether it is time to prove again that a claim's pinned backup is
// still there.
func (w *watchdog) mayProve(claim types.UID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, now := w.of(claim), w.clock.Now()
	if !m.proved.IsZero() && now.Sub(m.proved) < proveEvery {
		return false
	}
	m.proved = now
	return true
}

// news reports whether a stall is to be told: once, when it changes, and again when
// it is old. known is true where the record says that this cause was told already,
// perhaps by another process.
func (w *watchdog) news(claim types.UID, found stall.Stall, known bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, now := w.of(claim), w.clock.Now()
	before := m.told
	if before.At.IsZero() && known {
		before = stall.Told{Stall: found, At: now}
	}
	var news bool
	m.recoveredAt = time.Time{}
	m.told, news = before.News(found, now, repeatEvents)
	return news
}

// recovered notes that a claim comes further. What was told of it is dropped once it has
// for a while.
func (w *watchdog) recovered(claim types.UID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, now := w.of(claim), w.clock.Now()
	switch {
	case m.told.At.IsZero():
	case m.recoveredAt.IsZero():
		m.recoveredAt = now
	case now.Sub(m.recoveredAt) >= relapse:
		m.told, m.recoveredAt = stall.Told{}, time.Time{}
	}
}

// removes notes what a removal waits for and returns since when.
func (w *watchdog) removes(claim types.UID, what string) (since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.of(claim)
	if m.removal != what {
		m.removal, m.removalAt = what, w.clock.Now()
	}
	return m.removalAt
}

// noteProgress records that the restore came further, if the record that is about to
// be written says so.
func (o *observed) noteProgress() {
	s := o.status()
	if s.ProgressedAt == nil && s.Phase != v1alpha1.PhaseCompleted || step(&o.stored.Status) != step(s) {
		o.progressed()
	}
}

// progressed records that the restore comes further.
func (o *observed) progressed() {
	at := metav1.NewTime(o.now)
	o.status().ProgressedAt = &at
	if o.isStalled() {
		o.setCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, reasonProgressing, "it comes further again")
	}
}

func (o *observed) isStalled() bool {
	return meta.IsStatusConditionTrue(o.status().Conditions, v1alpha1.ConditionStalled)
}

// step identifies how far a restore is. While data is transferred the message has
// the changing words of others, and counts for nothing.
func step(s *v1alpha1.RestoreStatus) string {
	message, pinned := s.Message, ""
	if s.Phase == v1alpha1.PhaseTransferring {
		message = ""
	}
	if s.Backup != nil {
		pinned = s.Backup.Driver + "/" + s.Backup.ID
	}
	key := fmt.Sprintf("%s %d %s %t %t %q", s.Phase, s.Attempt, pinned, s.Empty, s.RetryAt == nil, message)
	for _, c := range s.Conditions {
		if c.Type != v1alpha1.ConditionStalled {
			key += fmt.Sprintf(" %s=%s/%s", c.Type, c.Status, c.Reason)
		}
	}
	return key
}

// mayStall reports whether the phase is one whose waits are not told otherwise: a
// claim that waits for its backup to be settled is told why at once.
func mayStall(s *v1alpha1.RestoreStatus) bool {
	switch s.Phase {
	case v1alpha1.PhasePreparing, v1alpha1.PhaseTransferring, v1alpha1.PhaseVerifying, v1alpha1.PhaseHandingOver:
		return true
	case v1alpha1.PhaseSelecting, v1alpha1.PhaseCompleted:
	}
	return false
}
