package restore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// setting is a cluster in which a restore runs.
type setting struct {
	late   bool
	policy corev1.PersistentVolumeReclaimPolicy
	lag    bool
	empty  bool
	// unattached storage needs no attachment, so that none tells who uses it.
	unattached bool
	// made volumes come from the backup system.
	made bool
	// unjudged claims were locked without a verdict.
	unjudged bool
}

func (s setting) String() string {
	words := []string{"bound at once", string(s.policy)}
	if s.late {
		words[0] = "bound for the first consumer"
	}
	if s.lag {
		words = append(words, "with caches that lag")
	}
	if s.unattached {
		words = append(words, "never attached")
	}
	if s.empty {
		words = append(words, "starting empty")
	}
	if s.made {
		words = append(words, "made by the backup system")
	}
	if s.unjudged {
		words = append(words, "locked without a verdict")
	}
	return strings.Join(words, ", ")
}

func (s setting) world(t *testing.T) *world {
	t.Helper()
	claim := aClaim()
	if s.unjudged {
		unjudged(claim)
	}
	w := newWorld(t, aClass(s.late, s.policy), claim)
	w.lag, w.unattached = s.lag, s.unattached
	if s.empty {
		w.answers = none
	}
	if s.made {
		w.answers = func() backup.Answer { return found(aMadeBackup()) }
	}
	return w
}

var settings = []setting{
	{policy: corev1.PersistentVolumeReclaimDelete},
	{policy: corev1.PersistentVolumeReclaimDelete, late: true},
	{policy: corev1.PersistentVolumeReclaimRetain},
	{policy: corev1.PersistentVolumeReclaimDelete, lag: true},
	{policy: corev1.PersistentVolumeReclaimRetain, late: true, lag: true, unattached: true},
	{policy: corev1.PersistentVolumeReclaimDelete, empty: true},
	{policy: corev1.PersistentVolumeReclaimDelete, made: true},
	{policy: corev1.PersistentVolumeReclaimRetain, late: true, lag: true, made: true},
	{policy: corev1.PersistentVolumeReclaimRetain, lag: true, unjudged: true},
}

// each runs a test for every write that an undisturbed restore does, several at a
// time: each has a world of its own.
func each(t *testing.T, test func(t *testing.T, s setting, n int)) {
	t.Helper()
	eachOf(t, settings, test)
}

// eachOf is each in some of the settings.
func eachOf(t *testing.T, settings []setting, test func(t *testing.T, s setting, n int)) {
	t.Helper()
	for _, s := range settings {
		undisturbed := s.world(t)
		undisturbed.until(undisturbed.completed, "completed")
		for n := 1; n <= len(undisturbed.writes); n++ {
			t.Run(fmt.Sprintf("%s/%d %s", s, n, undisturbed.writes[n-1]), func(t *testing.T) {
				t.Parallel()
				test(t, s, n)
			})
		}
	}
}

func TestARestoreCompletesThoughTheProcessDiesAfterAnyWrite(t *testing.T) {
	each(t, func(t *testing.T, s setting, n int) {
		w := s.world(t)
		w.crashAt = n
		w.until(w.completed, "completed")
		assertRestored(t, w, s)
	})
}

func TestARestoreCompletesThoughTheAnswerToAnyWriteIsLost(t *testing.T) {
	each(t, func(t *testing.T, s setting, n int) {
		w := s.world(t)
		w.lost = n
		w.until(w.completed, "completed")
		assertRestored(t, w, s)
	})
}

func TestNothingIsLeftOfAClaimThatIsDeletedAfterAnyWrite(t *testing.T) {
	for _, crash := range []bool{false, true} {
		each(t, func(t *testing.T, s setting, n int) {
			w := s.world(t)
			if crash {
				w.crashAt = n
			}
			w.onWrite = func(done int) {
				if claim := w.claim(); done == n && claim != nil {
					require.NoError(t, w.api.Delete(t.Context(), claim))
				}
			}
			w.until(func() bool { return w.claim() == nil && nothingLeft(w) }, "cleaned up")
			assertAbandoned(t, w, s)
		})
	}
}

