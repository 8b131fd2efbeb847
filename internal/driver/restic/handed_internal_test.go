package restic

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyHanded are circumstances of a reading.
func anyHanded() handed {
	return handedOf("s3:https://store.example/bucket/cluster", &reading{
		identity: hex.EncodeToString(make([]byte, 32)), secret: "uid/7", wholeAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	})
}

// drawSnapshot draws a snapshot such as restic prints.
func drawSnapshot(t *rapid.T) snapshot {
	id := rapid.StringMatching(`[0-9a-f]{64}`)
	s := snapshot{
		ID: id.Draw(t, "id"), Tree: id.Draw(t, "tree"), Host: rapid.String().Draw(t, "host"), Program: rapid.String().Draw(t, "program"),
		Paths: rapid.SliceOf(rapid.String()).Draw(t, "paths"), Tags: rapid.SliceOf(rapid.String()).Draw(t, "tags"),
		Time: time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999999999).Draw(t, "nanosecond")).
			In(time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone"))),
	}
	if rapid.Bool().Draw(t, "has a summary") {
		s.Summary = &summary{rapid.Int64().Draw(t, "files"), rapid.Int64().Draw(t, "bytes")}
	}
	return s
}

func TestWhatIsHandedOverIsWhatWasRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshots := rapid.SliceOfDistinct(rapid.Custom(drawSnapshot), func(s snapshot) string { return s.ID }).Draw(t, "snapshots")
		var taken []snapshot
		for number, part := range parts(snapshots) {
			packed, err := packPart(anyHanded(), part)
			require.NoError(t, err)
			how, err := unpackPart(packed, number, func(s snapshot) { taken = append(taken, s) })
			require.NoError(t, err)
			assert.Equal(t, anyHanded(), how)
			again, err := packPart(anyHanded(), part)
			require.NoError(t, err)
			assert.Equal(t, packed, again, "what has not changed is not written again")
		}
		assert.Equal(t, idsOf(snapshots), idsOf(taken))
		assert.True(t, agree(snapshots, taken))
	})
}

func TestReadingsThatDifferInOneSnapshotDoNotAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := drawSnapshot(t)
		other := one
		other.Host += "x"
		assert.False(t, agree([]snapshot{one}, []snapshot{other}))
		other.ID = one.Tree
		assert.Equal(t, one.ID != one.Tree, agree([]snapshot{one}, []snapshot{other}), "they hold no snapshot in common")
	})
}

func TestWhatDoesNotBelongIntoAPartIsRefused(t *testing.T) {
	first, second := "0"+hex.EncodeToString(make([]byte, 32))[1:], "0f"+hex.EncodeToString(make([]byte, 31))
	at := time.Unix(1, 0)
	for name, snapshots := range map[string][]snapshot{
		"another part's": {{ID: "1" + first[1:], Time: at}},
		"one twice":      {{ID: first, Time: at}, {ID: first, Time: at}},
		"out of order":   {{ID: second, Time: at}, {ID: first, Time: at}},
		"no time":        {{ID: first}},
		"no id":          {{ID: "0", Time: at}},
	} {
		packed, err := packPart(anyHanded(), snapshots)
		require.NoError(t, err, name)
		_, err = unpackPart(packed, 0, func(snapshot) {})
		assert.Error(t, err, name)
	}
	packed, err := packPart(anyHanded(), []snapshot{{ID: first, Time: at}, {ID: second, Time: at}})
	require.NoError(t, err)
	_, err = unpackPart(packed, 0, func(snapshot) {})
	require.NoError(t, err)
	for size := range packed {
		_, err = unpackPart(packed[:size], 0, func(snapshot) {})
		assert.Error(t, err, "%d of %d bytes", size, len(packed))
	}
	later := anyHanded()
	later.Format++
	packed, err = packPart(later, nil)
	require.NoError(t, err)
	_, err = unpackPart(packed, 0, func(snapshot) {})
	assert.ErrorContains(t, err, "of format 2")
}

func TestAPartThatAConfigMapCannotHoldIsNotWritten(t *testing.T) {
	random := rapid.Custom(drawSnapshot)
	var many []snapshot
	for n := range 12_000 {
		many = append(many, random.Example(n))
	}
	_, err := packPart(anyHanded(), many)
	assert.ErrorContains(t, err, "a ConfigMap holds")
}

// FuzzUnpackPart has text that anyone could have written be read, packed as it has to be.
func FuzzUnpackPart(f *testing.F) {
	how := `{"format":1,"location":"s3:x","identity":"","config":"","access":"","wholeAt":"2026-01-02T03:04:05Z"}`
	f.Add([]byte(how + "\n[]"))
	f.Add([]byte(how + "\n" + `[{"id":"` + hex.EncodeToString(make([]byte, 32)) + `","time":"2026-01-02T03:04:05+01:00","paths":["/data"],"tags":null,"summary":{}}]`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, err := writer.Write(text)
		require.NoError(t, err)
		require.NoError(t, writer.Close())
		var taken []snapshot
		how, err := unpackPart(packed.Bytes(), 0, func(s snapshot) { taken = append(taken, s) })
		_, _ = unpackPart(text, 0, func(snapshot) {}) // it does not panic
		if err != nil {
			return
		}
		assert.Equal(t, handedFormat, how.Format)
		last := ""
		for _, s := range taken {
			assert.Regexp(t, `^0[0-9a-f]{63}$`, s.ID)
			assert.Greater(t, s.ID, last)
			assert.False(t, s.Time.IsZero())
			last = s.ID
		}
	})
}

// TestAnotherSnapshotIsAnotherFormat is for those who add to a snapshot: what an earlier
// version handed over lacks that, and must not be taken for whole.
func TestAnotherSnapshotIsAnotherFormat(t *testing.T) {
	text, err := json.Marshal(snapshot{Summary: &summary{}})
	require.NoError(t, err)
	assert.Equal(t, map[int]string{
		1: `{"id":"","original":"","tree":"","time":"0001-01-01T00:00:00Z","paths":null,"tags":null,"hostname":"","program_version":"","summary":{"total_files_processed":0,"total_bytes_processed":0}}`,
	}[handedFormat], string(text), "raise handedFormat, and add a line here")
}
