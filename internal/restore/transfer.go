package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// transfer has the driver fill the prime or make the volume, again and again
// until an attempt is done. Another backup is chosen between two attempts alone, see
// [Reconciler.repin].
func (r *Reconciler) transfer(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() || isFilled(o.prime) && !o.way.made() {
		return proceed, nil
	}
	if o.status().RetryAt != nil && !marksItsVolume(o.prime) && !o.way.made() {
		return r.startOver(ctx, o, "the prime was filled by a version of Soteria that did not mark what it wrote")
	}
	if r.startsUnseen(o) {
		return r.observeFill(o, driver.FillState{Phase: driver.FillDone}), nil
	}
	if n, err := r.awaitAttempt(ctx, o); err != nil || !n.settled {
		return n, err
	}
	if err := r.record(ctx, o); err != nil {
		return next{}, err
	}
	move := r.fill
	if o.way.made() {
		move = r.restoreVolume
	}
	state, err := move(ctx, o)
	if err != nil {
		return next{}, err
	}
	r.killPoint(ctx, o.claim, KillFillStarted)
	if ended := state.Phase == driver.FillDone || state.Phase == driver.FillFailed; ended && o.underWay {
		return waitFor(atOnce), nil // with all that was not read
	}
	return r.heedFill(ctx, o, state)
}

// awaitAttempt waits until the next attempt is due and it is its turn, or goes on with
// the one that is under way. A claim that starts empty waits for no turn: nothing is moved
// for it.
func (r *Reconciler) awaitAttempt(ctx context.Context, o *observed) (next, error) {
	if retry := o.status().RetryAt; !o.status().Empty && (retry == nil || !retry.After(o.now)) {
		if n, waits, err := r.awaitTurn(ctx, o); err != nil || waits {
			return n, err
		}
	}
	if wait := r.nextAttempt(o); wait > 0 {
		return waitFor(wait), nil
	}
	return proceed, nil
}

// heedFill records what was seen of the fill, and first what it found on the volume.
// What one that is done found is noted with that it is ([Reconciler.markFilled]).
func (r *Reconciler) heedFill(ctx context.Context, o *observed, state driver.FillState) (next, error) {
	if o.way.made() || state.Phase == driver.FillDone {
		return r.observeFill(o, state), nil
	}
	foreign, err := r.heedPrime(ctx, o.prime, state.Finding)
	if err != nil {
		return next{}, err
	}
	if foreign != nil {
		return r.attemptFailed(o, v1alpha1.ConditionTransferred, reasonNotEmpty, ResultFailed, notEmpty(foreign, o.way.class, state.Message)), nil
	}
	return r.observeFill(o, state), nil
}

// fill has the driver fill the prime, once it is known where. Claims of one
// namespace take turns where that is to be found out: those of one pod follow each
// other.
func (r *Reconciler) fill(ctx context.Context, o *observed) (driver.FillState, error) {
	if placeable(o) {
		defer r.placing.take(o.claim.Namespace)()
	}
	request, wait, err := r.fillRequest(ctx, o)
	if wait != "" {
		r.yield(o)
	}
	if err != nil || wait != "" {
		return driver.FillState{Message: wait}, err
	}
	state, err := o.way.filler.Fill(ctx, request)
	if err != nil {
		r.yield(o) // others may not wait for what cannot be begun now
		return driver.FillState{}, fmt.Errorf("fill the prime with attempt %d: %w", request.Attempt, err)
	}
	return state, nil
}

// restoreVolume has the backup system make the volume. It is asked also when the
// volume was found done before: only what is there now can be handed over.
func (r *Reconciler) restoreVolume(ctx context.Context, o *observed) (driver.FillState, error) {
	s := o.status()
	state, err := o.way.maker.MakeVolume(ctx, driver.VolumeRequest{Target: o.claim, Class: o.way.class, Attempt: s.Attempt, Backup: unpin(s.Backup)})
	if err != nil {
		return driver.FillState{}, fmt.Errorf("restore the volume with attempt %d: %w", s.Attempt, err)
	}
	o.made = state.Volume
	if len(state.Warnings) > 0 {
		r.events.say(o.claim, o.restore, differs(o.way.class.Name, state.Warnings))
	}
	return state.FillState, nil
}

