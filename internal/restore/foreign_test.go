package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// occupied is a world in which the class provisions onto what exists already.
func occupied(t *testing.T, policy corev1.PersistentVolumeReclaimPolicy, late bool) *world {
	t.Helper()
	w := newWorld(t, aClass(late, policy), aClaim())
	w.fail = func(int32) *driver.FillState {
		for handle := range w.backends {
			w.backends[handle] = "what was there before"
		}
		return &driver.FillState{Phase: driver.FillFailed, Finding: driver.FindingForeign, Message: "the new volume is not empty: it holds photos"}
	}
	return w
}

func eachOccupied(t *testing.T, do func(t *testing.T, w *world)) {
	t.Helper()
	for name, late := range map[string]bool{"bound at once": false, "bound for the first consumer": true} {
		for _, policy := range []corev1.PersistentVolumeReclaimPolicy{corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain} {
			t.Run(name+", "+string(policy), func(t *testing.T) { do(t, occupied(t, policy, late)) })
		}
	}
}

func TestANewVolumeThatHoldsDataIsRefusedAndKept(t *testing.T) {
	eachOccupied(t, func(t *testing.T, w *world) {
		w.until(func() bool { return len(w.events.about("VolumeNotEmpty")) > 0 }, "told")
		told := w.events.about("VolumeNotEmpty")[0]
		for _, says := range []string{"volume pv-1", "class fast (csi.example.com)", "it holds photos", "neither writes to it nor deletes it", "apply it with a class"} {
			assert.Contains(t, told, says)
		}
		assert.Equal(t, corev1.PersistentVolumeReclaimRetain, w.volume("pv-1").Spec.PersistentVolumeReclaimPolicy)
		assert.NotEmpty(t, w.volume("pv-1").Annotations[v1alpha1.ForeignDataAnnotation])

		require.NoError(t, w.api.Delete(t.Context(), w.claim()))
		w.until(func() bool { return w.prime() == nil && len(w.jobs) == 0 && w.restore() == nil }, "cleaned up")
		kept := w.volume("pv-1")
		require.NotNil(t, kept, "the volume object stays")
		assert.Equal(t, corev1.PersistentVolumeReclaimRetain, kept.Spec.PersistentVolumeReclaimPolicy)
		assert.Equal(t, "what was there before", w.backends["handle-1"])
	})
}

func TestAVolumeWithDataIsKeptWhateverWriteWasTheLast(t *testing.T) {
	const writes = 16
	for n := 1; n <= writes; n++ {
		eachOccupied(t, func(t *testing.T, w *world) {
			seen := false
			fail := w.fail
			w.fail = func(attempt int32) *driver.FillState { seen = true; return fail(attempt) }
			w.crashAt = n
			w.onWrite = func(done int) {
				if claim := w.claim(); done >= n && seen && claim != nil {
					require.NoError(t, w.api.Delete(t.Context(), claim))
				}
			}
			w.until(func() bool { return seen && w.claim() == nil && w.prime() == nil && w.restore() == nil }, "cleaned up")
			assert.Equal(t, "what was there before", w.backends["handle-1"])
			assert.NotNil(t, w.volume("pv-1"))
		})
	}
}

func TestAClaimThatIsDeletedAsSoonAsItsVolumeWasSeenToHoldDataKeepsIt(t *testing.T) {
	eachOccupied(t, func(t *testing.T, w *world) {
		fail := w.fail
		w.fail = func(attempt int32) *driver.FillState {
			state := fail(attempt)
			w.dead = true // it is seen by the mover, and this process hears no more of it
			if claim := w.claim(); claim != nil {
				require.NoError(t, w.api.Delete(t.Context(), claim))
			}
			return state
		}
		w.until(func() bool { return w.claim() == nil && w.prime() == nil && w.restore() == nil }, "cleaned up")
		assert.Equal(t, "what was there before", w.backends["handle-1"])
	})
}

func TestARestoreGoesOnOnceAPersonEmptiedTheVolume(t *testing.T) {
	eachOccupied(t, func(t *testing.T, w *world) {
		before := w.volumePolicy(t)
		w.until(func() bool { return len(w.events.about("VolumeNotEmpty")) > 0 }, "told")
		w.fail, w.backends["handle-1"] = nil, ""
		w.until(w.completed, "completed")
		assert.Equal(t, before, w.volume(lock).Spec.PersistentVolumeReclaimPolicy, "the claim's volume has the policy of its class")
		assert.Nil(t, w.volume("pv-1"))
		assert.Equal(t, "data of "+backupID, w.backends["handle-1"])
	})
}

