package backup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestADoubtMayBeAboutANewerBackup(t *testing.T) {
	why := backup.Errorf(backup.Unavailable, "it cannot be read")
	for name, test := range map[string]struct {
		doubt error
		want  bool
	}{
		"no doubt is about none":                         {},
		"one that says nothing of it is":                 {doubt: why, want: true},
		"one of a backup under way is not":               {doubt: backup.UnderWay(why)},
		"one of a backup taken at an unknown time is":    {doubt: backup.TakenBy(why, time.Time{}), want: true},
		"one of a backup taken later is":                 {doubt: backup.TakenBy(why, noon.Add(time.Second)), want: true},
		"one of a backup taken before is not":            {doubt: backup.TakenBy(why, noon.Add(-time.Hour))},
		"one of a backup taken shortly before is":        {doubt: backup.TakenBy(why, noon.Add(-time.Minute)), want: true},
		"what wraps a doubt says the same":               {doubt: fmt.Errorf("listing: %w", backup.UnderWay(why))},
		"the command that settles it changes nothing":    {doubt: backup.WithSettle(backup.TakenBy(why, noon.Add(-time.Hour)), "soteria")},
		"nor does it where the time is not known either": {doubt: backup.WithSettle(why, "soteria"), want: true},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, backup.MayBeNewer(test.doubt, noon))
			if test.doubt != nil {
				assert.Equal(t, backup.Unavailable, backup.KindOf(test.doubt))
				assert.Contains(t, backup.Message(test.doubt), "it cannot be read")
			}
		})
	}
}

func TestADoubtAboutClustersHidesNoOther(t *testing.T) {
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	found := backup.FoundBackups([]backup.Backup{{Claim: claim, ID: "x"}}, backup.Evidence{Driver: "restic"})
	whose, missing := backup.OfClusters(backup.Errorf(backup.Unavailable, "whose")), backup.Errorf(backup.BackupMissing, "missing")
	assert.True(t, backup.IsOfClusters(found.Doubting(whose).Doubt()))
	assert.Equal(t, missing, found.Doubting(whose).Doubting(missing).Doubt())
	assert.Equal(t, missing, found.Doubting(missing).Doubting(whose).Doubt())
	assert.Equal(t, missing, backup.Combine(found.Doubting(whose), found.Doubting(missing)).Doubt())
	assert.Equal(t, missing, backup.Combine(found.Doubting(whose), backup.UnknownBecause(missing)).Doubt())
	assert.NoError(t, backup.OfClusters(nil))
}
