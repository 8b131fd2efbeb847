package copies_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/kube"
)

var day = copies.Expiry{After: 24 * time.Hour}

func TestACopyIsShownWithWhatSoteriaKnowsOfIt(t *testing.T) {
	w := made(t, day)
	list := w.list(t)
	require.Len(t, list.Copies, 1)
	got := list.Copies[0]
	assert.Equal(t, noon, list.At)
	claim := w.claim(t, look)
	assert.Equal(t, copies.Record{
		Lock: claim.Spec.VolumeName, Claim: look, UID: claim.UID, Source: photos, Driver: "restic", Backup: taken.ID, TakenAt: taken.TakenAt,
		RequestedBy: "ada", MadeAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	}, got.Record)
	assert.Equal(t, copies.Ready, got.State)
	assert.Equal(t, "the claim has its data", got.Message)
	assert.Equal(t, []string{}, got.UsedBy)
	assert.True(t, got.Removable)
	assert.False(t, got.Expired)
	assert.Equal(t, "kubectl -n media annotate pvc look soteria.dev/restore-test-", got.Keep)

	w.use(t, look)
	got = w.list(t).Copies[0]
	assert.Equal(t, []string{"viewer-of-look"}, got.UsedBy)
	assert.Contains(t, got.Message, "used by viewer-of-look")

	w.failing["list podlist"] = errors.New("away")
	got = w.list(t).Copies[0]
	assert.Nil(t, got.UsedBy, "that it cannot be told is not that there is none")
	assert.Contains(t, got.Message, "could not be told")
}

func TestACopyIsRemovedOnRequest(t *testing.T) {
	w := made(t, copies.Expiry{})
	uid := w.claim(t, look).UID
	removed, err := w.keeper.Remove(t.Context(), look, "", false)
	require.NoError(t, err)
	assert.Equal(t, uid, removed.UID)
	assert.False(t, removed.Restoring)
	assert.Equal(t, "the claim is deleted", removed.Message)
	assert.Nil(t, w.claim(t, look))
	assert.Equal(t, []string{"person ok"}, w.removals)

	_, err = w.keeper.Remove(t.Context(), look, "", false)
	assert.Equal(t, backup.NotFound, backup.KindOf(err), "it is gone")
	assert.Equal(t, backup.NoCopy, backup.ReasonOf(err))
	assert.Empty(t, w.list(t).Copies)
	w.tend(t)
	assert.Len(t, w.book(t).Data, 1, "its record goes, too")
}

func TestACopyIsNotRemovedInThePlaceOfTheOneThatWasMeant(t *testing.T) {
	w := made(t, copies.Expiry{})
	shown := w.claim(t, look).UID
	require.NoError(t, w.people.Delete(t.Context(), w.claim(t, look)))
	w.clock.Step(time.Minute)
	_, err := w.ask(look, copies.Expiry{})
	require.NoError(t, err)
	_, err = w.keeper.Remove(t.Context(), look, shown, true)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.Equal(t, "uid", backup.FieldOf(err))
	assert.ErrorContains(t, err, "made at 2026-04-12T12:01:00Z")
	require.NotNil(t, w.claim(t, look))
	_, err = w.keeper.Remove(t.Context(), look, w.claim(t, look).UID, false)
	require.NoError(t, err)
	assert.Nil(t, w.claim(t, look))
}

func TestACopyThatWaitsForItsDataIsRemovedWithItsRestore(t *testing.T) {
	w := newWorld()
	_, err := w.ask(look, copies.Expiry{})
	require.NoError(t, err)
	assert.Equal(t, copies.Restoring, w.list(t).Copies[0].State)
	removed, err := w.keeper.Remove(t.Context(), look, "", false)
	require.NoError(t, err)
	assert.True(t, removed.Restoring)
	assert.Contains(t, removed.Message, "the restore into it is cancelled")
}

func TestACopyWhoseVolumeStaysSaysSo(t *testing.T) {
	w := made(t, copies.Expiry{})
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: w.claim(t, look).Spec.VolumeName}}
	volume.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	require.NoError(t, w.people.Create(t.Context(), volume))
	removed, err := w.keeper.Remove(t.Context(), look, "", false)
	require.NoError(t, err)
	assert.Contains(t, removed.Message, "volume "+volume.Name+" stays")
}

