package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

// Expectations keeps what every claim is expected to have in ConfigMaps of their own
// beside the ledger's, sixteen for each repository. It implements [catalog.Memory] and
// is safe for concurrent use, also by several processes.
//
// [Expectations.Claims] costs one request for the metadata of a repository's
// ConfigMaps and one for each that another process wrote since; the others are known.
// The first one reads them all.
// [Expectations.Remember] costs one request for each ConfigMap that changes.
type Expectations struct {
	writer    client.Writer
	reader    client.Reader
	namespace string

	mu sync.Mutex
	// known is what was read or written last, by repository.
	known map[string]*repository
}

var _ catalog.Memory = (*Expectations)(nil)

// repository is what is known of one repository's ConfigMaps.
type repository struct {
	shards  [shards]shard
	claims  expectation.Claims
	version uint64
	// loaded is true once all of them were read by name.
	loaded bool
}

// shard is one ConfigMap as it was read or written last; without an object there was
// none.
type shard struct {
	object *corev1.ConfigMap
	claims expectation.Claims
}

func (s shard) resourceVersion() string {
	if s.object == nil {
		return ""
	}
	return s.object.ResourceVersion
}

// NewExpectations makes a memory in Soteria's own namespace. The reader must read from
// the API server itself, not from a cache. It needs the verbs get, update and
// delete on the [ConfigMaps] by name, and list and create on all.
func NewExpectations(writer client.Writer, reader client.Reader, namespace string) *Expectations {
	return &Expectations{writer: writer, reader: reader, namespace: namespace, known: make(map[string]*repository)}
}

// Claims implements [catalog.Memory].
func (e *Expectations) Claims(ctx context.Context, repository string) (expectation.Claims, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.sync(ctx, repository); err != nil {
		return nil, err
	}
	return e.of(repository).claims, nil
}

// Version counts how often this process saw what is remembered of a repository
// change, so that a copy of it needs to be written only then. It asks no one.
func (e *Expectations) Version(repository string) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.of(repository).version
}

// Remember implements [catalog.Memory].
func (e *Expectations) Remember(ctx context.Context, repository string, learned expectation.Claims) (expectation.Claims, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	byShard := split(learned, shardOf)
	for _, number := range slices.Sorted(maps.Keys(byShard)) {
		if err := e.join(ctx, repository, number, byShard[number]); err != nil {
			return nil, err
		}
	}
	return e.of(repository).claims, nil
}

// Forget deletes all that is remembered of a repository, even what cannot be
// understood. It is for a person to decide on.
func (e *Expectations) Forget(ctx context.Context, repository string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for number := range shards {
		err := e.writer.Delete(ctx, newShard(e.namespace, repository, number))
		if client.IgnoreNotFound(err) != nil {
			return backup.Errorf(backup.Unavailable, "deleting ConfigMap %s/%s: %w", e.namespace, shardName(repository, number), err)
		}
	}
	delete(e.known, repository)
	return nil
}

// of is what is known of a repository. The caller holds the lock.
func (e *Expectations) of(name string) *repository {
	known, ok := e.known[name]
	if !ok {
		known = &repository{}
		e.known[name] = known
	}
	return known
}

// sync reads the shards that were written by others. The caller holds the lock.
func (e *Expectations) sync(ctx context.Context, repository string) error {
	var there metav1.PartialObjectMetadataList
	there.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	if err := e.reader.List(ctx, &there, client.InNamespace(e.namespace), client.MatchingLabels{repositoryLabel: repository}); err != nil {
		return backup.Errorf(backup.Unavailable, "listing the ConfigMaps soteria-expectations-%s in %s: %w", repository, e.namespace, err)
	}
	versions := make(map[string]string, len(there.Items))
	for i := range there.Items {
		versions[there.Items[i].Name] = there.Items[i].ResourceVersion
	}
	known := e.of(repository)
	for number := range shards {
		if known.loaded && versions[shardName(repository, number)] == known.shards[number].resourceVersion() {
			continue
		}
		if err := e.load(ctx, repository, number); err != nil {
			return err
		}
	}
	known.loaded = true
	return nil
}

// load reads one shard. The caller holds the lock.
func (e *Expectations) load(ctx context.Context, repository string, number int) error {
	object := &corev1.ConfigMap{}
	err := e.reader.Get(ctx, client.ObjectKey{Namespace: e.namespace, Name: shardName(repository, number)}, object)
	switch {
	case apierrors.IsNotFound(err):
		e.of(repository).keep(number, shard{})
		return nil
	case err != nil:
		return backup.Errorf(backup.Unavailable, "reading ConfigMap %s/%s: %w", e.namespace, shardName(repository, number), err)
	}
	claims, err := unpack(object)
	if err != nil {
		return err
	}
	e.of(repository).keep(number, shard{object: object, claims: claims})
	return nil
}

// join writes what was learned into one shard, as long as others write it meanwhile.
// The caller holds the lock.
func (e *Expectations) join(ctx context.Context, repository string, number int, learned expectation.Claims) error {
	const attempts = 8
	var err error
	for range attempts {
		known := e.of(repository).shards[number]
		joined := expectation.Union(known.claims, learned)
		if known.object != nil && maps.Equal(joined, known.claims) {
			return nil
		}
		if err = e.write(ctx, repository, number, known, joined); backup.KindOf(err) != backup.Conflict {
			return err
		}
		if err := e.load(ctx, repository, number); err != nil {
			return err
		}
	}
	return err
}

// write writes one shard as it was read: the resource version makes the API server
// refuse to overwrite what somebody else wrote since. The caller holds the lock.
func (e *Expectations) write(ctx context.Context, repository string, number int, known shard, claims expectation.Claims) error {
	object := newShard(e.namespace, repository, number)
	if known.object != nil {
		object = known.object.DeepCopy()
	}
	if err := pack(object, claims); err != nil {
		return err
	}
	if err := configmap.Write(ctx, e.writer, object, fmt.Sprintf("ConfigMap %s/%s", e.namespace, object.Name)); err != nil {
		return err
	}
	e.of(repository).keep(number, shard{object: object, claims: claims})
	return nil
}

// keep notes a shard. What was given out before is not changed by it.
func (r *repository) keep(number int, s shard) {
	if !maps.Equal(r.shards[number].claims, s.claims) {
		r.version++
	}
	r.shards[number] = s
	joined := make(expectation.Claims, len(r.claims)+len(s.claims))
	for i := range r.shards {
		maps.Copy(joined, r.shards[i].claims)
	}
	r.claims = joined
}
