package restore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	crevent "sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/stall"
)

// Catalog says which backups exist.
type Catalog interface {
	// Prove answers from a listing that began after the call, or within the
	// freshness window before it, whatever is known already. It waits for that
	// listing as long as ctx lasts; concurrent calls share one. It has no side
	// effects and may be repeated at will; what it could not prove is Unknown.
	Prove(ctx context.Context, claim backup.Claim) backup.Answer
	// ProveBackup is Prove for a wish that names a backup by its id, or the beginning
	// of it: where a system is known to have it, the others are not waited for, and
	// which backup is the newest is in doubt.
	ProveBackup(ctx context.Context, claim backup.Claim, id string) backup.Answer
	// Last answers from what is known, without waiting. It proves nothing.
	Last(claim backup.Claim) backup.Answer
}

// Facts gathers what a verdict on a claim depends on, but for the catalog's
// answer. The Restore is the one that the claim refers to. It may be repeated at
// will; an error means that the facts could not be read now.
type Facts func(ctx context.Context, claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore) (decision.Facts, error)

// Observer is told what restores do, for metrics. Calls must not block.
type Observer interface {
	// Attempted is called once an attempt to fill a prime has ended. The driver
	// is [BlankDriver] for claims that start empty, the result one of the Result
	// constants. After a crash an attempt may be told twice.
	Attempted(driver, result string)
	// Completed is called when a claim has its volume; took counts from the
	// first look at the claim.
	Completed(driver string, took time.Duration)
}

// BlankDriver stands for the driver where a claim starts empty.
const BlankDriver = "blank"

// Results of attempts.
const (
	ResultFilled  = "filled"
	ResultFailed  = "failed"
	ResultPartial = "partial"
)

// Config is what the controller works with. All fields without a default are
// required.
type Config struct {
	// Namespace is Soteria's own, where primes are made.
	Namespace string
	// Client reads through the manager's cache and writes.
	Client client.Client
	// Reader reads from the API server itself.
	Reader client.Reader
	// Cache holds the pods of Soteria's Jobs in its own namespace, as they were moments
	// ago; nil does without.
	Cache client.Reader

	Facts   Facts
	Catalog Catalog
	// Fillers are the drivers that fill primes, by name, and Makers those that
	// make volumes; a driver may be both.
	Fillers map[string]driver.Filler
	Makers  map[string]driver.VolumeMaker
	// Blank makes an empty volume usable: it fills a prime with nothing.
	Blank driver.Filler

	Events events.EventRecorder
	// Observer defaults to nobody.
	Observer Observer
	// Clock defaults to the real one.
	Clock clock.PassiveClock
	// Jitter gives numbers in [0,1) and defaults to random ones.
	Jitter func() float64
	// Concurrency is how many claims are worked on at once; by default 32, since
	// claims mostly wait for listings that they share.
	Concurrency int
	// Fills is how many primes may be filled at once; the others wait for their turn, the
	// most wanted first. 0 is as many as there are.
	Fills int
	// EmptyProvisioners are those that an operator says make empty volumes: a claim that
	// starts empty in a class of theirs which binds at once needs no Job that looks.
	EmptyProvisioners []string
	// ListingTimeout bounds one question to the catalog; by default 2 minutes.
	ListingTimeout time.Duration
	// Silence is how long a question to the catalog may take before the claim's
	// people are told of it; by default 10 seconds.
	Silence time.Duration
	// ConsumerWait is how long after a claim was created, in a class that waits for
	// the first consumer, its restore waits for a pod that uses it; 0 is not at all.
	ConsumerWait time.Duration
	// StartTimeout is how long an attempt may take to start before the next one begins;
	// by default 10 minutes.
	StartTimeout time.Duration
	// Waiting says how many claims wait for the same doubt, in words that follow it,
	// "" where that is not known. It must not wait. Nil says nothing.
	Waiting func(ctx context.Context, doubt error) string
}

// Reconciler gives locked claims their data back, one pass at a time. It is safe
// for concurrent use by passes of different claims.
type Reconciler struct {
	namespace      string
	client         client.Client
	reader         client.Reader
	cache          client.Reader
	facts          Facts
	catalog        Catalog
	fillers        map[string]driver.Filler
	releasers      []driver.Filler
	makers         map[string]driver.VolumeMaker
	blank          driver.Filler
	events         *announcer
	observer       Observer
	clock          clock.PassiveClock
	jitter         func() float64
	concurrency    int
	listingTimeout time.Duration
	silence        time.Duration
	consumerWait   time.Duration
	startTimeout   time.Duration
	waiting        func(ctx context.Context, doubt error) string
	watchdog       *watchdog
	memory         memory
	most           int
	line           line
	empties        []string
	placing        turns
	phases         []phase
	// woken holds a word while claims that wait for their backup to be settled
	// are to be looked at again.
	woken chan crevent.GenericEvent
	// turn holds a word while fills that wait for their turn are to be looked at again.
	turn chan crevent.GenericEvent
}

