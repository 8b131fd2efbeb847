package longhorn

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiwatch "k8s.io/apimachinery/pkg/watch"
)

// TestABackupThatIsTakenIsAChangeWhenItBeginsAndEnds goes through the life of a backup as
// the API server tells of it.
func TestABackupThatIsTakenIsAChangeWhenItBeginsAndEnds(t *testing.T) {
	w := backupWatch{}
	tell := func(kind apiwatch.EventType, alter func(*backupRecord)) bool {
		t.Helper()
		var b backupRecord
		b.Metadata.Name, b.Spec.Snapshot = "backup-1", "snapshot-1"
		b.Status.State = "InProgress"
		if alter != nil {
			alter(&b)
		}
		text, err := json.Marshal(b)
		require.NoError(t, err)
		return w.changed(change{Type: kind, Object: text})
	}
	progress := func(percent int) func(*backupRecord) {
		return func(b *backupRecord) { b.Status.Progress, b.Status.Size = percent, "1024" }
	}
	assert.True(t, tell(apiwatch.Added, nil), "it begins")
	assert.True(t, tell(apiwatch.Modified, nil), "what it was before is not known")
	assert.False(t, tell(apiwatch.Modified, progress(10)))
	assert.False(t, tell(apiwatch.Modified, progress(20)))
	assert.True(t, tell(apiwatch.Modified, func(b *backupRecord) { b.Status.Labels = map[string]string{"a": "b"} }))
	assert.True(t, tell(apiwatch.Modified, func(b *backupRecord) { b.Status.Progress, b.Status.State = 100, "Completed" }), "it ends")
	assert.Empty(t, w, "of a finished one nothing is kept")
	assert.True(t, tell(apiwatch.Modified, func(b *backupRecord) { b.Status.State = "Completed" }), "a finished one changes")
	assert.True(t, tell(apiwatch.Modified, nil))
	assert.True(t, tell(apiwatch.Deleted, nil))
	assert.Empty(t, w)
	assert.True(t, w.changed(change{Type: apiwatch.Modified, Object: []byte("{")}), "what is not understood is a change")
}