func TestAClaimThatIsRecreatedAfterAnyWriteIsRestoredAnew(t *testing.T) {
	const nextLock = "soteria-bbbbbbbbbbbbbbbb"
	each(t, func(t *testing.T, s setting, n int) {
		w := s.world(t)
		w.onWrite = func(done int) {
			if done != n {
				return
			}
			require.NoError(t, w.api.Delete(t.Context(), w.claim()))
			again := aClaim(func(c *corev1.PersistentVolumeClaim) {
				c.UID, c.Spec.VolumeName, c.Spec.DataSourceRef.Name = "uid-2", nextLock, nextLock
			})
			require.NoError(t, w.api.Create(t.Context(), again))
		}
		second := types.NamespacedName{Namespace: claimKey.Namespace, Name: nextLock}
		w.until(func() bool {
			r := get(w, second, &v1alpha1.Restore{})
			return r != nil && r.Status.Phase == v1alpha1.PhaseCompleted && w.restore() == nil && nothingLeft(w)
		}, "restored anew")
		volume := w.volume(nextLock)
		require.NotNil(t, volume)
		assert.Equal(t, types.UID("uid-2"), volume.Spec.ClaimRef.UID)
		assert.Equal(t, corev1.ClaimBound, w.claim().Status.Phase)
	})
}

// nothingLeft reports whether only what belongs to claims is there.
func nothingLeft(w *world) bool {
	var attachments storagev1.VolumeAttachmentList
	require.NoError(w.t, w.api.List(w.t.Context(), &attachments))
	for _, volume := range w.volumes() {
		if !strings.HasPrefix(volume.Name, v1alpha1.LockPrefix) {
			return false
		}
	}
	for handle := range w.made {
		if !slices.ContainsFunc(w.volumes(), func(v corev1.PersistentVolume) bool { return v.Spec.CSI.VolumeHandle == handle }) {
			return false
		}
	}
	record := w.restore()
	return w.prime() == nil && len(w.jobs) == 0 && len(attachments.Items) == 0 && (record == nil || w.claim() != nil)
}

func assertRestored(t *testing.T, w *world, s setting) {
	t.Helper()
	claim := w.claim()
	require.NotNil(t, claim)
	assert.Equal(t, corev1.ClaimBound, claim.Status.Phase)
	volumes := w.volumes()
	require.Len(t, volumes, 1, "exactly one volume is left")
	volume := volumes[0]
	assert.Equal(t, lock, volume.Name)
	assert.Equal(t, claim.UID, volume.Spec.ClaimRef.UID)
	assert.Equal(t, s.policy, volume.Spec.PersistentVolumeReclaimPolicy, "the volume has the policy of its class")
	assert.Equal(t, class, volume.Spec.StorageClassName)
	require.Len(t, w.backends, 1, "storage leaked")
	wanted := "data of " + backupID
	if s.empty {
		wanted = "data of "
	}
	assert.Equal(t, wanted, w.backends[volume.Spec.CSI.VolumeHandle])
	assert.True(t, nothingLeft(w))
	assert.Equal(t, s.empty, w.restore().Status.Empty)
	assert.NotNil(t, w.restore().Status.CompletedAt)

	done := len(w.writes)
	result, err := w.tick()
	require.NoError(t, err)
	assert.Zero(t, result.RequeueAfter, "a completed claim is left in peace")
	assert.Len(t, w.writes, done, "a completed claim is written to no more")
}

func assertAbandoned(t *testing.T, w *world, s setting) {
	t.Helper()
	volumes := w.volumes()
	if s.policy == corev1.PersistentVolumeReclaimDelete {
		assert.Empty(t, volumes)
		assert.Empty(t, w.backends)
		return
	}
	// A volume that was handed to the claim is the user's, and retains.
	for _, volume := range volumes {
		assert.Equal(t, lock, volume.Name)
		assert.Contains(t, w.backends, volume.Spec.CSI.VolumeHandle)
	}
	assert.Len(t, w.backends, len(volumes), "storage leaked")
}

func TestARestoreNeverStartsBeforeItIsKnownWhatExists(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "the bucket does not answer") }
	for range 30 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Nil(t, w.prime())
	assert.Empty(t, w.volumes())
	w.answers = func() backup.Answer { return found(aBackup()) }
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}
