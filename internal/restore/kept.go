package restore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
)

// memory is what this process knows first-hand of the claims it works on. It spares the
// API server questions, and nothing is lost with it.
type memory struct {
	mu     sync.Mutex
	claims map[types.UID]firsthand
}

const unknownVersion = "unknown"

// firsthand is what is known of one claim.
type firsthand struct {
	// record and version are the Restore as this process wrote it last; unknownVersion
	// where it is not known whether it did.
	record  types.UID
	version string
	// volume is what was proved to have been made for the prime with this uid.
	prime  types.UID
	volume string
	// released is the prime of which it was seen that nothing fills it any more.
	released types.UID
	// primeGone is true once the claim was bound and its prime seen to be gone.
	primeGone bool
}

func (m *memory) of(claim types.UID) firsthand {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claims[claim]
}

func (m *memory) change(claim types.UID, change func(*firsthand)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims == nil {
		m.claims = map[types.UID]firsthand{}
	}
	known := m.claims[claim]
	change(&known)
	m.claims[claim] = known
}

func (m *memory) forget(claim types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.claims, claim)
}

// readRecord reads the claim's Restore from the API server, unless the cache has it
// exactly as this process wrote it last and its backup is settled: it is not older then
// than what the process knows, and a write to it fails where somebody else changed it
// since.
func (r *Reconciler) readRecord(ctx context.Context, claim *corev1.PersistentVolumeClaim, name string) (record *v1alpha1.Restore, own bool, err error) {
	key := types.NamespacedName{Namespace: claim.Namespace, Name: name}
	known := r.memory.of(claim.UID)
	if known.version != "" {
		cached, err := find(ctx, r.client, key, &v1alpha1.Restore{})
		if err != nil {
			return nil, false, err
		}
		if cached != nil && cached.UID == known.record && cached.ResourceVersion == known.version && (cached.Status.Backup != nil || cached.Status.Empty) {
			return cached, true, nil
		}
	}
	if _, written := kube.WrittenRef(claim); !written && known.version == "" && !bound(claim) {
		// Of a lock that was never seen before there is none, and making one says so.
		if cached, err := find(ctx, r.client, key, &v1alpha1.Restore{}); err != nil || cached == nil {
			return nil, false, err
		}
	}
	record, err = find(ctx, r.reader, key, &v1alpha1.Restore{})
	return record, false, err
}

// underWay reports, from caches alone, that an attempt has begun and is neither ended nor
// in question. Whatever ends or changes it is looked at in full.
func (r *Reconciler) underWay(ctx context.Context, o *observed) (bool, error) {
	s := o.status()
	if s.Phase != v1alpha1.PhaseTransferring || s.RetryAt != nil || isFilled(o.prime) || r.doesNotBegin(o) || !r.provedFor(o) {
		return false, nil
	}
	jobs, pods, err := r.cachedFills(ctx, o.claim.UID)
	if err != nil || len(jobs) != 1 || attemptOf(&jobs[0]) != s.Attempt {
		return false, err
	}
	return moverjob.Working(&jobs[0], pods), nil
}

// inLine reports, from what is known already and the pods of the namespace, that the fill
// still waits for its turn.
func (r *Reconciler) inLine(ctx context.Context, o *observed) (bool, error) {
	c := meta.FindStatusCondition(o.status().Conditions, v1alpha1.ConditionTransferred)
	if r.most <= 0 || c == nil || c.Reason != reasonWaitsForTurn || isFilled(o.prime) || bound(o.claim) {
		return false, nil
	}
	if err := r.heedPods(ctx, o.claim.Namespace, o.now); err != nil {
		return false, err
	}
	working, err := r.working(ctx)
	if err != nil {
		return false, err
	}
	since, waits := r.line.waits(o.claim.UID, r.most, working, o.now)
	o.inLineSince = since
	return waits, nil
}

