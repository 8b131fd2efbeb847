package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

func TestABackupSystemsOwnWordsAreToldOfARestoreThatHangs(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aMadeBackup()) }
	w.fail = func(int32) *driver.FillState {
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: noon, Message: "ReplicaSchedulingFailure: no disk has room",
			Progress: driver.Progress{BytesDone: 40 << 20, BytesTotal: 1 << 30}}
	}
	w.until(func() bool { return len(w.events.about("RestoreStalled")) > 0 }, "the restore is called stalled")
	told := w.events.about("RestoreStalled")[0]
	assert.Contains(t, told, "no disk has room")
	assert.Contains(t, told, "see what")
	assert.NotContains(t, told, "Soteria's log")
}

func TestARestoreToAVolumeAsideThatMovesIsNotCalledStalled(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(int32) *driver.FillState {
		moved := int64(w.clock.Now().Sub(noon) / time.Second)
		return &driver.FillState{Phase: driver.FillPending, Message: "restoring the backup to a volume to copy from", Progress: driver.Progress{BytesDone: moved << 20}}
	}
	w.until(func() bool { return len(w.requests) > 1 }, "the fill began")
	for end := w.clock.Now().Add(10 * time.Minute); w.clock.Now().Before(end); {
		_, _ = w.tick()
	}
	assert.Empty(t, w.events.about("RestoreStalled"))
}
