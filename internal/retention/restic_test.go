package retention_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/retention"
)

// moments are around which backups are taken: where hours, days, ISO weeks, months
// and years change, a leap day, and both changes of the clocks in Europe.
var moments = []time.Time{
	time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
	time.Date(2024, 12, 30, 0, 30, 0, 0, time.UTC),
	time.Date(2025, 12, 31, 23, 30, 0, 0, time.UTC),
	time.Date(2026, 1, 4, 23, 45, 0, 0, time.UTC),
	time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
	time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
	time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
}

// subsets is how many random histories are made of the backups, as tags.
const subsets = 20

// histories makes a repository with backups at random moments of a zone and, by
// name, the random histories that they are parts of.
func histories(t *testing.T, restic string, zone *time.Location) (restictest.Repository, map[string][]backup.Backup) {
	t.Helper()
	repository := restictest.Repository{
		Restic: restic, Address: filepath.Join(t.TempDir(), "repository"), CacheDir: t.TempDir(), Env: []string{"TZ=" + zone.String()},
	}
	repository.Init(t)
	random := rand.New(rand.NewPCG(20, 26))
	folder := t.TempDir()
	for range 36 {
		gap := []time.Duration{time.Minute, 20 * time.Minute, 5 * time.Hour, 2 * 24 * time.Hour, 20 * 24 * time.Hour}[random.IntN(5)]
		at := moments[random.IntN(len(moments))].Add(time.Duration(random.Int64N(int64(6*gap))) - 3*gap)
		args := []string{"--host", "ai/cache", "--time", at.In(zone).Format(time.DateTime)}
		for n := range subsets {
			if random.IntN(10) < 2+n%8 {
				args = append(args, "--tag", "s"+strconv.Itoa(n))
			}
		}
		repository.Snapshot(t, folder, args...)
	}
	// What restic took a time for that the clocks show twice, it says itself.
	var made []struct {
		ID   string
		Time time.Time
		Tags []string
	}
	require.NoError(t, json.Unmarshal(repository.Run(t, "snapshots", "--json"), &made))
	all, seen := map[string][]backup.Backup{}, map[int64]bool{}
	for _, s := range made {
		require.False(t, seen[s.Time.Unix()], "of the same moment restic may take either for the newer")
		seen[s.Time.Unix()] = true
		for _, tag := range s.Tags {
			all[tag] = append(all[tag], backup.Backup{Claim: claim, Driver: "restic", ID: s.ID, TakenAt: s.Time})
		}
	}
	return repository, all
}

// dryRun asks restic what it would keep.
func dryRun(t *testing.T, r restictest.Repository, tag string, keep retention.Keep) []string {
	t.Helper()
	args := []string{"forget", "--dry-run", "--json", "--no-lock", "--group-by", "host", "--tag", tag}
	for name, n := range map[string]int{
		"last": keep.Last, "hourly": keep.Hourly, "daily": keep.Daily, "weekly": keep.Weekly, "monthly": keep.Monthly, "yearly": keep.Yearly,
	} {
		if n > 0 {
			args = append(args, fmt.Sprintf("--keep-%s=%d", name, n))
		}
	}
	var groups []struct {
		Keep []struct{ ID string }
	}
	require.NoError(t, json.Unmarshal(r.Run(t, args...), &groups))
	require.Len(t, groups, 1)
	var kept []string
	for _, s := range groups[0].Keep {
		kept = append(kept, s.ID)
	}
	return kept
}

func TestWhatIsKeptIsWhatResticWouldKeep(t *testing.T) {
	numbers := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3, 5, 12, 9999})
	keeps := rapid.Custom(func(t *rapid.T) retention.Keep {
		return retention.Keep{
			Last: numbers.Draw(t, "last"), Hourly: numbers.Draw(t, "hourly"), Daily: numbers.Draw(t, "daily"),
			Weekly: numbers.Draw(t, "weekly"), Monthly: numbers.Draw(t, "monthly"), Yearly: numbers.Draw(t, "yearly"),
		}
	}).Filter(func(k retention.Keep) bool { return !k.IsZero() })
	single := []retention.Keep{{Last: 1}, {Last: 3}, {Hourly: 4}, {Daily: 4}, {Weekly: 4}, {Monthly: 4}, {Yearly: 4}, {Yearly: 9999}}
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, zone := range []*time.Location{time.UTC, berlin} {
		for version, restic := range restictest.Versions {
			t.Run("with "+version+" in "+zone.String(), func(t *testing.T) {
				t.Parallel()
				repository, all := histories(t, restic(t), zone)
				for n := range subsets {
					name := "s" + strconv.Itoa(n)
					keep := keeps.Example(n)
					if n < len(single) {
						keep = single[n]
					}
					kept, removed := retention.Choose(all[name], keep, zone)
					theirs, ours := dryRun(t, repository, name, keep), ids(kept)
					slices.Sort(theirs)
					slices.Sort(ours)
					require.Equal(t, theirs, ours, "%s of %d backups, %+v", name, len(all[name]), keep)
					require.Len(t, removed, len(all[name])-len(kept))
				}
			})
		}
	}
}
