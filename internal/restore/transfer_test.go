package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestAFailedAttemptIsToldInTheToolsOwnWordsAndRetriedForEver(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	const failures = 9
	w.fail = func(attempt int32) *driver.FillState {
		if attempt <= failures {
			return &driver.FillState{Phase: driver.FillFailed, Message: "Fatal: no space left on device"}
		}
		return nil
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.RetryAt != nil }, "planned another attempt")
	assert.Contains(t, w.restore().Status.Message, "attempt 1 failed: Fatal: no space left on device; the next begins at 2026-04-12T12:00:")
	assert.Equal(t, v1alpha1.PhaseTransferring, w.restore().Status.Phase)

	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assert.EqualValues(t, failures+1, w.restore().Status.Attempt)
	assert.Len(t, w.events.about("TransferFailed"), 2*failures, "each failure once, on the claim and on its Restore")
	assert.Len(t, w.attempts, failures+2)
}

func TestAFailureSaysHowToRestoreAnotherBackup(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(int32) *driver.FillState {
		return &driver.FillState{Phase: driver.FillFailed, Message: "Fatal: no matching ID found"}
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Attempt == 2 }, "tried twice")
	assert.Contains(t, w.events.about("TransferFailed")[0], "to restore another backup, annotate the claim with soteria.dev/restore-as-of or soteria.dev/restore-backup")
}

func TestInWhatAMadeVolumeDiffersFromItsClassIsToldOnce(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return found(aMadeBackup()) }
	w.warnings = []string{"Soteria does not know the class's parameters zebra", "its backing image is another"}
	w.until(w.completed, "completed")
	told := w.events.about("VolumeDiffersFromClass")
	require.Len(t, told, 2, "on the claim and on its Restore")
	assert.Contains(t, told[0], "Warning")
	assert.Contains(t, told[0], "The restored volume differs from storage class")
	assert.Contains(t, told[0], "parameters zebra; its backing image is another")
}

func TestEveryAttemptAsksForTheSameFill(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(w.completed, "completed")
	require.NotEmpty(t, w.requests)
	want := w.requests[0]
	assert.Equal(t, backup.Claim{Namespace: "shop", Name: "db"}, want.Claim)
	assert.EqualValues(t, "uid-1", want.ClaimUID)
	assert.EqualValues(t, 1, want.Attempt)
	assert.Equal(t, "prime-uid-1", want.Prime)
	assert.Equal(t, aBackup().ID, want.Backup.ID)
	assert.True(t, aBackup().TakenAt.Equal(want.Backup.TakenAt))
	for _, request := range w.requests {
		assert.Equal(t, want, request)
	}
}

func TestABackupOfADriverThatIsNotConfiguredWaitsForTheDriver(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	theirs := aBackup()
	theirs.Driver = "kopia"
	w.answers = func() backup.Answer { return found(theirs) }
	w.until(func() bool { return len(w.events.about("DriverMissing")) > 0 }, "said what is missing")
	assert.Contains(t, w.restore().Status.Message, "of the driver kopia, which is not configured or only looks backups up")
	assert.Empty(t, w.requests)
}

func TestThePodThatWaitsForTheClaimSaysWhereToFill(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db-0", UID: "pod"},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"disk": "fast"},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "db"},
			}}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	other := pod.DeepCopy()
	other.Name, other.UID = "a-first-by-name", "other"
	other.Spec.NodeSelector = map[string]string{"disk": "slow"}
	other.Spec.Volumes[0].PersistentVolumeClaim.ClaimName = "another"
	w := newWorld(t, aClass(true, corev1.PersistentVolumeReclaimDelete), aClaim(), pod, other)
	w.until(w.completed, "completed")
	assert.Equal(t, map[string]string{"disk": "fast"}, w.requests[0].Placement.NodeSelector)
}

func TestAPodsAffinityIsReadInItsOwnNamespaceAndWithoutNearnessToItself(t *testing.T) {
	itself := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}
	cache := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cache"}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Labels: map[string]string{"app": "db"}},
		Spec: corev1.PodSpec{Affinity: &corev1.Affinity{
			PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
				{LabelSelector: itself, TopologyKey: "zone"}, {LabelSelector: cache, TopologyKey: "zone"},
			}},
			PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
				{Weight: 1, PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: itself, TopologyKey: "host", MatchLabelKeys: []string{"hash"}}},
			}},
		}},
	}
	affinity := restore.PlacementOf(pod).Affinity
	assert.Equal(t, []corev1.PodAffinityTerm{{LabelSelector: cache, TopologyKey: "zone", Namespaces: []string{"shop"}}},
		affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
	assert.Equal(t, corev1.PodAffinityTerm{LabelSelector: itself, TopologyKey: "host", Namespaces: []string{"shop"}},
		affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm)
	assert.Len(t, pod.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution, 2, "the pod itself is not changed")
}

