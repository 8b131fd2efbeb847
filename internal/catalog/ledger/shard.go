package ledger

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
)

const (
	// shards is how many ConfigMaps hold the expectations of one repository. The
	// number never changes: a claim's place follows from it.
	shards = 16
	// shardKey is the ConfigMap's one key. Its value is what [expectation.Encode]
	// writes, compressed.
	shardKey = "claims.jsonl.gz"
	// maxShard is what a ConfigMap may hold, with room for the rest of the object.
	maxShard = 1000 << 10
	// maxMemory bounds what a shard may grow to when it is read.
	maxMemory = 256 << 20

	repositoryLabel = v1alpha1.Group + "/expectations"
)

// shardOf is the shard that a claim belongs to.
func shardOf(claim backup.Claim) int {
	sum := fnv.New32a()
	_, _ = io.WriteString(sum, claim.String())
	return int(sum.Sum32() % shards)
}

// shardName is the name of a shard's ConfigMap.
func shardName(repository string, shard int) string {
	return fmt.Sprintf("soteria-expectations-%s-%02d", repository, shard)
}

// ConfigMaps names all that hold what is expected of the claims in a repository.
func ConfigMaps(repository string) []string {
	names := make([]string, 0, shards)
	for shard := range shards {
		names = append(names, shardName(repository, shard))
	}
	return names
}

// split sorts claims by their shard.
func split(claims expectation.Claims, shardOf func(backup.Claim) int) map[int]expectation.Claims {
	byShard := make(map[int]expectation.Claims)
	for claim, record := range claims {
		shard := shardOf(claim)
		if byShard[shard] == nil {
			byShard[shard] = make(expectation.Claims)
		}
		byShard[shard][claim] = record
	}
	return byShard
}

// newShard is a shard that holds nothing yet.
func newShard(namespace, repository string, shard int) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace,
		Name:      shardName(repository, shard),
		Labels:    map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, repositoryLabel: repository},
	}}
}

// pack writes claims into a shard.
func pack(into *corev1.ConfigMap, claims expectation.Claims) error {
	packed, err := compress(claims)
	if err != nil {
		return fmt.Errorf("writing %s: %w", shardKey, err)
	}
	if len(packed) > maxShard {
		return backup.Errorf(backup.Internal, "the expectations of %d claims take %d bytes, and a ConfigMap holds %d", len(claims), len(packed), maxShard)
	}
	into.BinaryData = map[string][]byte{shardKey: packed}
	return nil
}

// compress returns what [expectation.Encode] writes, compressed.
func compress(claims expectation.Claims) ([]byte, error) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if err := expectation.Encode(writer, claims); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compressing expectations: %w", err)
	}
	return packed.Bytes(), nil
}

// decompress reads what [compress] returned.
func decompress(packed []byte) (expectation.Claims, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("decompressing expectations: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxMemory+1))
	if err != nil {
		return nil, fmt.Errorf("decompressing expectations: %w", err)
	}
	if len(text) > maxMemory {
		return nil, fmt.Errorf("decompressing expectations: they are larger than %d bytes", maxMemory)
	}
	return expectation.Decode(bytes.NewReader(text))
}

// unpack reads the claims of a shard. Anything else in it, or less, is an error.
func unpack(from *corev1.ConfigMap) (expectation.Claims, error) {
	claims, err := read(from)
	if err != nil {
		return nil, backup.Errorf(backup.RepositoryChanged,
			"ConfigMap %s/%s cannot be understood (%w), and may be all that is left to tell that a backup is missing: bring it back, "+
				"or delete it, and Soteria writes it again from what it knows", from.Namespace, from.Name, err)
	}
	return claims, nil
}

func read(from *corev1.ConfigMap) (expectation.Claims, error) {
	packed, there := from.BinaryData[shardKey]
	if !there || len(from.BinaryData) != 1 || len(from.Data) != 0 {
		return nil, fmt.Errorf("it does not hold %s alone", shardKey)
	}
	claims, err := decompress(packed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shardKey, err)
	}
	return claims, nil
}