// phase takes a restore one step further and says how to go on.
type phase func(ctx context.Context, o *observed) (next, error)

// next is how a pass goes on after a phase: to the following one when settled,
// else it ends and looks again after a while, or when something changes.
type next struct {
	settled bool
	after   time.Duration
}

var proceed = next{settled: true}

func waitFor(d time.Duration) next { return next{after: d} }

// New makes the controller.
func New(c Config) *Reconciler {
	const (
		concurrency    = 32
		listingTimeout = 2 * time.Minute
		silence        = 10 * time.Second
		startTimeout   = 10 * time.Minute
	)
	r := &Reconciler{
		namespace: c.Namespace, client: c.Client, reader: c.Reader, cache: c.Cache,
		facts: c.Facts, catalog: c.Catalog, fillers: c.Fillers, releasers: releasers(c.Fillers, c.Blank), makers: c.Makers, blank: c.Blank,
		observer: c.Observer, clock: c.Clock, jitter: c.Jitter,
		concurrency: c.Concurrency, listingTimeout: c.ListingTimeout, silence: c.Silence, consumerWait: c.ConsumerWait, startTimeout: c.StartTimeout, waiting: c.Waiting,
		most: c.Fills, empties: c.EmptyProvisioners,
		woken: make(chan crevent.GenericEvent, 1), turn: make(chan crevent.GenericEvent, 1),
	}
	if r.observer == nil {
		r.observer = nobody{}
	}
	if r.clock == nil {
		r.clock = clock.RealClock{}
	}
	if r.jitter == nil {
		r.jitter = rand.Float64 // #nosec G404 -- spreads load, guards nothing
	}
	if r.concurrency <= 0 {
		r.concurrency = concurrency
	}
	if r.listingTimeout <= 0 {
		r.listingTimeout = listingTimeout
	}
	if r.silence <= 0 {
		r.silence = silence
	}
	if r.startTimeout <= 0 {
		r.startTimeout = startTimeout
	}
	r.events = newAnnouncer(c.Events, r.clock)
	r.watchdog = newWatchdog(c.Events, r.clock)
	r.phases = []phase{r.adopt, r.free, r.repin, r.selectBackup, r.prepare, r.transfer, r.verify, r.handOver}
	return r
}

type nobody struct{}

func (nobody) Attempted(string, string)        {}
func (nobody) Completed(string, time.Duration) {}

