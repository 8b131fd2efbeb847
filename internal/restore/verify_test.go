package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestAVolumeIsVerifiedOnlyIfItHoldsWhatTheBackupHolds(t *testing.T) {
	const wrong = "the volume does not hold what the backup holds: "
	tests := map[string]struct {
		restored, expected driver.Counts
		want               string
	}{
		"all of it":      {driver.Counts{Files: 3, Bytes: 100}, driver.Counts{Files: 3, Bytes: 100}, ""},
		"nothing at all": {driver.Counts{}, driver.Counts{}, ""},
		"a file is missing": {
			driver.Counts{Files: 2, Bytes: 100}, driver.Counts{Files: 3, Bytes: 100},
			wrong + "1 of 3 files are missing",
		},
		"bytes are missing": {
			driver.Counts{Files: 3, Bytes: 40}, driver.Counts{Files: 3, Bytes: 100},
			wrong + "60 of 100 bytes are missing",
		},
		"both are missing": {
			driver.Counts{}, driver.Counts{Files: 3, Bytes: 100},
			wrong + "3 of 3 files are missing, 100 of 100 bytes are missing",
		},
		"something else is there too": {
			driver.Counts{Files: 4, Bytes: 100}, driver.Counts{Files: 3, Bytes: 100},
			wrong + "1 files more than the 3 of the backup",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, restore.Mismatch(test.restored, test.expected))
		})
	}
}

func TestAPartialRestoreIsAFailedAttemptThatSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	short := driver.Counts{Files: 2, Bytes: 60}
	w.fail = func(attempt int32) *driver.FillState {
		if attempt > 1 {
			return nil
		}
		w.jobs["uid-1"].counts = short
		return nil
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.RetryAt != nil }, "planned another attempt")

	assert.Contains(t, w.restore().Status.Message, "1 of 3 files are missing, 40 of 100 bytes are missing")
	verified := meta.FindStatusCondition(w.restore().Status.Conditions, v1alpha1.ConditionVerified)
	require.NotNil(t, verified)
	assert.Equal(t, "VerifyFailed", verified.Reason)
	assert.Empty(t, w.prime().Annotations[v1alpha1.FilledAnnotation])
	assert.Len(t, w.events.about("VerifyFailed"), 2, "one event on the claim, one on the Restore")

	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assert.Equal(t, []string{"restic partial", "restic filled", "restic completed"}, w.attempts)
}
