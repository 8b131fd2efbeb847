package restore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

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
