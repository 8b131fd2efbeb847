package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

const (
	// unacceptedShards is how many ConfigMaps a driver has. The number never changes:
	// a claim's place follows from it.
	unacceptedShards = 4
	// maxUnaccepted is how many repositories of a driver are remembered at a time.
	maxUnaccepted = 4
)

// Unaccepted keeps what repositories were seen to hold that no one has accepted, in
// four ConfigMaps for each driver. Each of them has two keys for a repository: one with
// JSON that names it, and one with its claims. It implements [catalog.Unaccepted] and is
// safe for concurrent use, also by several processes.
//
// No more than four repositories of a driver are remembered, and no more than fits into
// a ConfigMap: the one that was written longest ago makes room for another.
//
// [Unaccepted.Claims] costs four requests, and [Unaccepted.Remember] two for each
// ConfigMap that changes.
type Unaccepted struct {
	writer    client.Writer
	reader    client.Reader
	namespace string
	now       func() time.Time
}

var _ catalog.Unaccepted = (*Unaccepted)(nil)

// NewUnaccepted makes a memory in Soteria's own namespace. The reader must read from
// the API server itself, not from a cache. It needs the verbs get, update and delete on
// the [UnacceptedConfigMaps] by name, and create on all.
func NewUnaccepted(writer client.Writer, reader client.Reader, namespace string, now func() time.Time) *Unaccepted {
	return &Unaccepted{writer: writer, reader: reader, namespace: namespace, now: now}
}

// unacceptedEntry is the JSON of one repository. Fields may be added: readers pass over
// those that they do not know.
type unacceptedEntry struct {
	Repository string    `json:"repository"`
	WrittenAt  time.Time `json:"writtenAt"`
}

// unacceptedKeys returns the keys of a repository: of its entry, and of its claims.
func unacceptedKeys(repository string) (entry, claims string) {
	sum := sha256.Sum256([]byte(repository))
	entry = hex.EncodeToString(sum[:digestSize])
	return entry, entry + ".jsonl.gz"
}

// unacceptedShard is the number of the ConfigMap that a claim belongs to. It spreads
// claims evenly whose names and namespaces are alike.
func unacceptedShard(claim backup.Claim) int {
	sum := sha256.Sum256([]byte(claim.String()))
	return int(sum[0]) % unacceptedShards
}

func unacceptedName(driver string, number int) string {
	return fmt.Sprintf("soteria-unaccepted-%s-%02d", driver, number)
}

// UnacceptedConfigMaps names all that hold what a driver's repositories were seen to
// hold that no one has accepted.
func UnacceptedConfigMaps(driver string) []string {
	names := make([]string, 0, unacceptedShards)
	for number := range unacceptedShards {
		names = append(names, unacceptedName(driver, number))
	}
	return names
}

// Claims implements [catalog.Unaccepted].
func (u *Unaccepted) Claims(ctx context.Context, driver, repository string) (expectation.Claims, error) {
	all := make(expectation.Claims)
	for _, name := range UnacceptedConfigMaps(driver) {
		stored, err := u.read(ctx, name)
		if err != nil {
			return nil, err
		}
		claims, err := unacceptedIn(stored, repository)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, claims)
	}
	return all, nil
}

