package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
	"github.com/soteria-dr/soteria/internal/stall/observe"
)

// watch reports a wait that has lasted too long who holds it up, and goes on where
// it is safe to. It ends a pass that has to wait, and asks the API server nothing
// before the wait is long.
func (r *Reconciler) watch(ctx context.Context, o *observed, n next) (next, error) {
	if !o.adopted || o.named == nil && !mayStall(o.status()) {
		return n, nil
	}
	if retry := o.status().RetryAt; o.planned || retry != nil && retry.After(o.now) {
		return n, nil // until when was told
	}
	o.noteProgress()
	since := r.watchdog.since(o)
	if o.now.Sub(since) < o.patience() {
		r.watchdog.recovered(o.claim.UID)
		return n, nil
	}
	if o.told {
		o.setCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, string(stall.Person), o.status().Message)
		return n, nil
	}
	if !r.watchdog.due(o.claim.UID, since) {
		o.repeatStall()
		return n, nil
	}
	if o.named != nil {
		r.tellStall(o, *o.named, since)
		return n, nil
	}
	w := r.gather(ctx, o.claim.UID)
	w.Now, w.Since, w.Waits = o.now, since, o.status().Message
	if o.way.made() && o.status().Phase == v1alpha1.PhaseTransferring {
		w.System = driverName(o.status())
	}
	found, stalls := stall.Diagnose(w)
	if went, n, err := r.goOn(ctx, o, w, found); err != nil || went {
		return n, err
	}
	if stalls {
		r.tellStall(o, found, since)
	}
	return n, nil
}

// goOn leaves an attempt that cannot end, or a volume that cannot be reached any
// more, for the next. No attempt begins while a pod of an earlier one exists.
func (r *Reconciler) goOn(ctx context.Context, o *observed, w stall.World, found stall.Stall) (went bool, n next, err error) {
	phase := o.status().Phase
	filling := phase == v1alpha1.PhaseTransferring && o.prime != nil && !isFilled(o.prime)
	if o.handingOver() || o.way.made() || o.prime == nil || !filling && phase != v1alpha1.PhaseHandingOver {
		return false, next{}, nil
	}
	why, err := r.stranded(ctx, o, w)
	if err != nil {
		return false, next{}, err
	}
	if why != "" {
		n, err := r.abandon(ctx, o, why)
		return true, n, err
	}
	if !filling {
		return false, next{}, nil
	}
	why, err = r.endsBecause(ctx, o, w, found)
	if err != nil || why == "" {
		return false, next{}, err
	}
	return true, r.attemptFailed(o, v1alpha1.ConditionTransferred, reasonTransferFailed, ResultFailed, why), nil
}

// endsBecause says why the attempt under way is ended for the next; "" where it goes on.
func (r *Reconciler) endsBecause(ctx context.Context, o *observed, w stall.World, found stall.Stall) (string, error) {
	for i := range w.Jobs {
		job := &w.Jobs[i]
		if attemptOf(job) != o.status().Attempt {
			continue
		}
		why, err := r.jobEndsBecause(ctx, o, w, job, found)
		if err != nil {
			return "", err
		}
		if why != "" {
			eased, err := r.easeDevices(ctx, o, w, job)
			return why + eased, err
		}
	}
	return "", nil
}

// jobEndsBecause says why the Job of the attempt under way is ended.
func (r *Reconciler) jobEndsBecause(ctx context.Context, o *observed, w stall.World, job *batchv1.Job, found stall.Stall) (string, error) {
	if why := stall.Overdue(job, o.now); why != "" {
		return why, nil
	}
	if why, err := r.misplaced(ctx, o, w, job); err != nil || why != "" {
		return why, err
	}
	if why, err := r.roomRefused(ctx, o, w, job, found); err != nil || why != "" {
		return why, err
	}
	return r.neverStarts(w, job, found), nil
}

// neverStarts says why an attempt of which no mover has run is given up: what keeps it
// from starting does not pass by itself, or has lasted for the start time-out. The
// next attempt begins with the settings that hold then; nothing has been written.
func (r *Reconciler) neverStarts(w stall.World, job *batchv1.Job, found stall.Stall) string {
	const hopelessFor = 2 * stall.Patience // told for a while before
	waited := w.Now.Sub(w.Since)
	if tooLong := waited >= r.startTimeout || found.Hopeless && waited >= hopelessFor; !tooLong {
		return ""
	}
	pods := slices.DeleteFunc(slices.Clone(w.Pods), func(pod corev1.Pod) bool { return !metav1.IsControlledBy(&pod, job) })
	if moverjob.EverRan(job, pods) {
		return ""
	}
	return fmt.Sprintf("it has not started for %s: %s", waited.Round(time.Second), found)
}

