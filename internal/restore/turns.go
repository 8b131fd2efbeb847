package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crevent "sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
)

const (
	// homelessFor is how long no node may suit a fill's pod before it counts as waiting
	// for one, and another fill may begin.
	homelessFor = time.Minute
	// unstartedFor is how long a fill's pod may take to start, such as for its volume or
	// its image, before another fill may begin.
	unstartedFor = stall.Patience
	// askEvery is how often is looked whether a pod waits for the claim of a fill that waits
	// for its turn, and whether work under way is on nodes that are gone.
	askEvery = 30 * time.Second
	// askAgain is how often a fill that waits for its turn is looked at in full.
	askAgain = stall.Patience
	// grantedFor is how long the cache may take to show the Job of a fill whose turn
	// it is.
	grantedFor = 30 * time.Second
)

// line is where fills wait for their turn. What runs is seen in the cluster, so that the
// bound holds across restarts; only those that wait are remembered, and they ask again.
type line struct {
	mu      sync.Mutex
	waiting map[types.UID]waiter
	// granted are those whose turn it is, and when it came, until their Jobs are seen.
	granted map[types.UID]time.Time
	// idle are Jobs that were found to do no work, and lookedAt is when.
	idle     sets.Set[types.UID]
	lookedAt time.Time
	// hung are the claims whose movers run and move nothing for long.
	hung sets.Set[types.UID]
	// podsAt says of a namespace when its pods were last looked at, for all that wait.
	podsAt map[string]time.Time
}

// waiter is a claim whose fill waits for its turn.
type waiter struct {
	key   types.NamespacedName
	claim types.UID
	// failed is true where an attempt has failed, wanted while a pod waits for the claim,
	// and made is when the claim was.
	failed, wanted bool
	made           time.Time
	// since is when it began to wait, asked when it was last looked at in full, and seen
	// when it was looked at at all.
	since, asked, seen time.Time
}

// before orders fills by how much they are wanted: those first that a pod waits for, then
// the oldest claims. Those of which an attempt has failed come after all others: it may
// fail again, and again, and none may have to wait for that.
func (w waiter) before(other waiter) int {
	last := func(w waiter) int {
		switch {
		case w.failed && !w.wanted:
			return 3
		case w.failed:
			return 2
		case !w.wanted:
			return 1
		default:
			return 0
		}
	}
	return cmp.Or(cmp.Compare(last(w), last(other)), w.made.Compare(other.made), cmp.Compare(w.key.String(), other.key.String()))
}

// awaitTurn makes a fill wait while as many run as may. Its condition says so, and an
// event, once it has waited for a while.
func (r *Reconciler) awaitTurn(ctx context.Context, o *observed) (n next, waits bool, err error) {
	if r.most <= 0 || o.way.made() || o.underWay {
		return next{}, false, nil
	}
	if s := o.status(); s.RetryAt == nil && s.Attempt >= attemptOf(o.prime) {
		if begun, err := r.begun(ctx, r.client, o.claim.UID, s.Attempt); err != nil || begun {
			return next{}, false, err
		}
	}
	working, err := r.working(ctx)
	if err != nil || working.Has(o.claim.UID) { // by the Job of an earlier attempt
		return next{}, false, err
	}
	consumers, err := r.consumersOf(ctx, o)
	if err != nil || len(consumers) == 0 && placeable(o) && r.awaitConsumer(o) != "" {
		return next{}, false, err // it waits for a pod first
	}
	own := waiter{key: client.ObjectKeyFromObject(o.claim), claim: o.claim.UID, failed: o.status().RetryAt != nil, wanted: len(consumers) > 0,
		made: o.claim.CreationTimestamp.Time, since: o.now, asked: o.now, seen: o.now}
	since, granted := r.line.ask(own, r.most, working)
	if granted {
		return next{}, false, nil
	}
	o.waits(v1alpha1.PhasePreparing, v1alpha1.ConditionTransferred, reasonWaitsForTurn, r.turnMessage())
	return r.waitOn(ctx, o, since), true, nil
}

func (r *Reconciler) turnMessage() string {
	return fmt.Sprintf("as many restores run as SOTERIA_RESTORE_CONCURRENCY allows (%d); this one begins by itself when its turn comes", r.most)
}

