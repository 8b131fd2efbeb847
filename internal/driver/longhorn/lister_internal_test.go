package longhorn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

func TestABackupThatFailedOnTheTargetCastsNoDoubtOnTheNewestOfTheOthers(t *testing.T) {
	for state, newest := range map[string]bool{api.BackupError: false, api.BackupUnknown: true} {
		var b backupRecord
		b.Metadata.Name, b.Spec.Snapshot = "backup-1", "snapshot-1"
		b.Spec.Labels = map[string]string{NamespaceLabel: "media", PVCLabel: "photos"}
		b.Status.State, b.Status.URL = state, "s3://backups@us-east-1/lh?backup=backup-1&volume=pvc-1"
		var listing drivertest.Listing
		(&teller{into: &listing, owners: newAttribution([]backupRecord{b}, nil)}).tell(b)
		doubt := listing.Doubts[backup.Claim{Namespace: "media", Name: "photos"}]
		assert.Error(t, doubt, "%s: that there is none is not proved", state)
		assert.Equal(t, newest, backup.MayBeNewer(doubt, time.Time{}), state)
	}
}
