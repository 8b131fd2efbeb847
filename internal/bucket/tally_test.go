package bucket_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestATallyCountsWhatIsStoredAndWhatOfItIsOld(t *testing.T) {
	tally := bucket.NewTally("", true)
	for _, o := range []bucket.Object{
		{Key: "a/1", Size: 10}, {Key: "a/1", Size: 7, Noncurrent: true}, {Key: "a/2", DeleteMarker: true}, {Key: "a/2", Size: 5, Noncurrent: true},
	} {
		require.NoError(t, tally.Add(o))
	}
	assert.Equal(t, bucket.Figures{
		Objects: 1, Bytes: 22,
		History:   &bucket.History{Versions: 3, NoncurrentBytes: 12, DeleteMarkers: 1},
		Largest:   []bucket.Prefix{{Prefix: "a/", Objects: 1, Bytes: 22}},
		ScannedAt: noon, Took: time.Minute,
	}, tally.Figures(noon.Add(-time.Minute), noon))
}

func TestATallyRefusesWhatMakesNoSense(t *testing.T) {
	assert.Equal(t, backup.Unavailable, backup.KindOf(bucket.NewTally("", true).Add(bucket.Object{Key: "a", Size: -1})))
	assert.Equal(t, backup.Unavailable, backup.KindOf(bucket.NewTally("b", true).Add(bucket.Object{Key: "a"})))
	assert.Error(t, bucket.NewTally("", false).Add(bucket.Object{Key: "a", Noncurrent: true}))
	assert.Error(t, bucket.NewTally("", false).Add(bucket.Object{Key: "a", DeleteMarker: true}))
}

func TestTheLargestPrefixesAreExactHoweverManyThereAre(t *testing.T) {
	tally := bucket.NewTally("", false)
	const volumes = 20_000
	for i := range volumes {
		size := int64(1)
		if i%1000 == 0 {
			size = int64(1 + i)
		}
		for range 2 {
			require.NoError(t, tally.Add(bucket.Object{Key: fmt.Sprintf("store/%05d/block", i), Size: size}))
		}
	}
	got := tally.Figures(noon, noon)
	assert.Equal(t, int64(2*volumes), got.Objects)
	require.Len(t, got.Largest, 20)
	for i, p := range got.Largest {
		if i == 19 {
			break // the volume of one byte: one of many
		}
		largest := (19 - i) * 1000
		assert.Equal(t, bucket.Prefix{Prefix: fmt.Sprintf("store/%05d/", largest), Objects: 2, Bytes: int64(2 * (1 + largest))}, p)
	}
}

func TestWhatKeysAreCountedUnder(t *testing.T) {
	sum := strings.Repeat("5e", 32)
	for key, want := range map[string]string{
		"file":                 "",
		"a/file":               "a/",
		"a/b/file":             "a/b/",
		"a/b/c/d/file":         "a/b/",
		"/file":                "/",
		"//file":               "//",
		"cluster/config":       "cluster/",
		"data/5e/" + sum:       "data/",
		"a/b/c/data/5e/" + sum: "a/b/c/data/",
		"a/b/c/index/" + sum:   "a/b/c/index/",
		"snapshots/" + sum:     "snapshots/",
		"a/b/c/data/5e/notes":  "a/b/",
		"a/b/c/other/" + sum:   "a/b/",
		"backupstore/volumes/1a/2b/pvc-1/blocks/aa/bb/1.blk":     "backupstore/volumes/1a/2b/pvc-1/",
		"x/y/backupstore/volumes/1a/2b/pvc-1/volume.cfg":         "x/y/backupstore/volumes/1a/2b/pvc-1/",
		"backupstore/volumes/1a/2b":                              "backupstore/volumes/",
		"mybackupstore/volumes/1a/2b/pvc-1/volume.cfg":           "mybackupstore/volumes/",
		"backupstore/system-backups/v1.8.1/backup/system-backup": "backupstore/system-backups/",
	} {
		assert.Equal(t, want, countedUnder(t, "", key), key)
	}
	assert.Equal(t, "a/b/c/d/", countedUnder(t, "a/b/", "a/b/c/d/e/file"), "folders are counted from what is listed")
	assert.Equal(t, "a/b/c/", countedUnder(t, "a/b", "a/b/c/d/e/file"), "a prefix need not be a folder")
	assert.Equal(t, "a/b/", countedUnder(t, "a/b/", "a/b/file"))
}

func countedUnder(t *testing.T, listed, key string) string {
	t.Helper()
	tally := bucket.NewTally(listed, true)
	require.NoError(t, tally.Add(bucket.Object{Key: key}))
	return tally.Figures(noon, noon).Largest[0].Prefix
}

// FuzzTally holds that whatever keys there are, each is counted under a prefix of
// itself.
func FuzzTally(f *testing.F) {
	f.Add("", "backupstore/volumes/1a/2b/pvc-1/volume.cfg")
	f.Add("a/b", "a/b/data/5e/"+strings.Repeat("5e", 32))
	f.Add("/", "//")
	f.Add("\xff/", "\xff/\x00/é")
	f.Fuzz(func(t *testing.T, listed, key string) {
		tally := bucket.NewTally(listed, true)
		if err := tally.Add(bucket.Object{Key: key, Size: 1}); err != nil {
			assert.False(t, strings.HasPrefix(key, listed))
			return
		}
		got := tally.Figures(noon, noon).Largest
		require.Len(t, got, 1)
		assert.True(t, strings.HasPrefix(key, got[0].Prefix))
	})
}

func BenchmarkTally(b *testing.B) {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("backupstore/volumes/1a/2b/pvc-%d/blocks/aa/bb/%d.blk", i/10, i)
	}
	b.ReportAllocs()
	tally := bucket.NewTally("", true)
	for i := 0; b.Loop(); i++ {
		if err := tally.Add(bucket.Object{Key: keys[i%len(keys)], Size: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