func TestACopyThatAPodUsesIsRemovedOnlyWhereThatIsAskedFor(t *testing.T) {
	w := made(t, copies.Expiry{})
	w.use(t, look)
	_, err := w.keeper.Remove(t.Context(), look, "", false)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.Equal(t, backup.InUse, backup.ReasonOf(err))
	assert.ErrorContains(t, err, "viewer-of-look")
	assert.ErrorContains(t, err, "while_used=true")
	assert.NotNil(t, w.claim(t, look))

	w.failing["list podlist"] = errors.New("away")
	_, err = w.keeper.Remove(t.Context(), look, "", false)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "whether it is used cannot be told")
	delete(w.failing, "list podlist")

	removed, err := w.keeper.Remove(t.Context(), look, "", true)
	require.NoError(t, err)
	assert.Equal(t, []string{"viewer-of-look"}, removed.UsedBy)
	assert.Contains(t, removed.Message, "goes once these have ended: viewer-of-look")
}

func TestAPodThatHasEndedUsesNothing(t *testing.T) {
	for _, phase := range []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed} {
		w := made(t, copies.Expiry{})
		pod := w.use(t, look)
		pod.Status.Phase = phase
		require.NoError(t, w.people.Status().Update(t.Context(), pod))
		_, err := w.keeper.Remove(t.Context(), look, "", false)
		require.NoError(t, err, phase)
	}
}

func TestWhatIsNoCopyIsNotRemoved(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(*testing.T, *world)
		reason backup.Reason
		says   string
		settle string
	}{
		"that was never one": {
			do: func(t *testing.T, w *world) {
				t.Helper()
				require.NoError(t, w.keeper.Book.Drop(t.Context(), w.claim(t, look).Spec.VolumeName))
			}, reason: backup.NoCopy, says: "no record"},
		"that a person kept": {
			do: func(t *testing.T, w *world) { t.Helper(); w.change(t, look, keep) }, reason: backup.NoCopy, says: "a person kept it"},
		"that was made again from its manifest": {
			do: func(t *testing.T, w *world) { t.Helper(); w.again(t, look) }, reason: backup.NoCopy, says: "another one than the copy"},
		"of which the answer was lost": {
			do: func(t *testing.T, w *world) {
				t.Helper()
				require.NoError(t, w.people.Delete(t.Context(), w.claim(t, look)))
				w.left, w.heard = 1, true
				_, err := w.ask(look, day)
				require.Error(t, err)
				w.restart()
			}, reason: backup.Unproved, says: "did not hear the answer", settle: "kubectl -n media delete pvc look"},
	} {
		t.Run("a claim "+name, func(t *testing.T) {
			w := made(t, day)
			test.do(t, w)
			_, err := w.keeper.Remove(t.Context(), look, "", true)
			assert.Equal(t, backup.Conflict, backup.KindOf(err))
			assert.Equal(t, test.reason, backup.ReasonOf(err))
			assert.ErrorContains(t, err, test.says)
			assert.Equal(t, test.settle, backup.SettleOf(err), "a command that deletes is told only of what was made to be deleted")
			w.clock.Step(48 * time.Hour)
			w.tend(t)
			w.tend(t)
			assert.NotNil(t, w.claim(t, look), "nor does it expire")
			assert.Empty(t, w.deleted)
		})
	}
}

func TestNothingIsRemovedThatCannotBeTold(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "look", errors.New("no rule"))
	for failing, test := range map[string]struct {
		err  error
		kind backup.Kind
	}{
		"get configmap":                {errors.New("away"), backup.Unavailable},
		"get persistentvolumeclaim":    {errors.New("away"), backup.Unavailable},
		"delete persistentvolumeclaim": {forbidden, backup.Denied},
	} {
		t.Run(failing, func(t *testing.T) {
			w := made(t, day)
			w.failing[failing] = test.err
			_, err := w.keeper.Remove(t.Context(), look, "", false)
			assert.Equal(t, test.kind, backup.KindOf(err))
			if test.kind == backup.Denied {
				assert.Equal(t, backup.ByPermission, backup.ReasonOf(err))
				assert.Equal(t, "kubectl -n media delete pvc look", backup.SettleOf(err))
			}
			w.clock.Step(48 * time.Hour)
			for range 2 {
				require.Error(t, w.keeper.Tend(t.Context()))
			}
			assert.NotNil(t, w.claim(t, look))
			if test.kind == backup.Denied {
				require.Len(t, w.events, 1, "it is told once on the claim")
				assert.Contains(t, w.events[0], "Warning CopyNotRemoved")
				assert.Contains(t, w.events[0], "kubectl -n media delete pvc look")
			}
			delete(w.failing, failing)
			w.tend(t)
			assert.Nil(t, w.claim(t, look), "it is tried again")
		})
	}
}

