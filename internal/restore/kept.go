package restore

import (
	"context"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// memory is what this process knows first-hand of the claims it works on. It spares the
// API server questions, and nothing is lost with it.
type memory struct {
	mu     sync.Mutex
	claims map[types.UID]firsthand
}

// firsthand is what is known of one claim.
type firsthand struct {
	// record and version are the Restore as this process wrote it last.
	record  types.UID
	version string
	// volume is what was proved to have been made for the prime with this uid.
	prime  types.UID
	volume string
	// released is the prime of which it was seen that nothing fills it any more.
	released types.UID
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
	if known := r.memory.of(claim.UID); known.version != "" {
		cached, err := find(ctx, r.client, key, &v1alpha1.Restore{})
		if err != nil {
			return nil, false, err
		}
		if cached != nil && cached.UID == known.record && cached.ResourceVersion == known.version && (cached.Status.Backup != nil || cached.Status.Empty) {
			return cached, true, nil
		}
	}
	record, err = find(ctx, r.reader, key, &v1alpha1.Restore{})
	return record, false, err
}

// underWay reports, from caches alone, that an attempt has begun and is neither ended nor
// in question: the pass has only to look on, and reads no volume for that. Whatever ends
// or changes the attempt is looked at in full.
func (r *Reconciler) underWay(ctx context.Context, o *observed, own bool) (bool, error) {
	if r.cache == nil || !own || !ownStatus(o) || o.prime == nil || !bound(o.prime) {
		return false, nil
	}
	s, known := o.status(), r.memory.of(o.claim.UID)
	proved := known.prime == o.prime.UID && known.volume == o.prime.Spec.VolumeName
	asBefore := s.Phase == v1alpha1.PhaseTransferring && s.RetryAt == nil && s.Wish == wishOf(o.claim, o.restore) && !r.doesNotBegin(o)
	if !proved || !asBefore || isFilled(o.prime) {
		return false, nil
	}
	var (
		found batchv1.JobList
		pods  corev1.PodList
		ours  = client.MatchingLabels(labelsFor(v1alpha1.RoleFill, o.claim.UID))
	)
	if err := r.client.List(ctx, &found, client.InNamespace(r.namespace), ours); err != nil {
		return false, err
	}
	if len(found.Items) != 1 || attemptOf(&found.Items[0]) != s.Attempt {
		return false, nil
	}
	if err := r.cache.List(ctx, &pods, client.InNamespace(r.namespace), ours); err != nil {
		return false, err
	}
	return moverjob.Working(&found.Items[0], pods.Items), nil
}

// forget drops all that is known of a claim that is finished or gone.
func (r *Reconciler) forget(claim types.UID) {
	r.events.forget(claim)
	r.watchdog.forget(claim)
	r.memory.forget(claim)
}
