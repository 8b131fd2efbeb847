package retention_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

// remove returns what is left and what goes, as the enforcer does it.
func remove(backups []backup.Backup, keep retention.Keep) (left, gone []backup.Backup) {
	kept, removed := retention.Split(backups, keep, whole, nil)
	return retention.Spare(kept, removed, whole)
}

func TestWhatStaysBeyondThePolicy(t *testing.T) {
	const gib, mib = 1 << 30, 1 << 20
	cases := map[string]struct {
		// sizes are files and bytes, newest first; the ids are a, b, c…
		sizes [][2]int64
		keep  retention.Keep
		gone  []string
	}{
		"of alike ones none":                        {[][2]int64{{100, 1000}, {100, 1000}, {100, 1000}}, retention.Keep{Last: 1}, []string{"b", "c"}},
		"of a growing one none":                     {[][2]int64{{100, 1000}, {10, 100}, {1, 10}}, retention.Keep{Last: 1}, []string{"b", "c"}},
		"the one before a loss":                     {[][2]int64{{1, 10}, {1, 10}, {100, 1000}, {100, 1000}}, retention.Keep{Last: 1}, []string{"b", "d"}},
		"the data, though logs rotate after a loss": {[][2]int64{{9, 4 * mib}, {9, 10 * mib}, {9, 100 * gib}, {9, 100 * gib}}, retention.Keep{Last: 1}, []string{"b", "d"}},
		"the data, however the rest shrinks":        {[][2]int64{{9, 1 * mib}, {9, 10 * mib}, {9, 100 * gib}}, retention.Keep{Last: 1}, nil},
		"the newest of a slow drain that holds several times more, and the first": {[][2]int64{{9, 130}, {9, 210}, {9, 360}, {9, 600}, {9, 1000}}, retention.Keep{Last: 1}, []string{"b", "c"}},
		"before an older loss, too":                        {[][2]int64{{1, 10}, {100, 1000}, {1, 10}, {900, 9000}}, retention.Keep{Last: 1}, []string{"c"}},
		"unknown sizes":                                    {[][2]int64{{100, 1000}, {-1, -1}, {-1, -1}}, retention.Keep{Last: 1}, nil},
		"all, if the newest is not known":                  {[][2]int64{{-1, -1}, {100, 1000}, {100, 1000}}, retention.Keep{Last: 1}, []string{"c"}},
		"what the newest kept one cannot be compared with": {[][2]int64{{-1, -1}, {100, 1000}}, retention.Keep{Last: 1}, nil},
		"bytes are compared where files are not known":     {[][2]int64{{-1, 1000}, {-1, 1000}, {-1, 9000}}, retention.Keep{Last: 1}, []string{"b"}},
		"an emptied volume leaves the last full one":       {[][2]int64{{0, 0}, {0, 0}, {3, 3}, {3, 3}}, retention.Keep{Last: 1}, []string{"b", "d"}},
	}
	for sentence, tc := range cases {
		t.Run(sentence, func(t *testing.T) {
			left, gone := remove(sized(tc.sizes...), tc.keep)
			assert.Equal(t, tc.gone, ids(gone))
			assert.Len(t, left, len(tc.sizes)-len(gone))
			_, rest := remove(left, tc.keep)
			assert.Empty(t, rest, "again removes nothing")
		})
	}
}

func TestBackupsThatDoNotCountReplaceNone(t *testing.T) {
	for _, outcome := range []backup.Outcome{backup.OutcomePartial, backup.OutcomeVoid} {
		t.Run(outcome.String(), func(t *testing.T) {
			all := sized([2]int64{100, 1000}, [2]int64{100, 1000}, [2]int64{100, 1000}, [2]int64{100, 1000})
			all[0].Outcome, all[1].Outcome = outcome, outcome
			left, gone := remove(all, retention.Keep{Last: 1})
			assert.Equal(t, []string{"a", "b", "c"}, ids(left), "the newest that counts stays, and no newer one goes for it")
			assert.Equal(t, []string{"d"}, ids(gone))

			all[2].Outcome, all[3].Outcome = outcome, outcome
			_, gone = remove(all, retention.Keep{Last: 1})
			assert.Empty(t, gone, "nothing counts")
		})
	}
	all := sized([2]int64{100, 1000}, [2]int64{100, 1000}, [2]int64{100, 1000})
	all[1].Outcome = backup.OutcomePartial
	_, gone := remove(all, retention.Keep{Last: 1})
	assert.Equal(t, []string{"b", "c"}, ids(gone), "one that does not count goes as others do")
}

