package backup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

// start is a backup that was begun and is dated so many minutes after noon.
func start(id string, begun, dated int, change ...func(*backup.Start)) backup.Start {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	s := backup.Start{ID: id, Claim: photos, Cluster: "home", Begun: at(begun), Dated: at(dated)}
	for _, c := range change {
		c(&s)
	}
	return s
}

func TestADateIsAheadWhereTheNextBackupWasBegunBefore(t *testing.T) {
	elsewhere := func(s *backup.Start) { s.Cluster = "work" }
	other := func(s *backup.Start) { s.Claim.Name = "other" }
	unknown := func(s *backup.Start) { s.Begun = time.Time{} }
	for name, test := range map[string]struct {
		starts []backup.Start
		want   []string
	}{
		"five hours ahead": {[]backup.Start{start("a", 0, 300), start("b", 60, 60)}, []string{"a"}},
		"by the next one, though that is ahead itself":    {[]backup.Start{start("a", 0, 300), start("b", 60, 360)}, []string{"a"}},
		"all but the last on a node that is always ahead": {[]backup.Start{start("c", 120, 420), start("a", 0, 300), start("b", 60, 360)}, []string{"a", "b"}},
		"a Job that waited for hours, and the next one":   {[]backup.Start{start("a", 0, 290), start("b", 300, 301)}, nil},
		"by what clocks may differ":                       {[]backup.Start{start("a", 0, 69), start("b", 60, 60)}, nil},
		"nothing began after it":                          {[]backup.Start{start("a", 0, 300)}, nil},
		"another claim's began after it":                  {[]backup.Start{start("a", 0, 300), start("b", 60, 60, other)}, nil},
		"another cluster's began after it":                {[]backup.Start{start("a", 0, 300), start("b", 60, 60, elsewhere)}, nil},
		"begun at the same moment as another":             {[]backup.Start{start("a", 0, 300), start("b", 0, 300)}, nil},
		"when it was begun is not known":                  {[]backup.Start{start("a", 0, 300, unknown), start("b", 60, 60)}, nil},
		"when the next one was begun is not known":        {[]backup.Start{start("a", 0, 300), start("b", 60, 60, unknown)}, nil},
		"a clock that is behind is another matter":        {[]backup.Start{start("a", 300, 0), start("b", 360, 60)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ahead := backup.Ahead(test.starts)
			var got []string
			for _, s := range test.starts {
				if begun, wrong := ahead[s.ID]; wrong {
					got = append(got, s.ID)
					assert.Equal(t, s.Begun, begun)
				}
			}
			assert.ElementsMatch(t, test.want, got)
		})
	}
}

// TestNoRightDateIsEverCalledWrong draws histories: Jobs of a claim that follow each
// other, wait as long as they like, and run on nodes whose clocks are right or ahead.
func TestNoRightDateIsEverCalledWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var starts []backup.Start
		skews, begun := map[string]time.Duration{}, map[string]time.Time{}
		now := noon
		for i := range rapid.IntRange(1, 12).Draw(t, "backups") {
			s := backup.Start{ID: fmt.Sprint(i), Claim: photos, Begun: now}
			if rapid.Bool().Draw(t, "another claim's") {
				s.Claim = backup.Claim{Namespace: "apps", Name: "other"}
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "waits")) * time.Minute)
			skews[s.ID] = time.Duration(rapid.SampledFrom([]int{-300, 0, 0, 9, 11, 300}).Draw(t, "skew")) * time.Minute
			s.Dated = now.Add(skews[s.ID])
			now = now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "takes")) * time.Minute)
			starts, begun[s.ID] = append(starts, s), s.Begun
		}
		shuffled := rapid.Permutation(starts).Draw(t, "order")
		for id, at := range backup.Ahead(shuffled) {
			require.Greater(t, skews[id], backup.MaxAhead, "a node whose clock is right enough")
			require.Equal(t, begun[id], at)
		}
	})
}
