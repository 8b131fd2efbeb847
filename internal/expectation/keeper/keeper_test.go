package keeper_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testclock "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
)

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a store, a memory and an observer in one.
type world struct {
	clock    *testclock.FakeClock
	claims   expectation.Claims
	identity string
	last     keeper.Attempt
	listed   keeper.Listed
	begun    []expectation.Claims
	copied   []error
	// fails are what the calls return instead.
	lastErr, startErr, claimsErr, identityErr error
	log                                       bytes.Buffer
}

func newWorld() (*world, *keeper.Keeper) {
	w := &world{clock: testclock.NewFakeClock(then), identity: "id", claims: remembering(1)}
	return w, w.keeper()
}

func (w *world) keeper() *keeper.Keeper {
	return keeper.New(keeper.Config{
		Repository: "restic", Store: w, Memory: w, Clock: w.clock, Observer: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Identity: func(context.Context, string) (string, error) { return w.identity, w.identityErr },
	})
}

func remembering(hours int) expectation.Claims {
	return expectation.Claims{{Namespace: "apps", Name: "db"}: {Newest: then.Add(time.Duration(hours) * time.Hour), ID: "x", Count: 1}}
}

func (w *world) Claims(context.Context, string) (expectation.Claims, error) {
	return w.claims, w.claimsErr
}

func (w *world) Start(_ context.Context, identity string, claims expectation.Claims) error {
	if w.startErr != nil {
		return w.startErr
	}
	if identity != "id" {
		return errors.New("another repository")
	}
	sum, err := keeper.Sum(claims)
	w.begun = append(w.begun, claims)
	w.last = keeper.Attempt{Phase: keeper.UnderWay, Sum: sum, StartedAt: w.clock.Now()}
	return err
}

func (w *world) Last(context.Context) (keeper.Attempt, error) { return w.last, w.lastErr }
func (w *world) Listed() keeper.Listed                        { return w.listed }
func (w *world) Copied(_ string, err error)                   { w.copied = append(w.copied, err) }

func (w *world) ends(phase keeper.Phase, message string) {
	w.last.Phase, w.last.Message = phase, message
}

func TestACopyIsWrittenAfterChangesAndNotMoreOftenThanEveryTenMinutes(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	require.Len(t, w.begun, 1, "the first one at once")
	w.claims = remembering(2)
	w.clock.Step(34 * time.Minute)
	k.Look(t.Context())
	require.Len(t, w.begun, 1, "not while one is under way")
	w.ends(keeper.Done, "")
	k.Look(t.Context())
	require.Len(t, w.begun, 2)
	w.ends(keeper.Done, "")
	w.clock.Step(time.Hour)
	k.Look(t.Context())
	require.Len(t, w.begun, 2, "nothing has changed")

	w.claims = remembering(3)
	k.Look(t.Context())
	w.ends(keeper.Done, "")
	w.claims = remembering(4)
	w.clock.Step(10*time.Minute - time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 3)
	w.clock.Step(time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 4)
	assert.Equal(t, remembering(4), w.begun[3])
	assert.Equal(t, []error{nil, nil, nil}, w.copied, "each end is told once")
	assert.Empty(t, k.Report().Trouble)
}

func TestANewLeaderGoesOnWhereTheOneBeforeEnded(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	w.ends(keeper.Done, "")
	next := w.keeper()
	w.clock.Step(time.Hour)
	next.Look(t.Context())
	require.Len(t, w.begun, 1)
	w.claims = remembering(2)
	next.Look(t.Context())
	require.Len(t, w.begun, 2)
	w.keeper().Look(t.Context())
	require.Len(t, w.begun, 2, "that one is under way")
}

func TestNothingIsWrittenWhereNothingIsKnown(t *testing.T) {
	w, k := newWorld()
	w.identity = ""
	k.Look(t.Context())
	w.identity, w.claims = "id", nil
	k.Look(t.Context())
	assert.Empty(t, w.begun)
	assert.Empty(t, k.Report().Trouble)
}

func TestNoCopyBeginsBeforeTheRepositoryWasListed(t *testing.T) {
	w, k := newWorld()
	w.listed.Pending = true
	k.Look(t.Context())
	assert.Empty(t, w.begun)
	assert.Empty(t, k.Report().Trouble)
	w.listed.Pending = false
	k.Look(t.Context())
	assert.Len(t, w.begun, 1)
}

func TestACopyThatFailsIsToldAndTriedAgainEverLessOften(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	for _, pause := range []time.Duration{20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 6 * time.Hour, 6 * time.Hour} {
		w.ends(keeper.Failed, "the repository is read-only")
		begun := len(w.begun)
		w.clock.Step(pause - time.Second)
		k.Look(t.Context())
		require.Len(t, w.begun, begun)
		assert.Equal(t, "the copy of what is remembered of the restic backups is not current: writing it failed: the repository is read-only; "+
			"correct that, and it is written by itself", k.Report().Message())
		w.clock.Step(time.Second)
		k.Look(t.Context())
		require.Len(t, w.begun, begun+1, "after %s", pause)
	}
	assert.Len(t, w.copied, 7)
	assert.Error(t, w.copied[0])
	assert.Equal(t, 1, bytes.Count(w.log.Bytes(), []byte("is not current: ")), "the same trouble is logged once")
	w.ends(keeper.Done, "")
	k.Look(t.Context())
	assert.Empty(t, k.Report().Trouble)
	assert.Contains(t, w.log.String(), "is current again")
	w.claims = remembering(2)
	w.clock.Step(10 * time.Minute)
	begun := len(w.begun)
	k.Look(t.Context())
	assert.Len(t, w.begun, begun+1, "and from then on as often as before")
}

