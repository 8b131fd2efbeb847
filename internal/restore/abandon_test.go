package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// filledOnALostNode is a world whose volume is filled, on a node that went away
// before the volume was detached from it.
func filledOnALostNode(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionUnknown), aNode("node-2", corev1.ConditionTrue))
	w.undetached = true
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Phase == v1alpha1.PhaseHandingOver }, "handing over")
	return w
}

func (w *world) deleteNode(name string) {
	w.t.Helper()
	require.NoError(w.t, w.api.Delete(w.t.Context(), aNode(name, corev1.ConditionUnknown)))
}

func assertOnNode(t *testing.T, w *world, node string) {
	t.Helper()
	assert.Equal(t, []string{node}, w.volume(lock).Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values)
}

func TestAFilledVolumeOnANodeThatIsGoneIsNotHandedOver(t *testing.T) {
	w := filledOnALostNode(t)
	w.pass(10 * time.Minute)
	assert.EqualValues(t, 1, w.restore().Status.Attempt, "the node may come back")
	w.deleteNode("node-1")
	w.undetached = false // Kubernetes lets go of the volume
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assertOnNode(t, w, "node-2")
	assert.EqualValues(t, 2, w.restore().Status.Attempt)
	told := w.events.about("VolumeOutOfReach")
	require.Len(t, told, 2, "on the claim and on its Restore")
	assert.Contains(t, told[0], "can be reached from nodes with kubernetes.io/hostname node-1 alone, which is gone; the backup is restored again")
}

func TestAFilledVolumeThatIsNeverDetachedFromANodeThatIsGoneIsLeft(t *testing.T) {
	w := filledOnALostNode(t)
	w.deleteNode("node-1")
	w.until(func() bool { return w.restore().Status.Attempt == 2 }, "began again")
	w.undetached = false
	w.until(w.completed, "completed")
	assertOnNode(t, w, "node-2")
}

func TestAFilledVolumeIsKeptWhileItsBackupIsNotProvedToBeThere(t *testing.T) {
	for name, answer := range map[string]func() backup.Answer{
		"the repository does not answer": func() backup.Answer { return unknown(backup.Unavailable, "no route to host") },
		"the backup is gone":             none,
	} {
		t.Run(name, func(t *testing.T) {
			w := filledOnALostNode(t)
			w.answers = answer
			w.deleteNode("node-1")
			w.undetached = false
			prime := w.prime()
			w.pass(30 * time.Minute)
			require.NotNil(t, w.prime())
			assert.Equal(t, prime.UID, w.prime().UID)
			assert.Len(t, w.backends, 1)
			assert.Nil(t, w.volume(lock))
			assert.True(t, w.isStalled())
			assert.Contains(t, w.events.about("VolumeOutOfReach")[0], "the volume is kept")
			w.answers = func() backup.Answer { return found(aBackup()) }
			w.until(w.completed, "completed once the backup is listed")
			assertOnNode(t, w, "node-2")
		})
	}
}

func TestAFilledVolumeIsHandedOverOnceItsNodeIsBack(t *testing.T) {
	w := filledOnALostNode(t)
	w.answers = none
	w.deleteNode("node-1")
	w.undetached = false
	w.pass(10 * time.Minute)
	require.NoError(t, w.api.Create(t.Context(), aNode("node-1", corev1.ConditionTrue)))
	w.until(w.completed, "completed")
	assertOnNode(t, w, "node-1")
	assert.EqualValues(t, 1, w.restore().Status.Attempt)
}