// Held implements [catalog.Unaccepted], with up to four requests.
func (u *Unaccepted) Held(ctx context.Context, driver string) (bool, error) {
	for _, name := range UnacceptedConfigMaps(driver) {
		stored, err := u.read(ctx, name)
		if err != nil || len(stored.BinaryData) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// read reads one ConfigMap. An error of kind Denied is for a Role of the version before,
// which does not name it.
func (u *Unaccepted) read(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	stored, err := configmap.Read(ctx, u.reader, u.namespace, name)
	if apierrors.IsForbidden(err) {
		return nil, backup.Errorf(backup.Denied, "Soteria's Role in namespace %s is that of an earlier version: apply deploy/role.yaml of this one: %w", u.namespace, err)
	}
	return stored, err
}

// Remember implements [catalog.Unaccepted].
func (u *Unaccepted) Remember(ctx context.Context, driver, repository string, learned expectation.Claims) error {
	byShard := split(learned, unacceptedShard)
	for _, number := range slices.Sorted(maps.Keys(byShard)) {
		if err := u.join(ctx, unacceptedName(driver, number), repository, byShard[number]); err != nil {
			return err
		}
	}
	return nil
}

// join writes what was learned into one ConfigMap, as long as others write it meanwhile.
func (u *Unaccepted) join(ctx context.Context, name, repository string, learned expectation.Claims) error {
	const attempts = 8
	var err error
	for range attempts {
		var stored *corev1.ConfigMap
		if stored, err = u.read(ctx, name); err != nil {
			return err
		}
		var known expectation.Claims
		if known, err = unacceptedIn(stored, repository); err != nil {
			return err
		}
		joined := expectation.Union(known, learned)
		if len(known) > 0 && maps.Equal(joined, known) {
			return nil
		}
		if err = putUnaccepted(stored, repository, joined, u.now()); err != nil {
			return err
		}
		if err = configmap.Write(ctx, u.writer, stored, fmt.Sprintf("ConfigMap %s/%s", u.namespace, name)); backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return err
}

// Accepted implements [catalog.Unaccepted].
func (u *Unaccepted) Accepted(ctx context.Context, driver, repository string, expected expectation.Claims) error {
	for _, name := range UnacceptedConfigMaps(driver) {
		stored, err := u.read(ctx, name)
		if err != nil {
			return err
		}
		if stored.ResourceVersion == "" {
			continue
		}
		claims, err := unacceptedIn(stored, repository)
		if err != nil {
			return err
		}
		if !maps.Equal(expectation.Union(expected, claims), expected) {
			return backup.Errorf(backup.Conflict, "ConfigMap %s/%s was written by somebody else meanwhile", u.namespace, name)
		}
		// As it was read: what another replica wrote since stays.
		if err := u.remove(ctx, stored, client.Preconditions{ResourceVersion: ptr.To(stored.ResourceVersion)}); err != nil {
			return err
		}
	}
	return nil
}

// Forget deletes all that is remembered of a driver's repositories, even what cannot be
// understood. It is for a person to decide on.
func (u *Unaccepted) Forget(ctx context.Context, driver string) error {
	for _, name := range UnacceptedConfigMaps(driver) {
		if err := u.remove(ctx, configmap.New(u.namespace, name)); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a ConfigMap; that it is gone already is no error.
func (u *Unaccepted) remove(ctx context.Context, stored *corev1.ConfigMap, opts ...client.DeleteOption) error {
	err := u.writer.Delete(ctx, stored, opts...)
	switch {
	case apierrors.IsConflict(err):
		return backup.Errorf(backup.Conflict, "ConfigMap %s/%s was written by somebody else meanwhile: %w", stored.Namespace, stored.Name, err)
	case client.IgnoreNotFound(err) != nil:
		return backup.Errorf(backup.Unavailable, "deleting ConfigMap %s/%s: %w", stored.Namespace, stored.Name, err)
	}
	return nil
}

// unacceptedIn returns what a ConfigMap remembers of a repository, which may be nothing.
// What cannot be understood is an error.
func unacceptedIn(stored *corev1.ConfigMap, repository string) (expectation.Claims, error) {
	entryKey, claimsKey := unacceptedKeys(repository)
	text, named := stored.Data[entryKey]
	packed, there := stored.BinaryData[claimsKey]
	if !named && !there {
		return expectation.Claims{}, nil
	}
	var e unacceptedEntry
	err := json.Unmarshal([]byte(text), &e)
	if err == nil && e.Repository != repository {
		err = errors.New("it is about another repository")
	}
	var claims expectation.Claims
	if err == nil {
		claims, err = decompress(packed)
	}
	if err != nil {
		return nil, backup.Errorf(backup.RepositoryChanged,
			"keys %q and %q of ConfigMap %s/%s cannot be understood (%w), and may be all that is left to tell that a backup is missing: bring them back, "+
				"or delete them, and Soteria writes them again from what it knows", entryKey, claimsKey, stored.Namespace, stored.Name, err)
	}
	return claims, nil
}

// putUnaccepted writes what is remembered of a repository, and nothing else but what
// has to make room for it.
func putUnaccepted(stored *corev1.ConfigMap, repository string, claims expectation.Claims, now time.Time) error {
	entryKey, claimsKey := unacceptedKeys(repository)
	packed, err := compress(claims)
	if err != nil {
		return fmt.Errorf("writing key %q of ConfigMap %s/%s: %w", claimsKey, stored.Namespace, stored.Name, err)
	}
	text, err := json.Marshal(unacceptedEntry{Repository: repository, WrittenAt: now.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("writing key %q of ConfigMap %s/%s: %w", entryKey, stored.Namespace, stored.Name, err)
	}
	if stored.Data == nil {
		stored.Data = make(map[string]string, 1)
	}
	if stored.BinaryData == nil {
		stored.BinaryData = make(map[string][]byte, 1)
	}
	stored.Data[entryKey], stored.BinaryData[claimsKey] = string(text), packed
	for len(stored.Data) > maxUnaccepted || sizeOf(stored) > maxShard {
		oldest, found := oldestUnaccepted(stored, entryKey)
		if !found {
			return backup.Errorf(backup.Internal, "the expectations of %d claims take %d bytes, and a ConfigMap holds %d", len(claims), sizeOf(stored), maxShard)
		}
		delete(stored.Data, oldest)
		delete(stored.BinaryData, oldest+".jsonl.gz")
	}
	return nil
}

// sizeOf is how many bytes the values of a ConfigMap take.
func sizeOf(stored *corev1.ConfigMap) int {
	size := 0
	for _, text := range stored.Data {
		size += len(text)
	}
	for _, packed := range stored.BinaryData {
		size += len(packed)
	}
	return size
}

// oldestUnaccepted returns the entry that was written longest ago, but for one. What
// cannot be understood counts as the oldest.
func oldestUnaccepted(stored *corev1.ConfigMap, but string) (oldest string, found bool) {
	var at time.Time
	for _, key := range slices.Sorted(maps.Keys(stored.Data)) {
		var e unacceptedEntry
		if json.Unmarshal([]byte(stored.Data[key]), &e) != nil {
			e = unacceptedEntry{}
		}
		if key != but && (!found || e.WrittenAt.Before(at)) {
			oldest, at, found = key, e.WrittenAt, true
		}
	}
	return oldest, found
}