// waitOn ends a pass of a fill that has waited for its turn since then. An event says so
// once it has for a while.
func (r *Reconciler) waitOn(ctx context.Context, o *observed, since time.Time) next {
	r.lookForIdle(ctx, o.now)
	o.planned = true
	if o.now.Sub(since) >= askEvery {
		r.events.say(o.claim, o.restore, waitsForTurn(r.turnMessage()))
	}
	return waitFor(askEvery)
}

// ask puts a claim into the line, or takes it out where it is its turn, which it is while
// fewer than the most run and no other is wanted more.
func (l *line) ask(own waiter, most int, working sets.Set[types.UID]) (since time.Time, granted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, has := l.granted[own.claim]; has {
		return time.Time{}, true
	}
	if before, waits := l.waiting[own.claim]; waits {
		own.since = before.since
	}
	if l.waiting == nil {
		l.waiting, l.granted = map[types.UID]waiter{}, map[types.UID]time.Time{}
	}
	l.waiting[own.claim] = own
	next := l.next(most, working, own.asked)
	if !slices.ContainsFunc(next, func(w waiter) bool { return w.claim == own.claim }) {
		return own.since, false
	}
	delete(l.waiting, own.claim)
	l.granted[own.claim] = own.asked
	return time.Time{}, true
}

// next returns those whose turn it is, the most wanted first. The caller holds the lock.
func (l *line) next(most int, working sets.Set[types.UID], now time.Time) []waiter {
	taken := working.Clone()
	for claim, at := range l.granted {
		if now.Sub(at) >= grantedFor || working.Has(claim) {
			delete(l.granted, claim)
			continue
		}
		taken.Insert(claim)
	}
	var all []waiter
	for _, w := range l.waiting {
		if now.Sub(w.seen) < 2*askEvery { // others have gone their way
			all = append(all, w)
		}
	}
	slices.SortFunc(all, waiter.before)
	return all[:max(0, min(most-taken.Len(), len(all)))]
}

// waits reports whether a claim is in the line and it is not its turn yet, nor time to
// look at it in full, and returns since when it waits.
func (l *line) waits(claim types.UID, most int, working sets.Set[types.UID], now time.Time) (since time.Time, waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, waiting := l.waiting[claim]
	if !waiting {
		return time.Time{}, false
	}
	w.seen = now
	l.waiting[claim] = w
	return w.since, now.Sub(w.asked) < askAgain &&
		!slices.ContainsFunc(l.next(most, working, now), func(w waiter) bool { return w.claim == claim })
}

// podsDue reports whether the pods of a namespace are to be looked at again, and takes
// it that they are.
func (l *line) podsDue(namespace string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, looked := l.podsAt[namespace]; looked && now.Sub(at) < askEvery {
		return false
	}
	maps.DeleteFunc(l.podsAt, func(_ string, at time.Time) bool { return now.Sub(at) >= askEvery })
	if l.podsAt == nil {
		l.podsAt = map[string]time.Time{}
	}
	l.podsAt[namespace] = now
	return true
}

// heed notes which claims of a namespace pods wait for, of those in the line.
func (l *line) heed(namespace string, waited sets.Set[string]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for claim, w := range l.waiting {
		if w.key.Namespace == namespace {
			w.wanted = waited.Has(w.key.Name)
			l.waiting[claim] = w
		}
	}
}

// heedPods looks now and then which of a namespace's claims pods wait for, once for all
// that wait for their turn.
func (r *Reconciler) heedPods(ctx context.Context, namespace string, now time.Time) error {
	if !r.line.podsDue(namespace, now) {
		return nil
	}
	pods, err := r.pendingPods(ctx, namespace)
	if err != nil {
		return err
	}
	waited := sets.New[string]()
	for i := range pods {
		waited.Insert(claimsOf(&pods[i])...)
	}
	r.line.heed(namespace, waited)
	return nil
}

// leave takes a claim out of the line, and gives its turn back.
func (l *line) leave(claim types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, claim)
	delete(l.granted, claim)
	l.hung.Delete(claim)
}

// hangs notes whether a claim's mover, which runs, moves nothing for long.
func (l *line) hangs(claim types.UID, hung bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !hung:
		l.hung.Delete(claim)
	case l.hung == nil:
		l.hung = sets.New(claim)
	default:
		l.hung.Insert(claim)
	}
}