// roomRefused says that the pod of an attempt may not be made which asks for the room of
// the claim's pod: a LimitRange or a quota of Soteria's namespace allows less than that
// pod needs, and no setting of the movers' lowers it. The attempts that follow ask for
// what movers are set to, which the prime says from then on.
func (r *Reconciler) roomRefused(ctx context.Context, o *observed, w stall.World, job *batchv1.Job, found stall.Stall) (string, error) {
	refused := found.Cause == stall.Quota || found.Cause == stall.Policy
	owned := slices.ContainsFunc(w.Pods, func(pod corev1.Pod) bool { return metav1.IsControlledBy(&pod, job) })
	if !refused || owned || !moverjob.NeverHadPod(job) || o.prime.Annotations[v1alpha1.WithoutRoomAnnotation] != "" {
		return "", nil
	}
	place, wait, err := r.place(ctx, o)
	if err != nil || wait != "" || len(place.Room) == 0 || place.Fingerprint() != job.Annotations[v1alpha1.PlacementAnnotation] {
		return "", err
	}
	why := fmt.Sprintf("its pod may not ask for the room that the claim's pod needs (%s); the next one asks for what movers are set to alone, so that its node may lack that room: %s",
		amounts(place.Room), found.Message)
	return why, r.annotate(ctx, o.prime, map[string]string{v1alpha1.WithoutRoomAnnotation: why})
}

// amounts lists resources in a fixed order.
func amounts(list corev1.ResourceList) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		amount := list[name]
		parts = append(parts, fmt.Sprintf("%s %s", name, amount.String()))
	}
	return strings.Join(parts, ", ")
}

// misplaced says that a fill which finds no node was placed for a pod that is gone
// or has changed since, so that it would wait for ever, or that another pod waits for
// the claim which may run elsewhere; "" where neither holds.
func (r *Reconciler) misplaced(ctx context.Context, o *observed, w stall.World, job *batchv1.Job) (string, error) {
	const turn = 2 * stall.Patience // for which each of several pods is tried
	was := job.Annotations[v1alpha1.PlacementAnnotation]
	if was == "" || slices.ContainsFunc(w.Pods, func(pod corev1.Pod) bool { return pod.Spec.NodeName != "" }) {
		return "", nil
	}
	waiting, err := r.consumers(ctx, o.claim)
	if err != nil {
		return "", err
	}
	for i := range waiting {
		place, wait, err := r.placeFor(ctx, o, &waiting[i])
		if err != nil || wait != "" {
			return "", err
		}
		if place.Fingerprint() != was {
			continue
		}
		other := consumerFor(waiting, o.status().Attempt+1)
		next, wait, err := r.placeFor(ctx, o, other)
		if err != nil || wait != "" || next.Fingerprint() == was || w.Now.Sub(w.Since) < turn {
			return "", err
		}
		return fmt.Sprintf("its pod found no node where pod %s may run; pod %s waits for the claim too, and is tried", waiting[i].Name, other.Name), nil
	}
	if now, wait, err := r.place(ctx, o); err != nil || wait != "" || now.Fingerprint() == was {
		return "", err
	}
	return "its pod found no node, and the pod of the claim that it was placed for is gone or has changed", nil
}

// tellStall says who holds the restore up.
func (r *Reconciler) tellStall(o *observed, found stall.Stall, since time.Time) {
	known := meta.FindStatusCondition(o.stored.Status.Conditions, v1alpha1.ConditionStalled)
	e := stalled(found, since)
	if r.watchdog.news(o.claim.UID, found, known != nil && known.Status == metav1.ConditionTrue && known.Reason == string(found.Cause)) {
		r.watchdog.events.tell(o.claim, o.restore, e)
	}
	o.setCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, string(found.Cause), found.Message+"; "+found.Remedy)
	o.repeatStall()
}

// watchUnrecorded is [Reconciler.watch] for a claim whose record was deleted while it
// was restored: until all attempts have ended, no status says that it waits. How long it
// has is known to this process alone.
func (r *Reconciler) watchUnrecorded(ctx context.Context, o *observed) {
	const waits = "the pods that fill the claim's volume to be gone, since the Restore that counted them was deleted"
	since := r.watchdog.removes(o.claim.UID, waits)
	if o.now.Sub(since) < stall.Patience || !r.watchdog.due(o.claim.UID, since) {
		return
	}
	w := r.gather(ctx, o.claim.UID)
	w.Now, w.Since, w.Waits = o.now, since, "waiting for "+waits
	found, _ := stall.Diagnose(w)
	if r.watchdog.news(o.claim.UID, found, false) {
		r.watchdog.events.tell(o.claim, o.restore, stalled(found, since))
	}
}

