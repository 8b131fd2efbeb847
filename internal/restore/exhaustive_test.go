//go:build !race

package restore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/restore"
)

// These disturb a restore at every write, in every setting, or restore many claims. Each
// world has one goroutine, in which there is no race, and watched for one they take five
// times as long: make unit runs them apart.

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

func TestAnEarlierVolumeIsKeptThoughTheProcessDiesAfterAnyWrite(t *testing.T) {
	undisturbed := afterAnEarlierLife(t)
	undisturbed.until(undisturbed.completed, "completed")
	for n := 1; n <= len(undisturbed.writes); n++ {
		for _, disturb := range []func(*world){
			func(w *world) { w.crashAt = n },
			func(w *world) { w.lost = n },
			func(w *world) { w.crashAt, w.lag = n, true },
		} {
			w := afterAnEarlierLife(t)
			w.onWrite = func(int) { requireKept(w) }
			disturb(w)
			w.until(w.completed, "completed")
			assert.Len(t, w.volumes(), 2, "the claim's volume and the earlier one")
			assert.Equal(t, types.UID("uid-1"), w.volume(lock).Spec.ClaimRef.UID)
			assert.NotNil(t, w.volume(keptAs))
		}
	}
}

func TestAClaimThatIsRecreatedWithTheSameLockAfterAnyWriteIsRestoredAnew(t *testing.T) {
	each(t, func(t *testing.T, s setting, n int) { requireRestoredAnew(t, s, n, false) })
}

func TestAClaimThatIsRecreatedWithTheSameLockWhileTheProcessDiesIsRestoredAnew(t *testing.T) {
	retaining := slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.policy != corev1.PersistentVolumeReclaimRetain })
	eachOf(t, retaining, func(t *testing.T, s setting, n int) { requireRestoredAnew(t, s, n, true) })
}

// requireRestoredAnew makes the claim anew, with the same lock, after a write,
// which may be the process's last.
func requireRestoredAnew(t *testing.T, s setting, n int, crash bool) {
	t.Helper()
	w := s.world(t)
	if crash {
		w.crashAt = n
	}
	handed := "" // to the first claim, if that had gone so far
	w.onWrite = func(done int) {
		if done != n {
			return
		}
		if volume := w.volume(lock); volume != nil && s.policy == corev1.PersistentVolumeReclaimRetain {
			handed = volume.Spec.CSI.VolumeHandle
		}
		require.NoError(t, w.api.Delete(t.Context(), w.claim()))
		require.NoError(t, w.api.Create(t.Context(), aClaim(func(c *corev1.PersistentVolumeClaim) { c.UID = "uid-2" })))
	}
	w.until(func() bool {
		return w.completed() && w.restore().Status.Claim.UID == "uid-2" && nothingLeft(w)
	}, "restored anew")
	volume := w.volume(lock)
	require.NotNil(t, volume)
	assert.Equal(t, types.UID("uid-2"), volume.Spec.ClaimRef.UID)
	assert.Equal(t, corev1.ClaimBound, w.claim().Status.Phase)
	volumes := 1
	if handed != "" {
		volumes = 2
		assert.Contains(t, w.backends, handed, "the first claim's data was destroyed")
	}
	assert.Len(t, w.volumes(), volumes)
	assert.Len(t, w.backends, volumes, "storage leaked")
}

func TestARecordThatIsDeletedUnderwayIsBegunAnewWithoutHarm(t *testing.T) {
	for _, s := range settings {
		undisturbed := s.world(t)
		undisturbed.until(undisturbed.completed, "completed")
		for n := 2; n < len(undisturbed.writes); n++ {
			t.Run(s.String()+" "+undisturbed.writes[n-1], func(t *testing.T) {
				w := s.world(t)
				w.onWrite = func(done int) {
					if record := w.restore(); done == n && record != nil {
						require.NoError(t, w.api.Delete(t.Context(), record))
					}
				}
				w.until(func() bool { return w.claim().Status.Phase == corev1.ClaimBound && nothingLeft(w) }, "bound")
				require.Len(t, w.volumes(), 1)
				require.Len(t, w.backends, 1)
			})
		}
	}
}

func TestARestoreTakesFewCallsAndNoConflict(t *testing.T) {
	for name, test := range map[string]struct {
		claims       int
		late, attach bool
		empty        bool
		moves        time.Duration
		configure    func(*restore.Config)
		most         int // calls for each claim, events included
	}{
		"one, bound at once":                {claims: 1, most: 54},
		"one, on storage that is attached":  {claims: 1, attach: true, most: 59},
		"one, bound for the first consumer": {claims: 1, late: true, most: 54},
		"one that starts empty":             {claims: 1, empty: true, most: 52},
		"one that starts empty, unseen": {claims: 1, empty: true, most: 38,
			configure: func(c *restore.Config) { c.EmptyProvisioners = []string{provider} }},
		"fifty, ten at a time": {claims: 50, late: true, most: 59,
			configure: func(c *restore.Config) { c.Fills = 10 }},
		"thirty, three at a time that move for a minute": {claims: 30, moves: time.Minute, most: 78,
			configure: func(c *restore.Config) { c.Fills = 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, aClass(test.late, corev1.PersistentVolumeReclaimDelete))
			s.attach, s.configure = test.attach, test.configure
			if test.moves > 0 {
				s.moves = func(*batchv1.Job) time.Duration { return test.moves }
			}
			if test.empty {
				s.answer = none
			}
			s.boot()
			for i := range test.claims {
				s.apply(stormClaim(i))
			}
			s.until(s.completed(test.claims), "completed")
			last := noon
			for _, at := range s.boundAt {
				if at.After(last) {
					last = at
				}
			}
			t.Logf("%s: the last of %d claims bound after %s, %.1f calls and %.1f passes each, %d conflicts, at most %d movers at once:%s", name, test.claims, last.Sub(noon),
				float64(s.total())/float64(test.claims), float64(s.passes)/float64(test.claims), s.conflicts(), s.most, s.table(test.claims))
			assert.LessOrEqual(t, s.total(), test.claims*test.most)
			assert.Zero(t, s.conflicts())
			assert.LessOrEqual(t, s.most, 10)

			passes, calls := s.passes, s.total()
			s.lasts(time.Hour)
			assert.Equal(t, passes, s.passes, "claims that have their volumes are left in peace")
			assert.Equal(t, calls, s.total())
		})
	}
}