// history draws what becomes of a claim: how much each backup holds, how it ended.
func history(t *rapid.T) []backup.Backup {
	var all []backup.Backup
	at, files, bytes := now.Add(-20000*time.Hour), int64(1000), int64(1<<40)
	for i := range rapid.IntRange(1, 30).Draw(t, "backups") {
		part := rapid.SampledFrom([]int64{0, 1, 10, 49, 50, 51, 60, 80, 99, 100, 101, 150, 1000}).Draw(t, "percent")
		files, bytes = max(files, 3)*part/100, max(bytes, 50)*rapid.SampledFrom([]int64{part, 100}).Draw(t, "of bytes")/100
		at = at.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "hours")) * time.Hour)
		b := backup.Backup{Claim: claim, Driver: "restic", ID: fmt.Sprintf("%08d", i), TakenAt: at, Files: files, DataBytes: bytes, Own: true}
		switch rapid.IntRange(0, 9).Draw(t, "sort") {
		case 0:
			b.Files, b.DataBytes = -1, -1
		case 1:
			b.Files = -1
		case 2:
			b.Outcome = backup.OutcomePartial
		case 3:
			b.Outcome = backup.OutcomeVoid
		}
		all = append(all, b)
	}
	return all
}

func drawKeep(t *rapid.T) retention.Keep {
	few := func(name string) int { return rapid.IntRange(0, 3).Draw(t, name) }
	return retention.Keep{Last: few("last"), Hourly: few("hourly"), Daily: few("daily"), Weekly: few("weekly"), Monthly: few("monthly"), Yearly: few("yearly")}
}

func holdsAtLeast(of func(backup.Backup) int64, b backup.Backup) func(backup.Backup) bool {
	return func(other backup.Backup) bool { return of(other) >= of(b) }
}

func TestNoSequenceOfBackupsRemovesTheOnlyOneThatHoldsTheData(t *testing.T) {
	measures := map[string]func(backup.Backup) int64{
		"files": func(b backup.Backup) int64 { return b.Files }, "bytes": func(b backup.Backup) int64 { return b.DataBytes },
	}
	rapid.Check(t, func(t *rapid.T) {
		taken, keep := history(t), drawKeep(t)
		var there []backup.Backup
		for i, made := range taken {
			before := append([]backup.Backup{made}, there...)
			left, gone := remove(before, keep)
			there = left
			for _, b := range gone {
				require.False(t, b.Files < 0 && b.DataBytes < 0, "nobody knows what %s holds", b.ID)
			}
			for name, of := range measures {
				for _, ever := range taken[:i+1] {
					if whole(ever) && of(ever) >= 0 {
						require.True(t, slices.ContainsFunc(there, holdsAtLeast(of, ever)), "no backup holds as many %s as %s did", name, ever.ID)
					}
				}
				if wayBack, found := newestFarMore(before, of); found {
					require.Contains(t, ids(there), wayBack.ID, "the newest that holds several times the %s of the newest", name)
				}
			}
			if newest := slices.IndexFunc(before, whole); newest >= 0 {
				require.Contains(t, ids(there), before[newest].ID, "the newest that counts")
			}
		}
	})
}

func newestFarMore(newestFirst []backup.Backup, of func(backup.Backup) int64) (backup.Backup, bool) {
	all := slices.DeleteFunc(slices.Clone(newestFirst), func(b backup.Backup) bool { return !whole(b) })
	if len(all) == 0 || of(all[0]) < 0 {
		return backup.Backup{}, false
	}
	i := slices.IndexFunc(all, func(b backup.Backup) bool { return of(b) > 0 && of(b) >= backup.FarLess*of(all[0]) })
	if i < 0 {
		return backup.Backup{}, false
	}
	return all[i], true
}

func TestWhatDoesNotCountChangesNothingForWhatDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, keep := history(t), drawKeep(t)
		counted := slices.DeleteFunc(slices.Clone(all), func(b backup.Backup) bool { return !whole(b) })
		_, gone := remove(all, keep)
		_, without := remove(counted, keep)
		gone = slices.DeleteFunc(gone, func(b backup.Backup) bool { return !whole(b) })
		require.Equal(t, ids(without), ids(gone))
	})
}

func TestTheWayBackTakesFewBackups(t *testing.T) {
	var there []backup.Backup
	bytes, at := int64(1<<40), now.Add(-2000*time.Hour)
	for i := range 1000 {
		bytes, at = bytes*99/100+int64(i%7), at.Add(time.Hour)
		made := backup.Backup{Claim: claim, Driver: "restic", ID: fmt.Sprint(i), TakenAt: at, Files: int64(1000 + i), DataBytes: bytes}
		there, _ = remove(append([]backup.Backup{made}, there...), retention.Keep{Last: 3})
	}
	assert.LessOrEqual(t, len(there), 3+20, "a volume that drained to a ten-thousandth")
	assert.Equal(t, "0", there[len(there)-1].ID, "the first is still there")
}
