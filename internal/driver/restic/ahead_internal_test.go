package restic

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

func TestABackupThatIsDatedAheadStaysWhereItBelongsOnceItsDateHasCome(t *testing.T) {
	claim := backup.Claim{Namespace: "apps", Name: "data"}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	taken := func(id string, begun, dated time.Time) []snapshot {
		s := snapshot{ID: strings.Repeat(id, 32), Time: dated, Host: claim.String(), Tags: []string{"namespace=apps", "pvc=data"}, Paths: []string{"/data"}}
		r := outcome.Record{Of: s.ID, Claim: claim, Files: 1, Bytes: 1, Begun: begun}
		return []snapshot{s, {ID: strings.Repeat(id, 31) + "ff", Time: noon, Host: outcome.Host, Tags: r.Tags()}}
	}
	var listed []backup.Backup
	j := newJoiner(Config{}, func(b backup.Backup) { listed = append(listed, b) })
	for _, s := range append(taken("aa", noon, noon.Add(5*time.Hour)), taken("bb", noon.Add(time.Hour), noon.Add(time.Hour))...) {
		j.add(s)
	}
	j.end()
	require.Len(t, listed, 2)
	found := backup.FoundBackups(listed, backup.Evidence{}).Backups()

	rules := backup.Rules{Now: noon.Add(24 * time.Hour)}
	newest, err := rules.Choose(backup.Selector{}, found)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("bb", 32), newest.Backup.ID, "the one that was begun last")
	assert.Zero(t, newest.Backup.DatedAt)

	ahead, err := rules.Choose(backup.Selector{ID: strings.Repeat("aa", 32)}, found)
	require.NoError(t, err)
	assert.Equal(t, noon, ahead.Backup.TakenAt)
	assert.Equal(t, noon.Add(5*time.Hour), ahead.Backup.DatedAt)
	assert.Contains(t, strings.Join(ahead.Notes, "; "), "dated 2026-03-01T17:00:00Z, by a clock that was ahead; it was begun 2026-03-01T12:00:00Z")
}
