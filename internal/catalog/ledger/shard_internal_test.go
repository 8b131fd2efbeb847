package ledger

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// FuzzUnpack sees that what is read of a shard is all that it holds, or an error.
func FuzzUnpack(f *testing.F) {
	shard := newShard("soteria", "restic", 3)
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	if err := pack(shard, expectation.Claims{claim: {Newest: time.Unix(1, 0), ID: "x", Count: 1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(shard.BinaryData[shardKey])
	f.Add(shard.BinaryData[shardKey][:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packed []byte) {
		claims, err := unpack(&corev1.ConfigMap{BinaryData: map[string][]byte{shardKey: packed}})
		if err != nil {
			return
		}
		again := newShard("soteria", "restic", 3)
		if err := pack(again, claims); err != nil {
			t.Fatal(err)
		}
		if read, err := unpack(again); err != nil || len(read) != len(claims) {
			t.Fatalf("%v became %v, %v", claims, read, err)
		}
	})
}
