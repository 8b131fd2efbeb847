package restore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

func keyOf(obj client.Object) types.NamespacedName { return client.ObjectKeyFromObject(obj) }

// written is a Restore of a user's own.
func written(status v1alpha1.RestoreStatus) *v1alpha1.Restore {
	return &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "mine", UID: "written"}, Status: status}
}

func refersToMine(c *corev1.PersistentVolumeClaim) { c.Spec.DataSourceRef.Name = "mine" }

func TestALockedClaimGetsARestoreThatItDoesNotOwn(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return w.restore() != nil }, "made a Restore")
	made := w.restore()
	assert.Empty(t, made.OwnerReferences)
	assert.Equal(t, v1alpha1.RoleLocked, made.Labels[v1alpha1.RoleLabel])
	assert.Equal(t, &v1alpha1.ClaimReference{Name: "db", UID: "uid-1", Lock: lock}, made.Status.Claim)
	assert.True(t, noon.Equal(made.Status.StartedAt.Time))
}

func TestAStatusOfAnEarlierLifeIsStartedAnew(t *testing.T) {
	old := metav1.NewTime(noon.Add(-1000 * time.Hour))
	record := written(v1alpha1.RestoreStatus{
		Phase: v1alpha1.PhaseCompleted, Claim: &v1alpha1.ClaimReference{Name: "db", UID: "uid-0", Lock: "soteria-old"},
		Backup:  &v1alpha1.PinnedBackup{Driver: "restic", ID: "two months old", ShortID: "two mont", TakenAt: old},
		Attempt: 7, CompletedAt: &old, StartedAt: &old,
	})
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine), record)
	w.until(func() bool {
		return w.claim().Status.Phase == corev1.ClaimBound && w.prime() == nil && w.lookAt(record).Status.CompletedAt != nil
	}, "restored")
	status := w.lookAt(record).Status
	assert.Equal(t, backupID, status.Backup.ID)
	assert.EqualValues(t, "uid-1", status.Claim.UID)
	assert.EqualValues(t, 1, status.Attempt)
	assert.True(t, status.CompletedAt.After(noon))
}

func (w *world) lookAt(r *v1alpha1.Restore) *v1alpha1.Restore {
	return get(w, keyOf(r), &v1alpha1.Restore{})
}

func TestARestoreServesOneClaimAtATime(t *testing.T) {
	inUse := v1alpha1.RestoreStatus{Phase: v1alpha1.PhaseTransferring, Claim: &v1alpha1.ClaimReference{Name: "other", UID: "uid-other", Lock: "soteria-other"}}
	other := aClaim(refersToMine, func(c *corev1.PersistentVolumeClaim) {
		c.Name, c.UID, c.Spec.VolumeName = "other", "uid-other", "soteria-other"
	})
	record := written(inUse)
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine), other, record)
	for range 5 {
		result, err := w.tick()
		require.NoError(t, err)
		assert.Positive(t, result.RequeueAfter)
	}
	assert.EqualValues(t, "uid-other", w.lookAt(record).Status.Claim.UID)
	assert.Empty(t, w.writes, "the other claim's record is not touched")
	require.Len(t, w.events.about("RestoreInUse"), 1, "only the claim is told: the record is another's")
	assert.Contains(t, w.events.about("RestoreInUse")[0], "Restore mine is restoring the claim other")

	require.NoError(t, w.api.Delete(t.Context(), other))
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound }, "bound once the other claim is gone")
}

// passWithoutErrors makes passes until the time has passed.
func (w *world) passWithoutErrors(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		_, err := w.tick()
		require.NoError(w.t, err)
	}
}