// volumePolicy is the policy of the class.
func (w *world) volumePolicy(t *testing.T) corev1.PersistentVolumeReclaimPolicy {
	t.Helper()
	sc := aClass(false, "")
	require.NoError(t, w.api.Get(t.Context(), client.ObjectKeyFromObject(sc), sc))
	return *sc.ReclaimPolicy
}

func TestAVolumeThatNoFillHasLookedAtKeepsThePolicyOfItsClass(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimRetain), aClaim())
	w.until(func() bool { return w.prime() != nil && w.prime().Spec.VolumeName != "" }, "made a prime")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	w.until(func() bool { return nothingLeft(w) && w.restore() == nil }, "cleaned up")
	assert.Equal(t, []string{"pv-1"}, w.left)
}

func TestWhatAnEarlierVersionWroteIsNotTakenForForeignData(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(attempt int32) *driver.FillState {
		if prime := w.prime(); prime.Annotations[v1alpha1.WrittenAnnotation] == "" {
			require.Equal(t, int32(1), attempt, "tried again on what an earlier version wrote, which is not marked")
		}
		if attempt > 1 {
			return nil
		}
		return &driver.FillState{Phase: driver.FillFailed, Message: "the node died"}
	}
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	prime := w.prime()
	delete(prime.Annotations, v1alpha1.WrittenAnnotation) // as the version before makes it
	require.NoError(t, w.api.Update(t.Context(), prime))
	w.until(w.completed, "completed")
	assert.Equal(t, map[string]string{"handle-2": "data of " + backupID}, w.backends, "on a new volume")
}

func TestAClaimSaysWhichFolderWasTheRoot(t *testing.T) {
	for written, asked := range map[string]string{"top": "top", "folder": "folder", "": "", "../..": "", "--snapshot": ""} {
		t.Run(written, func(t *testing.T) {
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) {
				c.Annotations[v1alpha1.RestoreRootAnnotation] = written
			}))
			w.until(w.completed, "completed")
			assert.Equal(t, asked, w.requests[0].Root)
			assert.NotEmpty(t, w.requests[0].PrimeUID)
		})
	}
}

func TestAClaimThatIsTooSmallSaysSoBeforeAnythingIsWritten(t *testing.T) {
	of := func(capacity string, bytes int64) func() backup.Answer {
		return func() backup.Answer {
			b := aBackup()
			b.SizeBytes, b.Tags = bytes, []string{"capacity=" + capacity}
			return found(b)
		}
	}
	t.Run("it is held", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.answers = of("5Gi", 3<<30)
		w.until(func() bool { return len(w.events.about("VolumeTooSmall")) > 0 }, "told")
		told := w.events.about("VolumeTooSmall")[0]
		for _, says := range []string{"asks for 1Gi", "a volume of 5Gi", "holds 3 GiB", "delete it and apply it with 5Gi", "soteria.dev/restore-backup"} {
			assert.Contains(t, told, says)
		}
		for range 5 {
			_, err := w.tick()
			require.NoError(t, err)
		}
		assert.Empty(t, w.jobs, "nothing is filled")
		require.NoError(t, w.api.Delete(t.Context(), w.claim()))
		w.until(func() bool { return nothingLeft(w) && w.restore() == nil }, "cleaned up")
	})
	t.Run("it is restored if the data fits", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.answers = of("5Gi", 100<<20)
		w.until(w.completed, "completed")
		assert.Contains(t, w.events.about("SmallerThanBackup")[0], "the data fits, and is restored")
		assert.True(t, w.requests[0].CheckRoom)
	})
	t.Run("the fill looks if nobody knows", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.answers = of("5Gi", -1)
		w.until(w.completed, "completed")
		assert.Contains(t, w.events.about("SmallerThanBackup")[0], "looked at before anything is written")
		assert.True(t, w.requests[0].CheckRoom)
	})
	t.Run("a volume as large as it was is not looked at", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.answers = of("1Gi", 1<<30)
		w.until(w.completed, "completed")
		assert.Empty(t, w.events.about("SmallerThanBackup"))
		assert.False(t, w.requests[0].CheckRoom)
	})
	t.Run("nor is it where the data is larger, which is told", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.answers = of("1Gi", 3<<30)
		w.until(w.completed, "completed")
		assert.Contains(t, w.events.about("SmallerThanBackup")[0], "files with holes are larger than the room they take")
		assert.False(t, w.requests[0].CheckRoom)
	})
}