func TestACopyThatWaitsIsToldAfterTwoMinutes(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	w.last.Waiting, w.last.Message = true, "ImagePullBackOff: no such image"
	w.clock.Step(time.Minute)
	k.Look(t.Context())
	assert.Empty(t, k.Report().Trouble, "it may be starting")
	w.clock.Step(time.Minute)
	k.Look(t.Context())
	assert.Equal(t, "writing it waits since 2026-01-02T03:04:05Z: ImagePullBackOff: no such image", k.Report().Trouble)
	assert.Empty(t, w.copied, "it has not ended")
	w.last.Waiting, w.last.Message = false, ""
	k.Look(t.Context())
	assert.Empty(t, k.Report().Trouble, "it runs")
}

func TestACopyThatHangsIsToldAndAnotherBegins(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	w.last.Message = "pod soteria/memory-1-x is on node a, which is gone"
	w.clock.Step(35*time.Minute - time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 1)
	assert.Empty(t, k.Report().Trouble)
	w.clock.Step(time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 2, "although nothing has changed since: the first may never be written")
	trouble := "writing it was begun at 2026-01-02T03:04:05Z and has not ended: pod soteria/memory-1-x is on node a, which is gone"
	assert.Equal(t, trouble, k.Report().Trouble)
	require.Len(t, w.copied, 1)
	require.Error(t, w.copied[0])
	w.clock.Step(time.Minute)
	k.Look(t.Context())
	assert.Equal(t, trouble, k.Report().Trouble, "that another one was begun does not make it current")
	assert.Len(t, w.copied, 1, "it is counted once")
	w.ends(keeper.Done, "")
	k.Look(t.Context())
	assert.Empty(t, k.Report().Trouble)
}

func TestOfADayInWhichEveryCopyHangsItIsToldAllTheTime(t *testing.T) {
	w, k := newWorld()
	k.Look(t.Context())
	for minute := range 24 * 60 {
		w.clock.Step(time.Minute)
		w.last.Waiting, w.last.Message = true, "Job is suspended"
		k.Look(t.Context())
		if minute >= 2 {
			require.NotEmpty(t, k.Report().Trouble, "after %d minutes", minute)
		}
	}
	assert.Greater(t, len(w.begun), 3)
	assert.Less(t, len(w.begun), 12, "ever less often")
}

func TestWhereOldCopiesCannotBeRemovedNewOnesAreRare(t *testing.T) {
	w, k := newWorld()
	w.listed.Copies = 100
	k.Look(t.Context())
	w.ends(keeper.Done, "")
	w.claims = remembering(2)
	w.clock.Step(40*time.Minute - time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 1)
	w.clock.Step(time.Second)
	k.Look(t.Context())
	require.Len(t, w.begun, 2)
}

func TestWhatCannotBeReadIsTroubleAndBeginsNothing(t *testing.T) {
	unavailable := backup.Errorf(backup.Unavailable, "no answer")
	for name, spoil := range map[string]func(*world){
		"the memory":                   func(w *world) { w.claimsErr = unavailable },
		"which repository is believed": func(w *world) { w.identityErr = unavailable },
		"the attempt before":           func(w *world) { w.lastErr = unavailable },
		"the work that is to be begun": func(w *world) { w.startErr = unavailable },
	} {
		t.Run(name, func(t *testing.T) {
			w, k := newWorld()
			spoil(w)
			k.Look(t.Context())
			assert.Empty(t, w.begun)
			assert.Equal(t, "no answer", k.Report().Trouble)
		})
	}
	w, k := newWorld()
	w.startErr = backup.Errorf(backup.Conflict, "another replica was first")
	k.Look(t.Context())
	assert.Empty(t, k.Report().Trouble)
}

func TestARivalIsLoggedOnce(t *testing.T) {
	w, k := newWorld()
	w.listed.Rival = "other"
	for range 3 {
		k.Look(t.Context())
	}
	assert.Equal(t, 1, bytes.Count(w.log.Bytes(), []byte("two live clusters of one name")))
	assert.Contains(t, k.Report().Message(), "give each cluster a SOTERIA_CLUSTER of its own")
	w.listed.Rival = ""
	assert.Empty(t, k.Report().Message())
}

func TestItLooksOnceAMinuteUntilItIsStopped(t *testing.T) {
	w, k := newWorld()
	assert.True(t, k.NeedLeaderElection())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Start(ctx) }()
	for range 3 {
		require.Eventually(t, w.clock.HasWaiters, 10*time.Second, time.Millisecond)
		w.clock.Step(time.Minute)
	}
	stop()
	require.NoError(t, <-ended)
	assert.Len(t, w.begun, 1)
}