// working returns the claims of which a fill works, as the caches have it. A mover that
// has ended does not, nor one that no node suits for long or that does not start for
// long, that runs and moves nothing for as long as one may take to start, or that is on a
// node that is gone.
func (r *Reconciler) working(ctx context.Context) (sets.Set[types.UID], error) {
	found := sets.New[types.UID]()
	err := r.eachFill(ctx, func(job *batchv1.Job, pods []corev1.Pod) {
		idle := r.lasts(moverjob.Homeless(job, pods), homelessFor) || r.lasts(moverjob.Unstarted(job, pods), unstartedFor) || r.line.found(job)
		if moverjob.Working(job, pods) && !idle {
			found.Insert(servedUID(job))
		}
	})
	return found, err
}

// lasts reports whether something lasts for so long since then; the zero time is never.
func (r *Reconciler) lasts(since time.Time, long time.Duration) bool {
	return !since.IsZero() && r.clock.Now().Sub(since) >= long
}

// eachFill calls do for each Job of a fill with the pods that may be its own.
func (r *Reconciler) eachFill(ctx context.Context, do func(*batchv1.Job, []corev1.Pod)) error {
	var (
		jobs  batchv1.JobList
		pods  corev1.PodList
		fills = client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleFill}
	)
	if err := r.client.List(ctx, &jobs, client.InNamespace(r.namespace), fills, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the Jobs of all fills: %w", err)
	}
	if r.cache != nil {
		if err := r.cache.List(ctx, &pods, client.InNamespace(r.namespace), fills, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list the pods of all fills: %w", err)
		}
	}
	byJob := map[string][]corev1.Pod{}
	for _, pod := range pods.Items {
		byJob[pod.Labels[batchv1.JobNameLabel]] = append(byJob[pod.Labels[batchv1.JobNameLabel]], pod)
	}
	for i := range jobs.Items {
		do(&jobs.Items[i], byJob[jobs.Items[i].Name])
	}
	return nil
}

// found reports whether a Job was found to do no work.
func (l *line) found(job *batchv1.Job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle.Has(job.UID) || l.hung.Has(servedUID(job))
}

// lookForIdle finds out, now and then while fills wait, which Jobs take a turn and do no
// work, such as those on a node that is gone. What cannot be told works.
func (r *Reconciler) lookForIdle(ctx context.Context, now time.Time) {
	r.line.mu.Lock()
	due := now.Sub(r.line.lookedAt) >= askEvery
	if due {
		r.line.lookedAt = now
	}
	r.line.mu.Unlock()
	if !due {
		return
	}
	idle := sets.New[types.UID]()
	err := r.eachFill(ctx, func(job *batchv1.Job, pods []corev1.Pod) {
		if !moverjob.Working(job, pods) {
			return
		}
		stuck, err := moverjob.Stuck(ctx, r.reader, job, now, r.startTimeout)
		if err != nil {
			logf.FromContext(ctx).Info("could not tell whether a fill works", "job", job.Name, "because", err.Error())
		}
		if stuck != "" {
			idle.Insert(job.UID)
		}
	})
	if err != nil {
		return
	}
	r.line.mu.Lock()
	defer r.line.mu.Unlock()
	r.line.idle = idle
}

// yield lets the next fill begin.
func (r *Reconciler) yield(o *observed) {
	r.line.leave(o.claim.UID)
	r.turnOver()
}

// turnOver has those looked at whose turn it is, since a fill has ended. It does not
// block.
func (r *Reconciler) turnOver() {
	if r.most <= 0 {
		return
	}
	select {
	case r.turn <- crevent.GenericEvent{Object: &v1alpha1.Restore{}}:
	default:
	}
}

// claimsNext returns the claims whose fills may begin.
func (r *Reconciler) claimsNext(ctx context.Context, _ client.Object) []reconcile.Request {
	working, err := r.working(ctx)
	if err != nil {
		logf.FromContext(ctx).Error(err, "could not find the restores that may begin; they look again by themselves")
		return nil
	}
	r.line.mu.Lock()
	defer r.line.mu.Unlock()
	var found []reconcile.Request
	for _, w := range r.line.next(r.most, working, r.clock.Now()) {
		found = append(found, requests(w.key)...)
	}
	return found
}
