package backup_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestSelect(t *testing.T) {
	newest := taken("aaaaaaaa11", noon)
	middle := taken("aaaaaaaa22", noon.Add(-time.Hour))
	oldest := taken("cccccccc33", noon.Add(-2*time.Hour))
	backups := []backup.Backup{newest, middle, oldest}

	tests := map[string]struct {
		selector backup.Selector
		among    []backup.Backup
		want     backup.Backup
		none     bool
	}{
		"no wish gets the newest":                                {among: backups, want: newest},
		"no wish among no backups gets nothing":                  {none: true},
		"a time gets the newest at or before it":                 {selector: backup.Selector{AsOf: noon.Add(-time.Minute)}, among: backups, want: middle},
		"a time exactly that of a backup gets that backup":       {selector: backup.Selector{AsOf: middle.TakenAt}, among: backups, want: middle},
		"a time after all backups gets the newest":               {selector: backup.Selector{AsOf: noon.Add(time.Hour)}, among: backups, want: newest},
		"a time before all backups gets nothing, not the oldest": {selector: backup.Selector{AsOf: noon.Add(-24 * time.Hour)}, among: backups, none: true},
		"an id gets that backup":                                 {selector: backup.Selector{ID: "aaaaaaaa22"}, among: backups, want: middle},
		"the beginning of an id gets that backup":                {selector: backup.Selector{ID: "cccccccc"}, among: backups, want: oldest},
		"too short a beginning of an id gets nothing":            {selector: backup.Selector{ID: "ccccccc"}, among: backups, none: true},
		"the beginning of two ids gets nothing":                  {selector: backup.Selector{ID: "aaaaaaaa"}, among: backups, none: true},
		"an id that does not exist gets nothing, not the newest": {selector: backup.Selector{ID: "dddddddd"}, among: backups, none: true},
		"an id longer than any gets nothing":                     {selector: backup.Selector{ID: "cccccccc33x"}, among: backups, none: true},
		"a whole id wins over another that begins with it":       {selector: backup.Selector{ID: "aaaaaaaa"}, among: append([]backup.Backup{taken("aaaaaaaa", noon)}, backups...), want: taken("aaaaaaaa", noon)},
		"an id that is newer than the time gets nothing":         {selector: backup.Selector{ID: "aaaaaaaa11", AsOf: middle.TakenAt}, among: backups, none: true},
		"an id that is older than the time gets that backup":     {selector: backup.Selector{ID: "cccccccc33", AsOf: middle.TakenAt}, among: backups, want: oldest},
		"a time makes the beginning of an id mean one backup":    {selector: backup.Selector{ID: "aaaaaaaa", AsOf: middle.TakenAt}, among: backups, want: middle},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := test.selector.Select(test.among)
			assert.Equal(t, !test.none, ok)
			if ok {
				assert.Equal(t, test.want, got)
			}
		})
	}
}

func TestSelectNeverFallsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		backups := rapid.SliceOfN(rapid.Custom(drawBackup), 0, 8).Draw(t, "backups")
		slices.SortFunc(backups, backup.NewestFirst)
		var selector backup.Selector
		if rapid.Bool().Draw(t, "by time") {
			selector.AsOf = noon.Add(time.Duration(rapid.IntRange(-1, 6).Draw(t, "as of")) * time.Hour)
		}
		if rapid.Bool().Draw(t, "by id") {
			selector.ID = rapid.StringMatching(`[0-9a-f]{7,12}`).Draw(t, "id")
			if len(backups) > 0 && rapid.Bool().Draw(t, "of one that exists") {
				id := rapid.SampledFrom(backups).Draw(t, "one").ID
				selector.ID = id[:rapid.IntRange(7, len(id)).Draw(t, "length")]
			}
		}
		got, ok := selector.Select(backups)
		if !ok {
			if selector.IsZero() {
				assert.Empty(t, backups)
			}
			return
		}
		assert.Contains(t, backups, got)
		if !selector.AsOf.IsZero() {
			assert.False(t, got.TakenAt.After(selector.AsOf))
		}
		assert.True(t, strings.HasPrefix(got.ID, selector.ID))
		if selector.ID == "" {
			for _, b := range backups {
				better := backup.NewestFirst(b, got) < 0 && (selector.AsOf.IsZero() || !b.TakenAt.After(selector.AsOf))
				assert.False(t, better, "a newer backup was passed over")
			}
		}
	})
}

func TestSelectorsDescribeTheWish(t *testing.T) {
	assert.Equal(t, "the newest", backup.Selector{}.String())
	assert.Equal(t, `id "5e1f"`, backup.Selector{ID: "5e1f"}.String())
	assert.Equal(t, "taken at or before 2026-03-01T12:00:00Z", backup.Selector{AsOf: noon}.String())
	assert.Equal(t, `id "5e1f" taken at or before 2026-03-01T12:00:00Z`, backup.Selector{ID: "5e1f", AsOf: noon}.String())
}