func TestACopyWhoseClaimCannotBeReadIsShownAllTheSame(t *testing.T) {
	w := made(t, day)
	w.failing["get persistentvolumeclaim"] = errors.New("away")
	got := w.list(t).Copies[0]
	assert.Equal(t, copies.Unknown, got.State)
	assert.Contains(t, got.Message, "away")
	assert.False(t, got.Removable)
	w.failing["get configmap"] = errors.New("away")
	_, err := w.keeper.List(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "no list is not an empty one")
}

func TestACopyIsToldThatItExpiresAndThenRemoved(t *testing.T) {
	w := made(t, day)
	w.clock.Step(22 * time.Hour)
	w.tend(t)
	assert.Empty(t, w.events, "it is too early")
	w.clock.Step(90 * time.Minute)
	w.tend(t)
	w.restart()
	w.tend(t)
	require.Len(t, w.events, 1, "it is told once, also by another process")
	assert.Equal(t, "Normal CopyExpires: this copy to look at expires in 30m0s, at 2026-04-13T12:00:00Z, and is removed then; "+
		"keep it with: kubectl -n media annotate pvc look soteria.dev/restore-test-", w.events[0])

	w.clock.Step(30 * time.Minute)
	assert.True(t, w.list(t).Copies[0].Expired)
	w.tend(t)
	assert.Nil(t, w.claim(t, look))
	assert.Equal(t, "Normal CopyExpired: the copy of media/photos that ada asked for expired at 2026-04-13T12:00:00Z and was removed; "+
		"the backup that it was made from is still there", w.events[1])
	w.tend(t)
	assert.Len(t, w.events, 2)
	assert.Len(t, w.deleted, 1)
	assert.Equal(t, []string{"expiry ok"}, w.removals)
}

func TestACopyThatLivesShortlyIsToldHalfway(t *testing.T) {
	w := made(t, copies.Expiry{After: 20 * time.Minute})
	w.clock.Step(9 * time.Minute)
	w.tend(t)
	assert.Empty(t, w.events)
	w.clock.Step(time.Minute)
	w.tend(t)
	require.Len(t, w.events, 1)
	assert.Contains(t, w.events[0], "expires in 10m0s")
}

func TestACopyThatAPodUsesExpiresOnceThatHasEnded(t *testing.T) {
	w := made(t, day)
	pod := w.use(t, look)
	w.clock.Step(25 * time.Hour)
	for range 3 {
		w.tend(t)
	}
	require.Len(t, w.events, 1, "it is told once")
	assert.Contains(t, w.events[0], "Warning CopyNotRemoved")
	assert.Contains(t, w.events[0], "used by viewer-of-look")
	assert.Contains(t, w.list(t).Copies[0].Message, "is removed once these have ended: viewer-of-look")
	assert.NotNil(t, w.claim(t, look))

	require.NoError(t, w.people.Delete(t.Context(), pod))
	w.tend(t)
	w.clock.Step(9 * time.Minute)
	w.tend(t)
	assert.NotNil(t, w.claim(t, look), "the pod may be one that is replaced")
	pod = w.use(t, look)
	w.tend(t)
	require.NoError(t, w.people.Delete(t.Context(), pod))
	w.clock.Step(time.Minute)
	w.tend(t)
	assert.NotNil(t, w.claim(t, look), "it was used in between")
	w.clock.Step(10 * time.Minute)
	w.tend(t)
	assert.Nil(t, w.claim(t, look))
	assert.Len(t, w.events, 2)
}