// Reconcile makes one pass over a claim.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	const afterConflict = 100 * time.Millisecond
	again, err := r.pass(ctx, req.NamespacedName)
	if apierrors.IsConflict(err) {
		logf.FromContext(ctx).V(1).Info("something changed underway, looking again", "reason", err.Error())
		return reconcile.Result{RequeueAfter: afterConflict}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// pass looks at one claim name: at what earlier claims of that name left behind,
// then at the claim itself.
func (r *Reconciler) pass(ctx context.Context, key types.NamespacedName) (again time.Duration, err error) {
	claim, err := r.lockedClaim(ctx, key)
	if err != nil {
		return 0, err
	}
	again, err = r.cancel(ctx, key, claim)
	if err != nil || claim == nil {
		return again, err
	}
	done, err := r.settled(ctx, claim)
	if err != nil || done {
		return again, err
	}
	after, err := r.advance(ctx, claim)
	return soonest(again, after), err
}

// lockedClaim reads the claim; nil unless it is locked and there to stay. A
// claim that is being deleted before it got its volume counts as gone: deletion
// cannot be taken back.
func (r *Reconciler) lockedClaim(ctx context.Context, key types.NamespacedName) (*corev1.PersistentVolumeClaim, error) {
	claim, err := find(ctx, r.client, key, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil || doomed(claim) {
		return nil, err
	}
	if _, _, locked := kube.LockOf(claim); !locked {
		return nil, nil //nolint:nilnil // no locked claim is an ordinary finding
	}
	return claim, nil
}

func doomed(claim *corev1.PersistentVolumeClaim) bool {
	return !claim.DeletionTimestamp.IsZero() && !bound(claim)
}

// settled reports, from caches alone, that a claim needs no pass: it has its
// volume, nothing of the restore is left, and the record says so or is gone.
func (r *Reconciler) settled(ctx context.Context, claim *corev1.PersistentVolumeClaim) (bool, error) {
	if !bound(claim) {
		return false, nil
	}
	left, err := r.leftovers(ctx, client.ObjectKeyFromObject(claim))
	if err != nil || left.working(claim.UID) {
		return false, err
	}
	_, name, _ := kube.LockOf(claim)
	record, err := find(ctx, r.client, types.NamespacedName{Namespace: claim.Namespace, Name: name}, &v1alpha1.Restore{})
	if err != nil {
		return false, err
	}
	unfinished := record != nil && record.Status.Claim != nil && record.Status.Claim.UID == claim.UID && record.Status.Phase != v1alpha1.PhaseCompleted
	return !unfinished, nil
}

// advance runs the phases until one has to wait.
func (r *Reconciler) advance(ctx context.Context, claim *corev1.PersistentVolumeClaim) (time.Duration, error) {
	o, err := r.observe(ctx, claim)
	if err != nil {
		return 0, err
	}
	if o.over() {
		return 0, nil
	}
	n, err := r.run(ctx, o)
	if err == nil && !n.settled {
		n, err = r.watch(ctx, o, n)
	}
	if err != nil && !apierrors.IsConflict(err) {
		r.stalls(o, err)
	}
	return n.after, errors.Join(err, r.record(ctx, o))
}

// run takes the restore as far as it goes.
func (r *Reconciler) run(ctx context.Context, o *observed) (n next, err error) {
	o.adopted = o.inLine || o.leaving != ""
	if o.inLine {
		return r.waitOn(ctx, o, o.inLineSince), nil
	}
	if o.leaving != "" {
		o.handsOver(o.leaving)
		return waitFor(r.patient(o)), nil
	}
	for _, run := range r.phases {
		if n, err = run(ctx, o); err != nil || !n.settled {
			break
		}
	}
	return n, err
}

// stalls tells people of an error that stopped a pass.
func (r *Reconciler) stalls(o *observed, err error) {
	message := backup.Clip(backup.Message(err), maxWords) + "; retried by itself"
	if remedy := stall.RemedyOf(err, r.namespace); remedy != "" {
		message += "; " + remedy
	}
	if o.adopted {
		o.status().Message = message
		if mayStall(o.status()) && o.now.Sub(r.watchdog.since(o)) >= stall.Patience {
			o.setCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, string(stall.CauseOf(err)), message)
		}
	}
	r.events.say(o.claim, o.restore, obstructed(reasonError, message))
}

// obstruct says that a phase waits until somebody removes what is in its way.
func (r *Reconciler) obstruct(o *observed, phase v1alpha1.Phase, condition, reason, message string) next {
	o.waits(phase, condition, reason, message)
	o.told = true
	r.events.say(o.claim, o.restore, obstructed(reason, message))
	return waitFor(slow)
}

// soonest gives the shorter of two delays, of which 0 means none.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// SetupWithManager registers the controller, to run on the leader alone. It
// starts a pass for a claim whenever the claim, its Restore, or anything that
// Soteria made for it changes; at start that is once for all there are, so that
// whatever a crash left behind is found.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr manager.Manager) error {
	for _, index := range Indexes(r.namespace) {
		if err := mgr.GetFieldIndexer().IndexField(ctx, index.Object, index.Field, index.Extract); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.Object, index.Field, err)
		}
	}
	const soonestError, latestError = time.Second, time.Minute
	b := builder.ControllerManagedBy(mgr).
		Named("restore").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](soonestError, latestError),
		}).
		WatchesRawSource(source.Channel(r.woken, handler.EnqueueRequestsFromMapFunc(r.claimsUnsettled))).
		WatchesRawSource(source.Channel(r.turn, handler.EnqueueRequestsFromMapFunc(r.claimsNext)))
	for _, w := range r.watches(ctx) {
		b = b.Watches(w.object, handler.EnqueueRequestsFromMapFunc(w.claims), builder.WithPredicates(w.matters))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("set up the restore controller: %w", err)
	}
	return nil
}

// Wake has every claim looked at again whose backup is not settled, because more
// may be known of backups now. It does not block, and may be called on any
// replica at any time; only the leader looks.
func (r *Reconciler) Wake() {
	select {
	case r.woken <- crevent.GenericEvent{Object: &v1alpha1.Restore{}}:
	default:
	}
}