func isFilled(prime *corev1.PersistentVolumeClaim) bool {
	return prime.Annotations[v1alpha1.FilledAnnotation] != ""
}

// nextAttempt moves the record on to the attempt that is due: the first of a
// prime that is new, or the one after a failure whose time has come. It gives
// how long to wait when none is due yet.
func (r *Reconciler) nextAttempt(o *observed) time.Duration {
	s := o.status()
	switch first := attemptOf(o.prime); {
	case s.Attempt < first:
		s.Attempt = first
	case s.RetryAt == nil:
		return 0
	case s.RetryAt.After(o.now):
		return s.RetryAt.Sub(o.now)
	default:
		s.Attempt++
	}
	s.RetryAt, s.Progress = nil, nil
	o.waits(v1alpha1.PhaseTransferring, v1alpha1.ConditionTransferred, reasonPreparing, fmt.Sprintf("attempt %d waits to start", s.Attempt))
	return 0
}

// fillRequest says what to fill and with what, or what there is to wait for before
// that can be said. The placement matters until the
// pod of the attempt exists, and is looked for only until then.
func (r *Reconciler) fillRequest(ctx context.Context, o *observed) (request driver.FillRequest, wait string, err error) {
	s := o.status()
	request = driver.FillRequest{
		Claim:       backup.Claim{Namespace: o.claim.Namespace, Name: o.claim.Name},
		ClaimUID:    o.claim.UID,
		Attempt:     s.Attempt,
		Backup:      unpin(s.Backup),
		Prime:       o.prime.Name,
		PrimeUID:    o.prime.UID,
		Block:       isBlock(o.claim),
		Root:        rootSettled(o.claim),
		CheckRoom:   looksForRoom(o),
		Annotations: o.claim.Annotations,
	}
	if o.isRunning() {
		return request, "", nil
	}
	request.Placement, wait, err = r.placement(ctx, o)
	return request, wait, err
}

// isRunning reports whether the record says that the mover of the attempt runs.
func (o *observed) isRunning() bool {
	c := meta.FindStatusCondition(o.status().Conditions, v1alpha1.ConditionTransferred)
	return c != nil && c.Reason == reasonRunning
}

// observeFill records what was seen of the fill.
func (r *Reconciler) observeFill(o *observed, state driver.FillState) next {
	s := o.status()
	switch state.Phase {
	case driver.FillDone:
		r.yield(o)
		s.Progress = progressOf(s.Progress, state.Progress)
		o.fill = state
		return proceed
	case driver.FillFailed:
		r.yield(o)
		if state.Partial {
			return r.attemptFailed(o, v1alpha1.ConditionTransferred, reasonTransferPartial, ResultPartial, state.Message)
		}
		return r.attemptFailed(o, v1alpha1.ConditionTransferred, reasonTransferFailed, ResultFailed, state.Message)
	case driver.FillRunning:
		r.watchdog.moves(o, state.Progress)
		r.line.hangs(o.claim.UID, running(state, o.now) >= r.startTimeout && o.now.Sub(r.watchdog.since(o)) >= r.startTimeout)
		s.Progress = progressOf(s.Progress, state.Progress)
		o.waits(v1alpha1.PhaseTransferring, v1alpha1.ConditionTransferred, reasonRunning, fmt.Sprintf("attempt %d is under way", s.Attempt))
		if s.Progress.Summary != "" {
			s.Message = s.Progress.Summary + " restored"
		}
		if state.Message != "" {
			s.Message += ": " + backup.Clip(state.Message, maxWords)
		}
		return waitFor(watchDelay(running(state, o.now)))
	case driver.FillPending:
		if state.Progress != (driver.Progress{}) {
			r.watchdog.moves(o, state.Progress)
		}
	}
	message := fmt.Sprintf("attempt %d waits to start", s.Attempt)
	if state.Message != "" {
		message += ": " + backup.Clip(state.Message, maxWords)
	}
	reason, delay := reasonPreparing, r.patient(o)
	if o.planned {
		reason, delay = reasonWaitsForPod, consumerDelay(o.now.Sub(o.claim.CreationTimestamp.Time))
	}
	if o.way.made() {
		delay = watchDelay(o.took()) // not watched
	}
	o.waits(v1alpha1.PhaseTransferring, v1alpha1.ConditionTransferred, reason, message)
	return waitFor(delay)
}