func TestACopyThatIsUsedWhenItIsToldToExpireIsNotRemovedBetweenTwoPods(t *testing.T) {
	w := made(t, day)
	pod := w.use(t, look)
	w.clock.Step(23*time.Hour + 30*time.Minute)
	w.tend(t)
	require.Len(t, w.events, 1)
	require.NoError(t, w.people.Delete(t.Context(), pod))
	w.clock.Step(30 * time.Minute)
	w.tend(t)
	assert.NotNil(t, w.claim(t, look), "its time has come while the pod is being replaced")
	w.restart()
	w.clock.Step(10 * time.Minute)
	w.tend(t)
	assert.NotNil(t, w.claim(t, look), "a new leader has not seen it idle yet")
	w.clock.Step(10 * time.Minute)
	w.tend(t)
	assert.Nil(t, w.claim(t, look))
}

func TestNothingExpiresWhileTheClockIsInDoubt(t *testing.T) {
	w := made(t, day)
	w.clock.Step(25 * time.Hour)
	w.doubt = "the API server's clock is a day behind"
	w.tend(t)
	assert.NotNil(t, w.claim(t, look))
	assert.Empty(t, w.events)
	assert.Contains(t, w.list(t).Copies[0].Message, "a day behind")
	_, err := w.keeper.Remove(t.Context(), look, "", false)
	require.NoError(t, err, "a person may remove it all the same")
}

func TestACopyThatAPersonKeepsIsAClaimLikeOthers(t *testing.T) {
	w := made(t, day)
	w.change(t, look, keep)
	w.tend(t)
	require.Len(t, w.events, 1)
	assert.Contains(t, w.events[0], "Normal CopyKept")
	assert.Empty(t, w.list(t).Copies)
	w.change(t, look, mark)
	w.clock.Step(25 * time.Hour)
	w.tend(t)
	assert.NotNil(t, w.claim(t, look), "what was kept once is not removed, whatever is written on it")
	assert.Empty(t, w.spared(t), "so it is backed up")
}

func TestAClaimThatWasNeverMadeLeavesNoRecord(t *testing.T) {
	w := newWorld()
	w.tend(t)
	w.left = 1 // the record is written, the claim is not
	_, err := w.ask(look, day)
	require.Error(t, err)
	w.restart()
	require.Len(t, w.list(t).Copies, 1)
	assert.Equal(t, copies.Starting, w.list(t).Copies[0].State)
	assert.False(t, w.list(t).Copies[0].Removable)
	w.clock.Step(9 * time.Minute)
	w.tend(t)
	assert.Len(t, w.list(t).Copies, 1, "the request may be under way yet")
	w.clock.Step(time.Minute)
	w.tend(t)
	assert.Len(t, w.book(t).Data, 1)
}

func TestAClaimThatTheAPIServerRefusesLeavesNoRecord(t *testing.T) {
	w := newWorld()
	w.tend(t)
	w.failing["create persistentvolumeclaim"] = apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "look", errors.New("quota"))
	_, err := w.ask(look, day)
	assert.Equal(t, backup.Denied, backup.KindOf(err))
	assert.Len(t, w.book(t).Data, 1)
}

func TestNoCopyIsMadeThatCannotBeWrittenDown(t *testing.T) {
	w := newWorld()
	w.tend(t)
	w.failing["update configmap"] = errors.New("away")
	_, err := w.ask(look, day)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Nil(t, w.claim(t, look))
}

func TestACopyOfWhichTheUIDIsNotWrittenDownSaysSo(t *testing.T) {
	w := newWorld()
	w.tend(t)
	w.left = 2
	started, err := w.ask(look, day)
	require.NoError(t, err, "it is being restored")
	assert.Contains(t, strings.Join(started.Notes, "\n"), "Soteria may never remove it")
	w.restart()
	assert.Equal(t, copies.Unproved, w.list(t).Copies[0].State)
}

func TestTooManyCopiesAreRefused(t *testing.T) {
	w := newWorld()
	full := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "soteria-copies"}, Data: map[string]string{}}
	for i := range 500 {
		full.Data[fmt.Sprintf("soteria-%d", i)] = fmt.Sprintf(`{"lock":"soteria-%d","claim":{"Namespace":"media","Name":"look-%d"},"madeAt":"2026-04-12T12:00:00Z"}`, i, i)
	}
	require.NoError(t, w.people.Create(t.Context(), full))
	_, err := w.ask(look, copies.Expiry{})
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.Nil(t, w.claim(t, look))
}

