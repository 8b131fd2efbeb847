package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestDataThatIsLargerThanItsOwnVolumeWasIsRestoredWithAWarning(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t, aClass(late, corev1.PersistentVolumeReclaimDelete), aClaim())
		b := aBackup()
		b.Tags, b.SizeBytes = []string{"capacity=1Gi"}, 10<<30
		w.answers = func() backup.Answer { return found(b) }
		w.until(w.completed, "completed")
		for _, request := range w.requests {
			assert.False(t, request.CheckRoom, "files with holes are not refused; the class waits for a pod: %t", late)
		}
		told := w.events.about("SmallerThanBackup")
		require.NotEmpty(t, told)
		assert.Contains(t, told[0], "the claim asks for 1Gi; the backup abababab was taken of a volume of 1Gi and holds 10 GiB; it is restored")
	}
}