// startsUnseen reports whether a claim that starts empty is handed its new volume without
// a look at it: the volume is there and was made for the prime, none of this prime's attempts
// has begun, nothing was found on it, and the operator says that its provisioner makes
// empty ones.
func (r *Reconciler) startsUnseen(o *observed) bool {
	s := o.status()
	return s.Empty && s.Backup == nil && s.RetryAt == nil && s.Attempt < attemptOf(o.prime) &&
		o.primeVolume != nil && newFor(o.primeVolume, o.prime) && o.primeVolume.Annotations[v1alpha1.ForeignDataAnnotation] == "" && !late(o.way.class) &&
		o.primeVolume.Annotations[provisionedByAnnotation] == o.way.class.Provisioner && slices.Contains(r.empties, o.way.class.Provisioner)
}

// newFor reports whether a volume was made after the prime was. An older one was made for
// another claim: Kubernetes binds any claim to a volume of its class that is free, such as
// one that was retained and whose claimRef a person removed, and that holds data.
func newFor(volume *corev1.PersistentVolume, prime *corev1.PersistentVolumeClaim) bool {
	return !prime.CreationTimestamp.IsZero() && !volume.CreationTimestamp.Time.Before(prime.CreationTimestamp.Time)
}

func running(state driver.FillState, now time.Time) time.Duration {
	if state.StartedAt.IsZero() {
		return 0
	}
	return now.Sub(state.StartedAt)
}

// attemptFailed plans the next attempt. The plan is in the record, so that a
// failure counts once, whoever looks at it next.
func (r *Reconciler) attemptFailed(o *observed, condition, reason, result, words string) next {
	s := o.status()
	delay := retryDelay(s.Attempt, r.jitter())
	at := metav1.NewTime(o.now.Add(delay))
	s.RetryAt = &at
	o.waits(v1alpha1.PhaseTransferring, condition, reason, failure(s.Attempt, words, at.Time))
	r.events.say(o.claim, o.restore, failed(reason, s.Attempt, words, at.Time))
	r.observer.Attempted(driverName(s), result)
	return waitFor(delay)
}

func driverName(s *v1alpha1.RestoreStatus) string {
	if s.Backup == nil {
		return BlankDriver
	}
	return s.Backup.Driver
}

// release removes what any driver left of fills of this claim: the record that
// names the driver may be gone.
func (r *Reconciler) release(ctx context.Context, claim types.UID) (gone bool, err error) {
	gone = true
	for _, filler := range r.releasers {
		released, err := filler.Release(ctx, claim)
		if err != nil {
			return false, fmt.Errorf("remove what fills of claim %s left: %w", claim, err)
		}
		gone = gone && released
	}
	return gone, nil
}

// releasers are the fillers to ask for what is left of fills: all, but one alone of those
// that release the same.
func releasers(fillers map[string]driver.Filler, blank driver.Filler) []driver.Filler {
	var all []driver.Filler
	asked := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(fillers)) {
		all = append(all, fillers[name])
	}
	return slices.DeleteFunc(append(all, blank), func(filler driver.Filler) bool {
		common, ok := filler.(driver.CommonFiller)
		if !ok {
			return false
		}
		again := asked[common.Releases()]
		asked[common.Releases()] = true
		return again
	})
}