func TestWhatIsBegunWhenTheRoomIsNearlyTakenIsWrittenDownToTheEnd(t *testing.T) {
	begun := made(t, day)
	begun.left, begun.heard = 1, false
	_, err := begun.ask(backup.Claim{Namespace: "media", Name: "next"}, day)
	require.Error(t, err)
	size := 0
	for key, value := range begun.book(t).Data {
		if !strings.Contains(value, `"uid"`) && key != "imported-at" {
			size += len(key) + len(value)
		}
	}
	require.Positive(t, size)

	w := newWorld()
	full := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "soteria-copies"}}
	full.Data = map[string]string{"x": strings.Repeat("x", 900<<10-1-size)}
	require.NoError(t, w.people.Create(t.Context(), full))
	_, err = w.ask(look, day)
	require.NoError(t, err)
	assert.Equal(t, w.claim(t, look).UID, w.list(t).Copies[0].UID, "its uid has its place")
	_, err = w.ask(backup.Claim{Namespace: "media", Name: "next"}, day)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.ErrorContains(t, err, "too much room")
}

func TestARecordThatCannotBeUnderstoodIsLeftAloneAndTold(t *testing.T) {
	w := made(t, day)
	book := w.book(t)
	lock := w.claim(t, look).Spec.VolumeName
	book.Data[lock] = `{"lock":`
	require.NoError(t, w.people.Update(t.Context(), book))
	list := w.list(t)
	assert.Empty(t, list.Copies)
	require.Len(t, list.Warnings, 1)
	assert.Contains(t, list.Warnings[0], lock)
	w.clock.Step(48 * time.Hour)
	w.tend(t)
	assert.Empty(t, w.deleted)
	assert.Equal(t, `{"lock":`, w.book(t).Data[lock])
}

func TestARecordThatAnotherReplicaWritesMeanwhileIsKept(t *testing.T) {
	w := made(t, copies.Expiry{})
	second := backup.Claim{Namespace: "media", Name: "second"}
	conflicts := 3
	other := w.keeper.Book
	book := &copies.Book{Client: meanwhile(w.soteria, func(ctx context.Context) {
		if conflicts > 0 {
			conflicts--
			require.NoError(t, other.Begin(ctx, copies.Record{Lock: fmt.Sprintf("soteria-%d", conflicts), Claim: look, MadeAt: noon}))
		}
	}), Reader: w.soteria, Namespace: own}
	require.NoError(t, book.Begin(t.Context(), copies.Record{Lock: "soteria-second", Claim: second, MadeAt: noon}))
	assert.Len(t, w.book(t).Data, 1+1+3+1)
}

func TestTheLeaderLooksAfterCopiesUntilItStops(t *testing.T) {
	w := made(t, day)
	assert.True(t, w.keeper.NeedLeaderElection())
	w.clock.Step(25 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	gone := make(chan struct{})
	w.keeper.Observer = observed(func() { close(gone) })
	go func() { ended <- w.keeper.Start(ctx) }()
	<-gone
	stop()
	require.NoError(t, <-ended)
	assert.Nil(t, w.claim(t, look))
}

type observed func()

func (o observed) CopyRemoved(string, error) { o() }

func TestWhatAnEarlierVersionMarkedIsSparedAndNeverRemoved(t *testing.T) {
	w := newWorld()
	old := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: look.Namespace, Name: look.Name}}
	old.Spec.VolumeName = "soteria-abcdefghijklmnop"
	mark(old)
	w.stamp(old)
	require.NoError(t, w.people.Create(t.Context(), old))
	w.tend(t)
	got := w.list(t).Copies[0]
	assert.Equal(t, copies.Unproved, got.State)
	assert.Equal(t, types.UID(""), got.UID)
	assert.Contains(t, got.Message, "before Soteria kept records")
	assert.Contains(t, got.Message, "kubectl -n media delete pvc look")
	_, err := w.keeper.Remove(t.Context(), look, "", true)
	assert.Equal(t, backup.Unproved, backup.ReasonOf(err))
	assert.Equal(t, []types.UID{old.UID}, w.spared(t))

	w.again(t, look)
	assert.Empty(t, w.spared(t), "a claim that is made from its manifest is another one")
	w.tend(t)
	assert.Empty(t, w.list(t).Copies)
}