// repeatStall has the record's message say why a transfer that is stalled is,
// instead of that it is under way.
func (o *observed) repeatStall() {
	s := o.status()
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionStalled); c != nil && c.Status == metav1.ConditionTrue && s.Phase == v1alpha1.PhaseTransferring {
		s.Message = c.Message
	}
}

// watchRemoval does the same for the removal of what an earlier claim's restore
// left. How long it has waited is known to this process alone: another one that
// takes over tells of it two minutes later.
func (r *Reconciler) watchRemoval(ctx context.Context, key types.NamespacedName, uid types.UID, left leftovers, waits remains) error {
	since := r.watchdog.removes(uid, waits.what)
	now := r.clock.Now()
	if now.Sub(since) < stall.Patience || !r.watchdog.due(uid, since) {
		return nil
	}
	found := r.removalStall(ctx, uid, waits, since)
	claim, err := find(ctx, r.reader, key, &corev1.PersistentVolumeClaim{})
	if err != nil {
		return err
	}
	if claim != nil && claim.UID != uid {
		claim = nil
	}
	records, err := r.recordsOf(ctx, key.Namespace, uid)
	if err != nil {
		return err
	}
	if r.watchdog.news(uid, found, false) {
		r.tellRemoval(claim, records, left, stalled(found, since))
	}
	for i := range records {
		if err := r.markStalled(ctx, &records[i], found); err != nil {
			return err
		}
	}
	return nil
}

// removalStall says who holds a removal up.
func (r *Reconciler) removalStall(ctx context.Context, uid types.UID, waits remains, since time.Time) stall.Stall {
	switch {
	case waits.err != nil:
		return stall.Stall{
			Cause:   stall.CauseOf(waits.err),
			Message: "what the restore of a deleted claim left cannot be removed: " + backup.Clip(backup.Message(waits.err), maxWords),
			Remedy:  "correct what is named; the removal is tried again by itself, and holds up no other claim",
		}
	case waits.stuck:
		return stall.Stall{
			Cause: stall.Person, Message: "what the restore of a deleted claim left is kept, waiting for " + waits.what,
			Remedy: "see to what it waits for; nothing is lost meanwhile",
		}
	}
	w := r.gather(ctx, uid)
	w.Now, w.Since, w.Waits = r.clock.Now(), since, "removing what the restore of a deleted claim left, waiting for "+waits.what
	found, _ := stall.Diagnose(w)
	return found
}

// recordsOf returns the Restores whose status is about the claim with this uid.
func (r *Reconciler) recordsOf(ctx context.Context, namespace string, claim types.UID) ([]v1alpha1.Restore, error) {
	var all v1alpha1.RestoreList
	if err := r.client.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the Restores of claim %s: %w", claim, err)
	}
	return slices.DeleteFunc(all.Items, func(record v1alpha1.Restore) bool {
		return record.Status.Claim == nil || record.Status.Claim.UID != claim
	}), nil
}

// tellRemoval reports a removal on the claim, if it is still there, and on its
// Restores or, without one, on what is left of the primes.
func (r *Reconciler) tellRemoval(claim *corev1.PersistentVolumeClaim, records []v1alpha1.Restore, left leftovers, e event) {
	var about []client.Object
	if claim != nil {
		about = append(about, claim)
	}
	for i := range records {
		about = append(about, &records[i])
	}
	for i := range left.primes {
		if len(records) == 0 {
			about = append(about, &left.primes[i])
		}
	}
	for _, object := range about {
		r.watchdog.events.recorder.Eventf(object, nil, e.kind, e.reason, e.action, "%s", backup.Clip(e.note, backup.MaxNote))
	}
}

// removed records on what a user wrote for a claim that is gone that nothing waits
// any more.
func (r *Reconciler) removed(ctx context.Context, namespace string, claim types.UID) error {
	records, err := r.recordsOf(ctx, namespace, claim)
	if err != nil {
		return err
	}
	for i := range records {
		record := &records[i]
		if !meta.IsStatusConditionTrue(record.Status.Conditions, v1alpha1.ConditionStalled) || serves(record, v1alpha1.RoleLocked, claim) {
			continue
		}
		before := record.DeepCopy()
		meta.SetStatusCondition(&record.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionStalled, Status: metav1.ConditionFalse, Reason: reasonProgressing, Message: "nothing is left of the restore",
			LastTransitionTime: metav1.NewTime(r.clock.Now()), ObservedGeneration: record.Generation,
		})
		if err := r.client.Status().Patch(ctx, record, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("record on Restore %s/%s that nothing is left: %w", record.Namespace, record.Name, err)
		}
	}
	return nil
}