func TestARestoreThatIsStillToBeAppliedIsWaitedFor(t *testing.T) {
	for name, answer := range map[string]backup.Answer{"a claim with backups": found(aMadeBackup()), "a claim without any": none()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine))
			w.answers = func() backup.Answer { return answer }
			w.passWithoutErrors(2 * time.Hour)
			assert.Empty(t, w.writes, "it is not made, and nothing else is")
			assert.NotEqual(t, corev1.ClaimBound, w.claim().Status.Phase)
			told := w.events.about("RestoreMissing")
			assert.Greater(t, len(told), 4, "it is told again for whoever looks later")
			assert.Contains(t, told[0], "the Restore shop/mine that the claim refers to does not exist")
			assert.Contains(t, told[0], "create it again without the dataSourceRef")

			require.NoError(t, w.api.Create(t.Context(), written(v1alpha1.RestoreStatus{})))
			w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound }, "bound once the Restore is applied")
			assert.Empty(t, w.lookAt(written(v1alpha1.RestoreStatus{})).Labels[v1alpha1.RoleLabel], "the user's Restore is not made Soteria's")
		})
	}
}

func TestAWishThatIsAppliedLateIsHeeded(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine))
	w.passWithoutErrors(5 * time.Minute)
	late := written(v1alpha1.RestoreStatus{})
	late.Spec.AsOf = &metav1.Time{Time: aBackup().TakenAt.Add(-time.Hour)}
	require.NoError(t, w.api.Create(t.Context(), late))
	w.passWithoutErrors(5 * time.Minute)
	assert.NotEqual(t, corev1.ClaimBound, w.claim().Status.Phase)
	assert.NotEmpty(t, w.events.about("SelectedBackupNotFound"), "what it asks for does not exist")
}

func TestARestoreThatIsDeletedWhileItsClaimWaitsIsWaitedFor(t *testing.T) {
	mine := written(v1alpha1.RestoreStatus{})
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine), mine)
	w.answers = func() backup.Answer { return backup.UnknownBecause(errors.New("no route to host")) }
	w.passWithoutErrors(2 * time.Minute)
	require.NoError(t, w.api.Delete(t.Context(), w.lookAt(mine)))
	w.answers = none
	w.passWithoutErrors(time.Hour)
	assert.NotEqual(t, corev1.ClaimBound, w.claim().Status.Phase)
	assert.NotEmpty(t, w.events.about("RestoreMissing"))
}

func TestAClaimThatWaitsUnderARestoreThatTheVersionBeforeMadeGoesOn(t *testing.T) {
	made := written(v1alpha1.RestoreStatus{Phase: v1alpha1.PhaseSelecting, Claim: &v1alpha1.ClaimReference{Name: "db", UID: "uid-1", Lock: lock}})
	made.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleLocked, v1alpha1.ClaimUIDLabel: "uid-1"}
	made.Annotations = map[string]string{v1alpha1.ClaimAnnotation: "shop/db"}
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine), made)
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound }, "bound")
	assert.Empty(t, w.events.about("RestoreMissing"))
}

func TestAClaimThatMayStartEmptyNeedsNoRestore(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine, func(c *corev1.PersistentVolumeClaim) {
		c.Labels = map[string]string{v1alpha1.RestoreLabel: "skip"}
		c.Annotations = map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}
	}))
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound }, "bound")
	assert.True(t, w.lookAt(written(v1alpha1.RestoreStatus{})).Status.Empty)
	assert.Empty(t, w.events.about("RestoreMissing"))
}

func TestAClaimThatNamesALockOfAnEarlierLifeAsksForNothing(t *testing.T) {
	const earlier = "soteria-abcdefghijklmnop"
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSourceRef.Name = earlier }))
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound }, "bound: its manifest was exported while it had that lock")
	assert.Empty(t, w.events.about("RestoreMissing"))
}

func TestARestoreThatIsDeletedDuringTheHandoverHoldsNothingUp(t *testing.T) {
	mine := written(v1alpha1.RestoreStatus{})
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(refersToMine), mine)
	w.until(func() bool { return w.volume(lock) != nil }, "handing over")
	require.NoError(t, w.api.Delete(t.Context(), w.lookAt(mine)))
	w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound && nothingLeft(w) }, "bound, and nothing is left over")
}