func TestNoMarkThatATenantWritesKeepsCopiesFromBeingLookedAfter(t *testing.T) {
	for name, volume := range map[string]string{
		"no key of a ConfigMap": "soteria-a/b c",
		"too long for one":      "soteria-" + strings.Repeat("a", 300),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			_, err := w.ask(look, day)
			require.NoError(t, err)
			w.change(t, look, bind)
			theirs := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "theirs"}}
			theirs.Spec.VolumeName = volume
			mark(theirs)
			w.stamp(theirs)
			require.NoError(t, w.people.Create(t.Context(), theirs))
			w.clock.Step(25 * time.Hour)
			w.tend(t)
			assert.Nil(t, w.claim(t, look), "it expires all the same")
			assert.NotContains(t, w.book(t).Data, volume)
			assert.NotNil(t, w.claim(t, backup.Claim{Namespace: "media", Name: "theirs"}))
			assert.Empty(t, w.spared(t), "what they marked is backed up")
		})
	}
}

// asked is a wish for a copy that is carried out again after a crash, or by the replica
// that takes a batch over.
func asked(lock string) intent.Wish {
	return intent.Wish{Source: photos, Target: look, Shape: intent.Shape{Size: "1Gi"}, RequestedBy: "ada", Copy: true, Expires: day, Lock: lock}
}

func TestACopyThatTwoReplicasMakeAtOnceStaysOneThatIsProved(t *testing.T) {
	for name, faster := range map[string]bool{"before the slower one writes it down": true, "after that": false} {
		t.Run("made "+name, func(t *testing.T) {
			w := newWorld()
			w.tend(t)
			wish := asked(kube.NewLock())
			made := false
			first := func() {
				if !made {
					made = true
					_, err := w.requests(&copies.Book{Client: w.soteria, Reader: w.soteria, Namespace: own}).Restore(t.Context(), wish)
					require.NoError(t, err)
				}
			}
			if faster {
				w.before["update configmap"] = first
			} else {
				w.before["create persistentvolumeclaim"] = first
			}
			second, err := w.requests(w.keeper.Book).Restore(t.Context(), wish)
			require.NoError(t, err, "the copy is there as it was asked for")
			assert.True(t, second.Copy)
			assert.Contains(t, strings.Join(second.Notes, "\n"), "an earlier attempt made the copy")
			list := w.list(t)
			require.Len(t, list.Copies, 1, "its record stays")
			assert.Equal(t, w.claim(t, look).UID, list.Copies[0].UID, "and what proves it")
			assert.Len(t, w.spared(t), 1)
			w.change(t, look, bind)
			w.clock.Step(25 * time.Hour)
			w.tend(t)
			assert.Nil(t, w.claim(t, look))
		})
	}
}

func TestACopyIsMadeAgainAlthoughNoMoreAreTaken(t *testing.T) {
	w := newWorld()
	wish := asked(kube.NewLock())
	full := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "soteria-copies"}, Data: map[string]string{"imported-at": "2026-04-12T12:00:00Z"}}
	for i := range 499 {
		full.Data[fmt.Sprintf("soteria-%d", i)] = fmt.Sprintf(`{"lock":"soteria-%d","claim":{"Namespace":"media","Name":"look-%d"},"madeAt":"2026-04-12T12:00:00Z"}`, i, i)
	}
	full.Data[wish.Lock] = fmt.Sprintf(`{"lock":%q,"claim":{"Namespace":"media","Name":"look"},"madeAt":"2026-04-12T12:00:00Z"}`, wish.Lock)
	require.NoError(t, w.people.Create(t.Context(), full))
	_, err := w.requests(w.keeper.Book).Restore(t.Context(), wish)
	require.NoError(t, err, "the earlier attempt has its place already")
	assert.Contains(t, w.book(t).Data[wish.Lock], fmt.Sprintf(`"uid":%q`, w.claim(t, look).UID))
}