// markStalled records on the Restore of a claim that is gone what its removal waits
// for.
func (r *Reconciler) markStalled(ctx context.Context, record *v1alpha1.Restore, found stall.Stall) error {
	before := record.DeepCopy()
	meta.SetStatusCondition(&record.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: string(found.Cause),
		Message: found.Message + "; " + found.Remedy, LastTransitionTime: metav1.NewTime(r.clock.Now()), ObservedGeneration: record.Generation,
	})
	record.Status.Message = found.Message
	if err := r.client.Status().Patch(ctx, record, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("record on Restore %s/%s what its removal waits for: %w", record.Namespace, record.Name, err)
	}
	return nil
}

// gather observes what a restore waits for: 2 lists, and for each object that it
// finds a list of its events or one GET. What cannot be read is left out, and told
// in the log: what is known is told all the same.
func (r *Reconciler) gather(ctx context.Context, claim types.UID) stall.World {
	var w stall.World
	ours := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.ClaimUIDLabel: string(claim)}
	var (
		jobs   batchv1.JobList
		pods   corev1.PodList
		claims corev1.PersistentVolumeClaimList
	)
	err := errors.Join(
		r.reader.List(ctx, &jobs, client.InNamespace(r.namespace), ours),
		r.reader.List(ctx, &pods, client.InNamespace(r.namespace), ours),
		r.client.List(ctx, &claims, client.InNamespace(r.namespace), ours),
	)
	w.Jobs, w.Pods, w.Claims = jobs.Items, pods.Items, claims.Items
	err = errors.Join(err, observe.Cluster{Client: r.client, Reader: r.reader}.Complete(ctx, &w))
	if err != nil {
		logf.FromContext(ctx).Info("could not observe all of what a restore waits for", "claimUID", claim, "because", err.Error())
	}
	return w
}

// stranded says why the prime's volume is of no use any more: it is bound to nodes
// that are gone, and nothing can write to it any more, since no pod is left. All that
// it holds is of a backup. "" where it is of use, or that cannot be told. One that is
// not filled is left also where no node can reach it just now.
func (r *Reconciler) stranded(ctx context.Context, o *observed, w stall.World) (string, error) {
	for i := range w.Pods {
		if w.Pods[i].Spec.NodeName != "" {
			return "", nil
		}
	}
	if o.primeVolume != nil {
		why, gone, err := r.unreachable(ctx, o.primeVolume)
		if isFilled(o.prime) && !gone {
			return "", err
		}
		return why, err
	}
	chosen := o.prime.Annotations[stall.SelectedNodeAnnotation]
	node, looked := w.Nodes[chosen]
	if bound(o.prime) || chosen == "" || !looked || node != nil && !stall.OutOfService(node) {
		return "", nil
	}
	return fmt.Sprintf("its volume was to be made on node %s, which is gone", chosen), nil
}

// unreachable says that there is no node from which a volume can be reached; "" where
// there is one. gone reports whether those nodes are gone, rather than absent for now
// ([boundToGone]). Nodes are read only for volumes that are bound to some.
func (r *Reconciler) unreachable(ctx context.Context, volume *corev1.PersistentVolume) (why string, gone bool, err error) {
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return "", false, nil
	}
	var nodes corev1.NodeList
	if err := r.reader.List(ctx, &nodes); err != nil {
		return "", false, fmt.Errorf("list the nodes that volume %s can be reached from: %w", volume.Name, err)
	}
	reachable, err := reachableFrom(volume, nodes.Items)
	if err != nil || reachable || len(nodes.Items) == 0 {
		return "", false, err
	}
	if boundToGone(volume, nodes.Items) {
		return fmt.Sprintf("volume %s can be reached from %s alone, which is gone", volume.Name, wherever(volume)), true, nil
	}
	return fmt.Sprintf("volume %s can be reached from %s alone, and no such node is in service", volume.Name, wherever(volume)), false, nil
}

// wherever describes the nodes of a volume.
func wherever(volume *corev1.PersistentVolume) string {
	var values []string
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, e := range requirements(term) {
			values = append(values, e.Key+" "+strings.Join(e.Values, ","))
		}
	}
	return "nodes with " + strings.Join(values, " or ")
}
