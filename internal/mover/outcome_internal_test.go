package mover

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

func TestABackupIsHeldAgainstTheOneBeforeAndNotAgainstOneThatIsDatedAhead(t *testing.T) {
	claim := backup.Claim{Namespace: "apps", Name: "data"}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first, second := strings.Repeat("aa", 32), strings.Repeat("bb", 32)
	records := outcome.Records{}
	records.Add(outcome.Record{Of: first, Claim: claim, Files: 1000, Bytes: 1000, Begun: noon})
	records.Add(outcome.Record{Of: second, Claim: claim, Files: 10, Bytes: 10, Begun: noon.Add(time.Hour)})
	earlier := redated([]listed{{ID: first, Time: noon.Add(5 * time.Hour)}, {ID: second, Time: noon.Add(time.Hour)}}, records, claim)
	before, found := backupWork{judged: judgement{claim: claim}}.newest(earlier, records, "the new one", noon.Add(24*time.Hour))
	assert.True(t, found)
	assert.Equal(t, second, before.ID)
}
