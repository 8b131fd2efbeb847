package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

var claim = backup.Claim{Namespace: "ai", Name: "cache"}

// taken gives backups at these times ("2006-01-02 15:04"), whose ids are the times.
func taken(t *testing.T, times ...string) []backup.Backup {
	t.Helper()
	var all []backup.Backup
	for _, text := range times {
		at, err := time.ParseInLocation("2006-01-02 15:04", text, time.UTC)
		require.NoError(t, err)
		all = append(all, backup.Backup{Claim: claim, Driver: "restic", ID: text, TakenAt: at, Own: true})
	}
	return all
}

func ids(backups []backup.Backup) []string {
	var all []string
	for _, b := range backups {
		all = append(all, b.ID)
	}
	return all
}

func TestWhatIsKept(t *testing.T) {
	cases := map[string]struct {
		keep  retention.Keep
		taken []string
		kept  []string
	}{
		"no retention keeps everything": {retention.Keep{}, []string{"2026-01-02 00:00", "2026-01-01 00:00"}, []string{"2026-01-02 00:00", "2026-01-01 00:00"}},
		"nothing of nothing":            {retention.Keep{Last: 1}, nil, nil},
		"the only one":                  {retention.Keep{Yearly: 1}, []string{"2026-01-02 00:00"}, []string{"2026-01-02 00:00"}},
		"the last two, in whatever order they come": {retention.Keep{Last: 2},
			[]string{"2026-01-01 00:00", "2026-01-03 00:00", "2026-01-02 00:00"}, []string{"2026-01-03 00:00", "2026-01-02 00:00"}},
		"the newest of each hour": {retention.Keep{Hourly: 2},
			[]string{"2026-01-01 03:59", "2026-01-01 03:00", "2026-01-01 02:30", "2026-01-01 02:10", "2026-01-01 01:00"}, []string{"2026-01-01 03:59", "2026-01-01 02:30"}},
		"hours without a backup do not count": {retention.Keep{Hourly: 2},
			[]string{"2026-01-05 03:59", "2026-01-01 02:30", "2026-01-01 01:00"}, []string{"2026-01-05 03:59", "2026-01-01 02:30"}},
		"the newest of each day": {retention.Keep{Daily: 2},
			[]string{"2026-01-02 00:00", "2026-01-01 23:59", "2026-01-01 00:00", "2025-12-31 12:00"}, []string{"2026-01-02 00:00", "2026-01-01 23:59"}},
		"ISO weeks begin on Mondays, across the years": {retention.Keep{Weekly: 2},
			[]string{"2026-01-05 00:00", "2026-01-04 23:00", "2026-01-01 00:00", "2025-12-29 00:00", "2025-12-28 00:00"}, []string{"2026-01-05 00:00", "2026-01-04 23:00"}},
		"the newest of each month": {retention.Keep{Monthly: 2},
			[]string{"2026-02-01 00:00", "2026-01-31 00:00", "2026-01-01 00:00", "2025-12-31 00:00"}, []string{"2026-02-01 00:00", "2026-01-31 00:00"}},
		"the newest of each year": {retention.Keep{Yearly: 2},
			[]string{"2026-02-01 00:00", "2025-12-31 00:00", "2025-01-01 00:00", "2024-12-31 00:00"}, []string{"2026-02-01 00:00", "2025-12-31 00:00"}},
		"the oldest while there is room": {retention.Keep{Daily: 3},
			[]string{"2026-01-02 00:00", "2026-01-01 23:00", "2026-01-01 12:00", "2026-01-01 00:00"}, []string{"2026-01-02 00:00", "2026-01-01 23:00", "2026-01-01 00:00"}},
		"what any rule keeps": {retention.Keep{Last: 1, Daily: 2, Monthly: 2},
			[]string{"2026-03-03 12:00", "2026-03-03 00:00", "2026-03-02 12:00", "2026-03-01 00:00", "2026-02-28 00:00", "2026-02-01 00:00", "2026-01-31 00:00"},
			[]string{"2026-03-03 12:00", "2026-03-02 12:00", "2026-02-28 00:00"}},
	}
	for sentence, tc := range cases {
		t.Run(sentence, func(t *testing.T) {
			all := taken(t, tc.taken...)
			kept, removed := retention.Choose(all, tc.keep, nil)
			assert.Equal(t, tc.kept, ids(kept))
			assert.Len(t, removed, len(all)-len(kept))
			assert.True(t, slices.IsSortedFunc(removed, backup.NewestFirst))
		})
	}
}

