package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestWhatBecomesOfAPrimesVolume(t *testing.T) {
	prime := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{UID: "prime", Annotations: map[string]string{v1alpha1.LockAnnotation: lock}}}
	volume := func(change ...func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
		v := aVolume("pv-1", "handle-1", class)
		v.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": provider}
		v.Spec.ClaimRef = &corev1.ObjectReference{UID: "prime"}
		for _, c := range change {
			c(v)
		}
		return v
	}
	begun := func(v *corev1.PersistentVolume) {
		v.Annotations[v1alpha1.ReclaimPolicyAnnotation] = "Delete"
		v.Annotations[v1alpha1.LockAnnotation] = lock
	}
	byHand := func(v *corev1.PersistentVolume) { delete(v.Annotations, "pv.kubernetes.io/provisioned-by") }
	another := func(v *corev1.PersistentVolume) { v.Spec.ClaimRef.UID = "another" }
	foreign := func(v *corev1.PersistentVolume) {
		v.Annotations[v1alpha1.ReclaimPolicyAnnotation], v.Annotations[v1alpha1.ForeignDataAnnotation] = "Delete", "2026-04-12T12:00:00Z"
	}
	unseen := prime.DeepCopy()
	unseen.Annotations[v1alpha1.WrittenAnnotation] = v1alpha1.NotWritten
	complete := unseen.DeepCopy()
	complete.Annotations[v1alpha1.FilledAnnotation] = "2026-04-12T12:00:00Z"
	unclaimed := func(v *corev1.PersistentVolume) { v.Spec.ClaimRef = nil }
	tests := map[string]struct {
		volume     *corev1.PersistentVolume
		prime      *corev1.PersistentVolumeClaim
		lockVolume *corev1.PersistentVolume
		want       any
	}{
		"made for the prime, nothing handed over":         {volume(), prime, nil, restore.FateDestroy},
		"made for the prime, another volume has the lock": {volume(), prime, aVolume(lock, "handle-2", class), restore.FateDestroy},
		"handed over":                                       {volume(begun), prime, aVolume(lock, "handle-1", class), restore.FateForget},
		"handed over, the prime is gone":                    {volume(begun), nil, aVolume(lock, "handle-1", class), restore.FateForget},
		"handover begun, the prime is gone":                 {volume(begun), nil, nil, restore.FateDestroy},
		"nobody knows what it holds":                        {volume(), unseen, nil, restore.FateLeave},
		"the restore filled it":                             {volume(), complete, nil, restore.FateDestroy},
		"it held data before":                               {volume(foreign), prime, nil, restore.FateKeep},
		"it held data, the prime is gone":                   {volume(begun, foreign), nil, nil, restore.FateKeep},
		"it held data, was emptied by hand and handed over": {volume(begun, foreign), nil, aVolume(lock, "handle-1", class), restore.FateForget},
		"made by hand":                                      {volume(byHand), prime, nil, restore.FateSpare},
		"made for another claim":                            {volume(another), prime, nil, restore.FateSpare},
		"bound to nobody":                                   {volume(unclaimed), prime, nil, restore.FateSpare},
		"no prime and no sign of a handover":                {volume(), nil, nil, restore.FateSpare},
		"nothing tells the lock":                            {volume(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{UID: "prime"}}, nil, restore.FateSpare},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, restore.FateOf(test.volume, test.prime, test.lockVolume))
		})
	}
}

func TestLeftoversAreFoundByAProcessThatNeverSawTheClaim(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.boot()
	w.until(func() bool { return nothingLeft(w) }, "cleaned up")
	assert.Empty(t, w.backends)
	assert.Nil(t, w.restore())
}

func TestOnTheWordOfACacheNothingIsDeleted(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	w.lag = true
	w.sync()
	require.NoError(t, w.cache.Delete(t.Context(), aClaim())) // the cache is wrong: the claim lives
	done := len(w.writes)
	w.passes = 0
	_, err := w.tick()
	require.NoError(t, err)
	assert.Len(t, w.writes, done)
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}

func TestAClaimThatIsBeingDeletedBeforeItHasItsVolumeCountsAsGone(t *testing.T) {
	claim := aClaim(func(c *corev1.PersistentVolumeClaim) { c.Finalizers = []string{"example.com/slow"} })
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), claim)
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.until(func() bool { return w.prime() == nil && len(w.jobs) == 0 && w.restore() == nil }, "cleaned up")
	require.NotNil(t, w.claim())
	for range 3 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Nil(t, w.restore(), "nothing is begun for it again")
}

func TestTheRecordOfACompletedClaimGoesWithTheClaim(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(w.completed, "completed")
	for range 3 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	require.NotNil(t, w.restore(), "it stays as long as the claim")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.until(func() bool { return w.restore() == nil }, "removed the record")
	assert.Empty(t, w.volumes())
}

// nextClaim makes another claim of the same name, with another lock.
func (w *world) nextClaim() (record types.NamespacedName) {
	w.t.Helper()
	const other = "soteria-bbbbbbbbbbbbbbbb"
	require.NoError(w.t, w.api.Create(w.t.Context(), aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.UID, c.CreationTimestamp = "uid-2", metav1.NewTime(w.clock.Now())
		c.Spec.VolumeName, c.Spec.DataSourceRef.Name = other, other
	})))
	return types.NamespacedName{Namespace: claimKey.Namespace, Name: other}
}

func TestARemovalThatFailsHoldsUpNoOtherClaimAndIsTold(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aMadeBackup()) }
	w.fail = func(attempt int32) *driver.FillState {
		if w.claim().UID == "uid-2" {
			return nil
		}
		return hangs(driver.FillRunning)(attempt)
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Phase == v1alpha1.PhaseTransferring }, "began")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.refuse = "discard made-uid-1" // the backup system's manager is down
	record := w.nextClaim()
	began := w.clock.Now()
	w.until(func() bool {
		next := get(w, record, &v1alpha1.Restore{})
		return next != nil && next.Status.Phase == v1alpha1.PhaseCompleted
	}, "restored the next claim of that name")
	assert.Less(t, w.clock.Now().Sub(began), time.Minute)
	assert.Contains(t, w.made, "made-uid-1-1", "what could not be removed is still there")

	w.pass(5 * time.Minute)
	require.True(t, w.isStalled(), "the record of the claim that is gone says so")
	assert.Contains(t, w.condition(v1alpha1.ConditionStalled).Message, "cannot be removed: delete the longhorn volume that was made for claim uid-1: quota exceeded")
	told := w.events.about("RestoreStalled")
	require.Len(t, told, 1, "once, on that record: %v", told)
	assert.Contains(t, told[0], "quota exceeded")

	w.refuse = ""
	w.until(func() bool { return w.restore() == nil }, "removed it in the end")
	assert.NotContains(t, w.made, "made-uid-1-1")
}

func TestARemovalThatFailsIsTriedLessAndLessOften(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.refuse = "release"
	passes := w.passes
	w.pass(time.Hour)
	assert.Less(t, w.passes-passes, 60)
	assert.NotEmpty(t, w.events.about("RestoreStalled"))
	w.refuse = ""
	w.until(func() bool { return nothingLeft(w) }, "cleaned up")
}
