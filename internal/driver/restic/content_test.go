package restic_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// TestAChangedSnapshotIsRecognised has restic itself change a snapshot, and looks
// what takes its place.
func TestAChangedSnapshotIsRecognised(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]struct {
				change []string
				same   bool
				words  string
			}{
				"retagged":  {change: []string{"tag", "--add", "kept=yes"}, same: true, words: "holds the same data of the same moment"},
				"rewritten": {change: []string{"rewrite", "--forget", "--exclude", "file"}, words: "it was rewritten"},
				"forgotten": {change: []string{"forget"}},
			} {
				t.Run(name, func(t *testing.T) {
					r := local(t, program(t))
					r.Init(t)
					pinned := add(t, r, claim, then)
					newer := add(t, r, claim, then.Add(time.Hour))
					before := listedOnce(t, r)
					require.NotEmpty(t, before[pinned].Content)
					r.Run(t, append(test.change, pinned)...)
					after := listedOnce(t, r)
					require.NotContains(t, after, pinned)
					var there []backup.Backup
					for _, b := range after {
						there = append(there, b)
					}
					there = backup.FoundBackups(there, backup.Evidence{}).Backups()
					twin, err := backup.Rules{}.Replace(backup.Selector{}, before[pinned], there)
					if test.words == "" {
						assert.Equal(t, backup.NotFound, backup.KindOf(err))
						return
					}
					require.NoError(t, err)
					assert.NotEqual(t, newer, twin.Backup.ID)
					assert.Equal(t, pinned, twin.Backup.Origin)
					assert.Equal(t, test.same, before[pinned].Content == twin.Backup.Content)
					assert.Contains(t, twin.Notes[0]+twin.Notes[1], test.words)
				})
			}
		})
	}
}

// listedOnce returns what a listing finds, by id.
func listedOnce(t *testing.T, r restictest.Repository) map[string]backup.Backup {
	t.Helper()
	listing := &drivertest.Listing{}
	_, err := newDriver(t, r.Restic, r.Address, fullSecret()).List(t.Context(), listing)
	require.NoError(t, err)
	found := make(map[string]backup.Backup)
	for _, b := range listing.Backups {
		found[b.ID] = b
	}
	return found
}