func TestDaysAreThoseOfTheLocation(t *testing.T) {
	all := taken(t, "2026-01-02 00:30", "2026-01-01 23:30", "2026-01-01 12:00")
	kept, _ := retention.Choose(all, retention.Keep{Daily: 2}, nil)
	assert.Equal(t, []string{"2026-01-02 00:30", "2026-01-01 23:30"}, ids(kept), "days of UTC")
	kept, _ = retention.Choose(all, retention.Keep{Daily: 1}, time.FixedZone("west", -3600))
	assert.Equal(t, []string{"2026-01-02 00:30"}, ids(kept))
	kept, removed := retention.Choose(all, retention.Keep{Daily: 2}, time.FixedZone("west", -3600))
	assert.Equal(t, []string{"2026-01-02 00:30", "2026-01-01 12:00"}, ids(kept), "the first two are of one day there; the oldest has room")
	assert.Equal(t, []string{"2026-01-01 23:30"}, ids(removed))
}

func TestNegativeNumbersAreRefusedAndKeepEverything(t *testing.T) {
	for field, keep := range map[string]retention.Keep{
		"keep.last": {Last: -1}, "keep.hourly": {Hourly: -1}, "keep.daily": {Daily: -1},
		"keep.weekly": {Weekly: -1}, "keep.monthly": {Monthly: -1}, "keep.yearly": {Yearly: -2, Last: 1},
	} {
		err := keep.Validate()
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.Equal(t, field, backup.FieldOf(err))
		_, removed := retention.Choose(taken(t, "2026-01-02 00:00", "2026-01-01 00:00", "2025-01-01 00:00"), keep, nil)
		assert.Empty(t, removed)
	}
	assert.NoError(t, retention.Keep{Last: 3}.Validate())
}

// holds checks what must hold of every choice.
func holds(t *testing.T, backups []backup.Backup, keep retention.Keep, shuffle func([]backup.Backup)) {
	t.Helper()
	given := slices.Clone(backups)
	kept, removed := retention.Choose(backups, keep, time.UTC)
	require.Equal(t, given, backups, "what was given is not changed")
	require.Len(t, kept, len(backups)-len(removed), "each is kept or removed")
	if len(backups) == 0 {
		return
	}
	require.NotEmpty(t, kept, "never below one")
	newest := slices.MinFunc(backups, backup.NewestFirst)
	require.Equal(t, newest, kept[0], "the newest stays")
	if keep.IsZero() {
		require.Empty(t, removed, "no retention")
	}
	again, none := retention.Choose(kept, keep, time.UTC)
	require.Empty(t, none, "again removes nothing")
	require.Equal(t, kept, again)
	shuffled := slices.Clone(backups)
	shuffle(shuffled)
	sameKept, sameRemoved := retention.Choose(shuffled, keep, time.UTC)
	require.Equal(t, kept, sameKept, "the order does not matter")
	require.Equal(t, removed, sameRemoved)
	require.GreaterOrEqual(t, len(kept), min(keep.Last, len(backups)))
}

func TestEveryChoiceIsSafe(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []backup.Backup
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		gap := []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 20 * 24 * time.Hour}[r.IntN(4)]
		for n := range r.IntN(60) {
			at = at.Add(-time.Duration(r.Int64N(int64(2 * gap)))) // some of the same moment
			all = append(all, backup.Backup{Claim: claim, ID: fmt.Sprint(n), TakenAt: at.Truncate(time.Minute)})
		}
		pick := func() int { return max(0, r.IntN(12)-5) }
		keep := retention.Keep{Last: pick(), Hourly: pick(), Daily: pick(), Weekly: pick(), Monthly: pick(), Yearly: pick()}
		holds(t, all, keep, func(b []backup.Backup) { r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] }) })
	}
}

func FuzzChoose(f *testing.F) {
	f.Add(1, 0, 0, 0, 0, 0, []byte{1, 2, 3})
	f.Add(0, 2, 3, 1, 0, 4, []byte{255, 0, 0, 255, 7, 7, 90, 200})
	f.Add(0, 0, 0, 0, 0, 0, []byte{})
	f.Add(-1, 3, 0, 0, 0, 1, []byte{9, 9})
	f.Fuzz(func(t *testing.T, last, hourly, daily, weekly, monthly, yearly int, gaps []byte) {
		var all []backup.Backup
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		for n, gap := range gaps[:min(len(gaps), 200)] {
			at = at.Add(-time.Duration(gap) * time.Duration(gap) * time.Minute)
			all = append(all, backup.Backup{Claim: claim, ID: fmt.Sprint(n), TakenAt: at})
		}
		keep := retention.Keep{Last: last, Hourly: hourly, Daily: daily, Weekly: weekly, Monthly: monthly, Yearly: yearly}
		holds(t, all, keep, slices.Reverse)
	})
}