// claimsUnsettled gives all claims whose backup is not settled.
func (r *Reconciler) claimsUnsettled(ctx context.Context, _ client.Object) []reconcile.Request {
	var restores v1alpha1.RestoreList
	if err := r.client.List(ctx, &restores, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "could not find the claims that wait; they look again by themselves")
		return nil
	}
	var found []reconcile.Request
	for i := range restores.Items {
		if status := &restores.Items[i].Status; status.Phase == v1alpha1.PhaseSelecting && status.Claim != nil {
			found = append(found, requests(types.NamespacedName{Namespace: restores.Items[i].Namespace, Name: status.Claim.Name})...)
		}
	}
	return found
}

// claimsOfClaim maps a prime to the claim it serves and a locked claim to itself.
func claimsOfClaim(ctx context.Context, obj client.Object) []reconcile.Request {
	if obj.GetLabels()[v1alpha1.RoleLabel] == v1alpha1.RolePrime {
		return claimServed(ctx, obj)
	}
	if claim, ok := obj.(*corev1.PersistentVolumeClaim); ok {
		if _, _, locked := kube.LockOf(claim); locked {
			return requests(client.ObjectKeyFromObject(claim))
		}
	}
	return nil
}

// claimServed maps an object of Soteria's to the claim that it serves.
func claimServed(_ context.Context, obj client.Object) []reconcile.Request {
	if key, ok := servedClaim(obj); ok {
		return requests(key)
	}
	return nil
}

func claimOfFill(ctx context.Context, obj client.Object) []reconcile.Request {
	if obj.GetLabels()[v1alpha1.RoleLabel] != v1alpha1.RoleFill {
		return nil
	}
	return claimServed(ctx, obj)
}

// claimsOfRestore maps a Restore to the claims that refer to it, and to the one
// that it was made for, which may be gone.
func (r *Reconciler) claimsOfRestore(ctx context.Context, obj client.Object) []reconcile.Request {
	found := claimServed(ctx, obj)
	var claims corev1.PersistentVolumeClaimList
	if err := r.client.List(ctx, &claims, client.InNamespace(obj.GetNamespace()), client.MatchingFields{restoreIndex: obj.GetName()}); err != nil {
		logf.FromContext(ctx).Error(err, "could not find the claims of a Restore; they look again by themselves", "restore", client.ObjectKeyFromObject(obj))
		return found
	}
	for i := range claims.Items {
		found = append(found, requests(client.ObjectKeyFromObject(&claims.Items[i]))...)
	}
	return found
}

// claimsOfAttachment maps an attachment to the claim whose prime's volume it
// attaches.
func (r *Reconciler) claimsOfAttachment(ctx context.Context, obj client.Object) []reconcile.Request {
	attachment, ok := obj.(*storagev1.VolumeAttachment)
	if !ok || attachment.Spec.Source.PersistentVolumeName == nil {
		return nil
	}
	var primes corev1.PersistentVolumeClaimList
	if err := r.client.List(ctx, &primes, client.InNamespace(r.namespace), client.MatchingFields{volumeIndex: *attachment.Spec.Source.PersistentVolumeName}); err != nil {
		logf.FromContext(ctx).Error(err, "could not find the prime of an attachment; its claim looks again by itself", "attachment", obj.GetName())
		return nil
	}
	var found []reconcile.Request
	for i := range primes.Items {
		found = append(found, claimServed(ctx, &primes.Items[i])...)
	}
	return found
}

func requests(key types.NamespacedName) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: key}}
}

// CacheByObject bounds what the manager's cache must hold for this controller:
// of volumes and Jobs only those with Soteria's label, of pods only those in its own
// namespace. Those of others are not seen through such a cache.
func CacheByObject(namespace string) map[client.Object]cache.ByObject {
	ours := labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy})
	return map[client.Object]cache.ByObject{
		&corev1.PersistentVolumeClaim{}: {Transform: cache.TransformStripManagedFields()},
		&v1alpha1.Restore{}:             {Transform: cache.TransformStripManagedFields()},
		&corev1.PersistentVolume{}:      {Label: ours, Transform: cache.TransformStripManagedFields()},
		&storagev1.VolumeAttachment{}:   {Transform: cache.TransformStripManagedFields()},
		&storagev1.StorageClass{}:       {Transform: cache.TransformStripManagedFields()},
		&batchv1.Job{}:                  {Label: ours, Transform: cache.TransformStripManagedFields()},
		&corev1.Pod{}:                   {Namespaces: map[string]cache.Config{namespace: {}}, Label: ours, Transform: cache.TransformStripManagedFields()},
	}
}