// provedFor reports whether the prime's volume was proved to have been made for it.
func (r *Reconciler) provedFor(o *observed) bool {
	known := r.memory.of(o.claim.UID)
	return bound(o.prime) && known.prime == o.prime.UID && known.volume == o.prime.Spec.VolumeName
}

// cachedFills are the Jobs that fill for a claim and their pods, as the cache has them.
func (r *Reconciler) cachedFills(ctx context.Context, claim types.UID) ([]batchv1.Job, []corev1.Pod, error) {
	var (
		jobs batchv1.JobList
		pods corev1.PodList
		ours = client.MatchingLabels(labelsFor(v1alpha1.RoleFill, claim))
	)
	if err := r.client.List(ctx, &jobs, client.InNamespace(r.namespace), ours); err != nil {
		return nil, nil, fmt.Errorf("list the Jobs that fill for claim %s: %w", claim, err)
	}
	if err := r.cache.List(ctx, &pods, client.InNamespace(r.namespace), ours); err != nil {
		return nil, nil, fmt.Errorf("list the pods that fill for claim %s: %w", claim, err)
	}
	return jobs.Items, pods.Items, nil
}

// leaving says from caches alone what keeps a filled volume from being handed over: pods
// that are on their way out, or its attachment. "" where that has to be looked at.
func (r *Reconciler) leaving(ctx context.Context, o *observed) (waitsFor string, err error) {
	if o.status().Phase != v1alpha1.PhaseHandingOver || !isFilled(o.prime) || !r.provedFor(o) {
		return "", nil
	}
	jobs, pods, err := r.cachedFills(ctx, o.claim.UID)
	if err != nil {
		return "", err
	}
	stays := slices.ContainsFunc(jobs, func(job batchv1.Job) bool { return job.DeletionTimestamp == nil })
	switch {
	case stays:
		return "", nil
	case len(jobs)+len(pods) > 0:
		return waitsForPods, nil
	case r.memory.of(o.claim.UID).released != o.prime.UID:
		return "", nil
	}
	node, err := attachedTo(ctx, r.client, o.prime.Spec.VolumeName)
	if err != nil || node == "" {
		return "", err
	}
	return waitsForNode(o.prime.Spec.VolumeName, node), nil
}

// lookOn reports whether a pass has only to look on, by caches alone: at an attempt that
// is under way, or at what leaves a filled volume. It says what is waited for then. What
// does not come further for long is looked at in full.
func (r *Reconciler) lookOn(ctx context.Context, o *observed, own bool) (err error) {
	unsure := r.cache == nil || !own || !ownStatus(o) || o.prime == nil || !o.prime.DeletionTimestamp.IsZero()
	if unsure || o.status().Wish != wishOf(o.claim, o.restore) {
		return nil
	}
	if o.inLine, err = r.inLine(ctx, o); err != nil || o.inLine || o.now.Sub(r.watchdog.since(o)) >= stall.Patience {
		return err
	}
	if o.underWay, err = r.underWay(ctx, o); err != nil || o.underWay {
		return err
	}
	o.leaving, err = r.leaving(ctx, o)
	return err
}

// handedVolume is the volume under the lock's name while it waits to be bound, as the
// cache has it; nil where it has to be read.
func (r *Reconciler) handedVolume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	if bound(claim) {
		return nil, nil //nolint:nilnil // what is removed then goes by what is there now
	}
	volume, err := find(ctx, r.client, types.NamespacedName{Name: claim.Spec.VolumeName}, &corev1.PersistentVolume{})
	if err != nil || volume == nil || lockProblem(volume, claim) != "" {
		return nil, err
	}
	return volume, nil
}

// forget drops all that is known of a claim that is finished or gone.
func (r *Reconciler) forget(claim types.UID) {
	r.events.forget(claim)
	r.watchdog.forget(claim)
	r.memory.forget(claim)
	r.line.leave(claim)
	r.turnOver()
}