func TestProgressIsWrittenOnlyWhenAPersonWouldNoticeIt(t *testing.T) {
	const gib = 1 << 30
	first := restore.ProgressOf(nil, driver.Progress{BytesDone: gib / 2, BytesTotal: gib})
	assert.Equal(t, "50% of 1.0 GiB", first.Summary)
	assert.Same(t, first, restore.ProgressOf(first, driver.Progress{BytesDone: gib/2 + 1, BytesTotal: gib}))
	assert.Equal(t, "100% of 1.0 GiB", restore.ProgressOf(first, driver.Progress{BytesDone: gib, BytesTotal: gib}).Summary)
	assert.Equal(t, "1.5 KiB", restore.ProgressOf(nil, driver.Progress{BytesDone: 1536}).Summary)
	assert.Empty(t, restore.ProgressOf(nil, driver.Progress{}).Summary)
}

func TestAPrimeThatSomebodyDeletedIsFilledAnewAndNeverTakenForFilled(t *testing.T) {
	for name, when := range map[string]func(w *world) bool{
		"while it is filled": func(w *world) bool { return len(w.jobs) > 0 },
		"once its volume is retained": func(w *world) bool {
			volume := w.volume("pv-1")
			return volume != nil && volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain && w.volume(lock) == nil
		},
		"once it is filled": func(w *world) bool { return w.prime() != nil && w.prime().Annotations[v1alpha1.FilledAnnotation] != "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
			deleted := false
			w.onWrite = func(n int) {
				if prime := w.prime(); !deleted && prime != nil && when(w) {
					deleted = true
					w.crashAt = n // else the pass would go on with what it has seen
					clear(w.filled)
					prime.Finalizers = nil
					require.NoError(t, w.api.Update(t.Context(), prime))
					require.NoError(t, w.api.Delete(t.Context(), prime))
				}
			}
			w.until(w.completed, "completed")
			require.True(t, deleted)
			assertRestored(t, w, settings[0])
			assert.EqualValues(t, 2, w.restore().Status.Attempt, "the new prime is another attempt")
		})
	}
}

func TestARunningTransferIsLookedAtAgainSoon(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(int32) *driver.FillState {
		return &driver.FillState{Phase: driver.FillRunning, StartedAt: w.clock.Now(), Progress: driver.Progress{BytesDone: 50, BytesTotal: 100}}
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Progress != nil }, "ran")
	result, err := w.tick()
	require.NoError(t, err)
	assert.Equal(t, 2*time.Second, result.RequeueAfter)
	assert.Equal(t, "50% of 100 B restored", w.restore().Status.Message)
	done := len(w.writes)
	_, err = w.tick()
	require.NoError(t, err)
	assert.Len(t, w.writes, done, "what has not changed is not written")
}

func TestAPrimeOfALostRecordIsNotTakenForAnotherBackup(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return len(w.jobs) > 0 }, "began to fill")
	newer := aBackup()
	newer.ID, newer.TakenAt = strings.Repeat("cd", 32), noon
	w.answers = func() backup.Answer { return found(newer, aBackup()) }
	require.NoError(t, w.api.Delete(t.Context(), w.restore()))
	w.until(w.completed, "completed")
	assert.Equal(t, newer.ID, w.restore().Status.Backup.ID)
	assert.Equal(t, "data of "+newer.ID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle], "the volume holds what the record says")
	assert.Len(t, w.backends, 1)
}

func TestALostRecordEndsTheAttemptsThatItCounted(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.fail = func(attempt int32) *driver.FillState {
		if attempt < 3 {
			return &driver.FillState{Phase: driver.FillFailed, Message: "Fatal: timeout"}
		}
		return nil
	}
	w.until(func() bool { return w.jobs["uid-1"] != nil && w.jobs["uid-1"].request.Attempt == 3 }, "began the third attempt")
	w.fail = nil
	require.NoError(t, w.api.Delete(t.Context(), w.restore()))
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
}
