package enforcer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cache = backup.Claim{Namespace: "ai", Name: "cache"}
)

// world is a cluster, drivers, and what the catalog knows of them.
type world struct {
	t         *testing.T
	clock     *clocktesting.FakePassiveClock
	drivers   []*mem.Lister
	listings  map[string]enforcer.Listing
	forgotten []backup.Claim
	// settled are the backups that are to be left when some are about to go; unsettled
	// is why that could not be remembered.
	settled   [][]string
	unsettled error
	counted   []string
	events    *events.FakeRecorder
	cluster   client.Client
	lists     func() error
	rules     backup.Rules
	*enforcer.Enforcer
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	w := &world{
		t: t, clock: clocktesting.NewFakePassiveClock(noon), events: events.NewFakeRecorder(100),
		drivers:  []*mem.Lister{mem.NewLister("restic", "r"), mem.NewLister("longhorn", "l"), mem.NewLister("s3", "s")},
		listings: map[string]enforcer.Listing{}, lists: func() error { return nil },
	}
	if objects == nil {
		objects = []client.Object{bound(cache)}
	}
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if err := w.lists(); err != nil {
				return err
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
	w.Enforcer = enforcer.New(enforcer.Config{
		Reader: w.cluster, Catalog: w, Events: w.events, Observer: w, MaxAge: 10 * time.Minute, ShrinkPercent: 50, Clock: w.clock,
		Rules:   func() backup.Rules { return w.rules },
		Pruners: map[string]driver.Pruner{"restic": w.drivers[0], "longhorn": w.drivers[1]}, // s3 is looked up alone
		Log:     slog.New(slog.DiscardHandler),
	})
	return w
}

// Listings implements [enforcer.Catalog].
func (w *world) Listings(claim backup.Claim) []enforcer.Listing {
	var all []enforcer.Listing
	for _, d := range w.drivers {
		l := w.listings[d.Name()]
		var of []backup.Backup
		for _, b := range l.Backups {
			if b.Claim == claim {
				of = append(of, b)
			}
		}
		l.Backups = of
		all = append(all, l)
	}
	return all
}

// Forgetting implements [enforcer.Catalog].
func (w *world) Forgetting(ctx context.Context, driver string, claim backup.Claim, removed, stays []backup.Backup) error {
	left := &drivertest.Listing{}
	for _, d := range w.drivers {
		if d.Name() == driver {
			_, err := d.List(context.WithoutCancel(ctx), left)
			require.NoError(w.t, err)
		}
	}
	for _, b := range removed {
		assert.True(w.t, slices.ContainsFunc(left.Backups, func(l backup.Backup) bool { return l.ID == b.ID }), "it is told before %s goes", b.ID)
	}
	var ids []string
	for _, b := range stays {
		assert.Equal(w.t, claim, b.Claim)
		ids = append(ids, b.ID)
	}
	w.settled = append(w.settled, ids)
	return w.unsettled
}

// Forgotten implements [enforcer.Catalog].
func (w *world) Forgotten(claim backup.Claim) { w.forgotten = append(w.forgotten, claim) }

// BackupsForgotten implements [enforcer.Observer].
func (w *world) BackupsForgotten(driver string, n int) {
	w.counted = append(w.counted, fmt.Sprintf("%s forgot %d", driver, n))
}

// RetentionRefused implements [enforcer.Observer].
func (w *world) RetentionRefused(reason string) { w.counted = append(w.counted, reason) }

// list has the catalog list every driver.
func (w *world) list() {
	w.t.Helper()
	for _, d := range w.drivers {
		listing := &drivertest.Listing{}
		_, err := d.List(w.t.Context(), listing)
		require.NoError(w.t, err)
		for i := range listing.Backups {
			listing.Backups[i].Driver = d.Name()
		}
		w.listings[d.Name()] = enforcer.Listing{Driver: d.Name(), ListedAt: w.clock.Now(), Backups: listing.Backups, Doubt: listing.Doubts[cache]}
	}
}

// later lets time pass and has everything listed.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.clock.SetTime(w.clock.Now().Add(d))
	w.list()
}

// backups adds daily backups of the claim and gives their ids, newest first.
func (w *world) backups(d *mem.Lister, n int) []string {
	w.t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, d.Add(cache, noon.Add(-time.Duration(i)*24*time.Hour)).ID)
	}
	w.list()
	return ids
}

// left gives the ids that a driver still has.
func (w *world) left(d *mem.Lister) []string {
	w.t.Helper()
	listing := &drivertest.Listing{}
	_, err := d.List(w.t.Context(), listing)
	require.NoError(w.t, err)
	var ids []string
	for _, b := range listing.Backups {
		ids = append(ids, b.ID)
	}
	return ids
}

// said gives the events since the last call.
func (w *world) said() []string {
	var all []string
	for len(w.events.Events) > 0 {
		all = append(all, <-w.events.Events)
	}
	return all
}

func bound(claim backup.Claim) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name, UID: types.UID("uid-of-" + claim.Name)},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pv"},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
}

// lockedClaim waits for a restore.
func lockedClaim(claim backup.Claim, annotations map[string]string) *corev1.PersistentVolumeClaim {
	c := bound(claim)
	c.Annotations = annotations
	c.Spec.VolumeName = "soteria-abcdefgh"
	c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-abcdefgh"}
	c.Status.Phase = corev1.ClaimPending
	return c
}

func restoreOf(claim backup.Claim, phase v1alpha1.Phase, change ...func(*v1alpha1.Restore)) *v1alpha1.Restore {
	r := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: "soteria-abcdefgh"}}
	r.Status.Phase = phase
	r.Status.Claim = &v1alpha1.ClaimReference{Name: claim.Name, UID: types.UID("uid-of-" + claim.Name), Lock: r.Name}
	for _, c := range change {
		c(r)
	}
	return r
}

var lastTwo = retention.Keep{Last: 2}

func TestOldBackupsGoDriverByDriver(t *testing.T) {
	w := newWorld(t)
	restic, longhorn, s3 := w.backups(w.drivers[0], 4), w.backups(w.drivers[1], 3), w.backups(w.drivers[2], 5)
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Len(t, outcome.Removed, 3)
	assert.Zero(t, outcome.Waiting)
	assert.Equal(t, restic[:2], w.left(w.drivers[0]))
	assert.Equal(t, longhorn[:2], w.left(w.drivers[1]))
	assert.Equal(t, s3, w.left(w.drivers[2]), "what is only looked up is left alone")
	assert.Equal(t, []string{"restic forgot 2", "longhorn forgot 1"}, w.counted)
	assert.Equal(t, []string{
		"Normal OldBackupsRemoved 2 old restic backups were removed as the policy says, taken 2026-02-26T12:00:00Z to 2026-02-27T12:00:00Z; 2 are kept",
		"Normal OldBackupsRemoved 1 old longhorn backups were removed as the policy says, taken 2026-02-27T12:00:00Z to 2026-02-27T12:00:00Z; 2 are kept",
	}, w.said())
	assert.Equal(t, []backup.Claim{cache, cache}, w.forgotten, "the catalog lists again")
}

func TestAListingFromBeforeIsNotEnforcedAgain(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	for range 2 {
		_, err := w.Enforce(t.Context(), cache, lastTwo)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"restic forgot 1"}, w.counted)
	w.later(time.Minute)
	_, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 1})
	require.NoError(t, err)
	assert.Equal(t, []string{"restic forgot 1", "restic forgot 1"}, w.counted)
}

func TestNothingGoesWithoutRetentionOrWithAWrongOne(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	outcome, err := w.Enforce(t.Context(), cache, retention.Keep{})
	require.NoError(t, err)
	assert.Empty(t, outcome.Removed)
	_, err = w.Enforce(t.Context(), cache, retention.Keep{Last: 1, Daily: -1})
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	assert.Len(t, w.left(w.drivers[0]), 3)
	assert.Empty(t, w.counted)
}

func TestBackupsOfOthersNeitherGoNorCount(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.drivers[1].AddForeign(cache, noon.Add(time.Duration(i)*time.Hour))
	}
	w.backups(w.drivers[1], 2)
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Empty(t, outcome.Removed)
	assert.Len(t, w.left(w.drivers[1]), 5)
}

func TestAnOpenRestoreKeepsBackups(t *testing.T) {
	other := backup.Claim{Namespace: "web", Name: "copy"}
	source := &v1alpha1.SourceClaim{Namespace: cache.Namespace, Name: cache.Name}
	cases := map[string][]client.Object{
		"of the claim":                         {bound(cache), restoreOf(cache, v1alpha1.PhaseTransferring)},
		"of the claim, nothing recorded yet":   {bound(cache), restoreOf(cache, "")},
		"of the claim, the record is not made": {lockedClaim(cache, nil)},
		"of the claim, from another one's backup": {bound(cache), restoreOf(cache, v1alpha1.PhaseSelecting, func(r *v1alpha1.Restore) {
			r.Spec.Source = &v1alpha1.SourceClaim{Namespace: "web", Name: "copy"}
		})},
		"of an earlier life, and the claim waits again": {lockedClaim(cache, nil), restoreOf(cache, v1alpha1.PhaseCompleted, func(r *v1alpha1.Restore) { r.Status.Claim.UID = "before" })},
		"of a claim elsewhere, by the Restore":          {bound(cache), lockedClaim(other, nil), restoreOf(other, v1alpha1.PhaseSelecting, func(r *v1alpha1.Restore) { r.Spec.Source = source })},
		"of a claim elsewhere, by its annotation":       {bound(cache), lockedClaim(other, map[string]string{v1alpha1.RestoreFromAnnotation: cache.String()}), restoreOf(other, v1alpha1.PhaseSelecting)},
		"of a claim elsewhere, pinned": {bound(cache), lockedClaim(other, nil), restoreOf(other, v1alpha1.PhaseTransferring, func(r *v1alpha1.Restore) {
			r.Status.Backup = &v1alpha1.PinnedBackup{Driver: "longhorn", ID: "x", Source: *source}
		})},
		"of a claim that is gone": {bound(cache), restoreOf(cache, v1alpha1.PhaseHandingOver, func(r *v1alpha1.Restore) {
			r.Status.Claim, r.Annotations = nil, map[string]string{v1alpha1.ClaimAnnotation: cache.String()}
		})},
		"that a user wrote and no claim refers to yet": {bound(cache), restoreOf(other, "", func(r *v1alpha1.Restore) { r.Spec.Source, r.Status.Claim = source, nil })},
	}
	for sentence, objects := range cases {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, objects...)
			w.backups(w.drivers[0], 3)
			outcome, err := w.Enforce(t.Context(), cache, lastTwo)
			var refusal *retention.RefusalError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, retention.RestoreOpen, refusal.Reason)
			assert.Equal(t, 1, outcome.Waiting)
			assert.Len(t, w.left(w.drivers[0]), 3)
			assert.Equal(t, []string{"restore_open"}, w.counted)
			said := w.said()
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "Warning RetentionWaits No old backup is removed: the restore ")
			assert.Contains(t, said[0], "retention goes on once it is")
		})
	}
}

func TestAPinnedBackupStaysWhoseverRestoreItIs(t *testing.T) {
	other := backup.Claim{Namespace: "web", Name: "copy"}
	w := newWorld(t)
	ids := w.backups(w.drivers[0], 3)
	require.NoError(t, w.cluster.Create(t.Context(), restoreOf(other, v1alpha1.PhaseTransferring, func(r *v1alpha1.Restore) {
		r.Status.Backup = &v1alpha1.PinnedBackup{Driver: "restic", ID: ids[2], Source: v1alpha1.SourceClaim{Name: other.Name}}
	})))
	_, err := w.Enforce(t.Context(), cache, lastTwo)
	var refusal *retention.RefusalError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, retention.BackupPinned, refusal.Reason)
	assert.Len(t, w.left(w.drivers[0]), 3)
}

func TestARestoreThatIsOverKeepsNothing(t *testing.T) {
	handedOver := lockedClaim(cache, nil)
	handedOver.Status.Phase = corev1.ClaimBound
	other := backup.Claim{Namespace: "web", Name: "copy"}
	w := newWorld(t, handedOver, restoreOf(cache, v1alpha1.PhaseCompleted), lockedClaim(other, nil), restoreOf(other, v1alpha1.PhaseTransferring))
	w.backups(w.drivers[0], 3)
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Len(t, outcome.Removed, 1)
}

func TestNothingGoesWhenItCannotBeToldWhatIsRestored(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	w.lists = func() error { return errors.New("the API server is away") }
	_, err := w.Enforce(t.Context(), cache, lastTwo)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "the API server is away")
	assert.Len(t, w.left(w.drivers[0]), 3)
	assert.Equal(t, []string{"restore_open"}, w.counted)
}

func TestNothingGoesWhileTheListingIsNotBelieved(t *testing.T) {
	cases := map[string]struct {
		change func(*enforcer.Listing)
		reason retention.Reason
	}{
		"it failed":              {func(l *enforcer.Listing) { l.Failure = errors.New("wrong password") }, retention.ListingFailed},
		"it is old":              {func(l *enforcer.Listing) { l.ListedAt = noon.Add(-time.Hour) }, retention.ListingStale},
		"it is in doubt":         {func(l *enforcer.Listing) { l.Doubt = errors.New("half a backup") }, retention.ListingDoubtful},
		"its name is used twice": {func(l *enforcer.Listing) { l.Rival = "another live cluster" }, retention.NameTwice},
		"data may be lost":       {func(l *enforcer.Listing) { l.Backups[0].Files = 1 }, retention.Shrunk},
	}
	for sentence, tc := range cases {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			w.backups(w.drivers[0], 3)
			kept := w.backups(w.drivers[1], 3)
			listing := w.listings["restic"]
			tc.change(&listing)
			w.listings["restic"] = listing
			outcome, err := w.Enforce(t.Context(), cache, lastTwo)
			var refusal *retention.RefusalError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, tc.reason, refusal.Reason)
			assert.Len(t, w.left(w.drivers[0]), 3)
			assert.Equal(t, kept[:2], w.left(w.drivers[1]), "the other driver's go on")
			assert.Len(t, outcome.Removed, 1)
			assert.Equal(t, []string{string(tc.reason), "longhorn forgot 1"}, w.counted)
		})
	}
}

func TestTheLastBackupBeforeACollapseStays(t *testing.T) {
	w := newWorld(t)
	ids := w.backups(w.drivers[0], 4)
	listing := w.listings["restic"]
	listing.Backups[0].Files, listing.Backups[1].Files = 1, 1
	outcome, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 1})
	require.NoError(t, err)
	assert.Len(t, outcome.Removed, 2)
	assert.Equal(t, []string{ids[0], ids[2]}, w.left(w.drivers[0]))

	w.later(time.Minute)
	listing = w.listings["restic"]
	listing.Backups[0].Files = 3 // the collapse is no collapse any more, but nothing more is to go
	_, err = w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Equal(t, []string{ids[0], ids[2]}, w.left(w.drivers[0]))
}

func TestBackupsThatDoNotCountReplaceNoOther(t *testing.T) {
	cases := map[string]func(*backup.Backup){
		"partial":               func(b *backup.Backup) { b.Outcome = backup.OutcomePartial },
		"void":                  func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid },
		"taken by others":       func(b *backup.Backup) { b.Own = false },
		"not to be compared":    func(b *backup.Backup) { b.Files, b.DataBytes = -1, -1 },
		"far smaller, by bytes": func(b *backup.Backup) { b.DataBytes = 1 },
	}
	for sentence, change := range cases {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			ids := w.backups(w.drivers[0], 3)
			change(&w.listings["restic"].Backups[0])
			_, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 1})
			if err != nil {
				var refusal *retention.RefusalError
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, retention.Shrunk, refusal.Reason, "the only thing that is told to wait")
			}
			left := w.left(w.drivers[0])
			assert.Contains(t, left, ids[0], "it stays itself")
			assert.Contains(t, left, ids[1], "the newest that counts")
		})
	}
}

func TestWhatStaysBeyondThePolicyIsToldOnceADay(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 2)
	listing := w.listings["restic"]
	listing.Backups[1].Files, listing.Backups[1].DataBytes = -1, -1
	enforce := func() {
		_, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 1})
		require.NoError(t, err)
	}
	enforce()
	said := w.said()
	require.Len(t, said, 1)
	assert.Contains(t, said[0], "Normal OldBackupsSpared 1 old restic backups stay although the policy does not keep them")
	enforce()
	assert.Empty(t, w.said())
	assert.Empty(t, w.counted, "nothing waits")
	w.clock.SetTime(w.clock.Now().Add(25 * time.Hour))
	listing = w.listings["restic"]
	listing.ListedAt = w.clock.Now()
	w.listings["restic"] = listing
	enforce()
	assert.Len(t, w.said(), 1)
}

func TestAnAcceptedBackupIsNotHeldAgainstOlderOnes(t *testing.T) {
	for accepted, reason := range map[string]retention.Reason{"": retention.Shrunk, "00000000": retention.Shrunk, "the newest": ""} {
		t.Run("accepted is "+accepted, func(t *testing.T) {
			claim := bound(cache)
			w := newWorld(t, claim)
			ids := w.backups(w.drivers[0], 4)
			w.listings["restic"].Backups[0].Files = 1
			if accepted == "the newest" {
				accepted = ids[0]
			}
			claim = bound(cache)
			claim.Annotations = map[string]string{v1alpha1.AcceptBackupAnnotation: accepted}
			require.NoError(t, w.cluster.Update(t.Context(), claim))
			_, err := w.Enforce(t.Context(), cache, lastTwo)
			if reason == "" {
				require.NoError(t, err)
				assert.Equal(t, []string{ids[0], ids[1]}, w.left(w.drivers[0]), "the way back among them")
				return
			}
			var refusal *retention.RefusalError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, reason, refusal.Reason)
		})
	}
}

func TestADriverThatFailsIsToldAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	w.drivers[0].FailForgets(backup.Errorf(backup.Unavailable, "repository is already locked"))
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	assert.Equal(t, 1, outcome.Waiting)
	assert.Equal(t, []string{"Warning RetentionWaits No old backup is removed: removing 1 old restic backups of ai/cache: repository is already locked"}, w.said())
	assert.Equal(t, []string{"driver_failed"}, w.counted)

	w.drivers[0].FailForgets(nil)
	_, err = w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Len(t, w.left(w.drivers[0]), 2)
}

func TestARefusalIsToldOnceAnHour(t *testing.T) {
	w := newWorld(t, bound(cache), restoreOf(cache, v1alpha1.PhaseTransferring))
	w.backups(w.drivers[0], 3)
	refuse := func() {
		_, err := w.Enforce(t.Context(), cache, lastTwo)
		require.Error(t, err)
	}
	refuse()
	assert.Len(t, w.said(), 1)
	w.later(5 * time.Minute)
	refuse()
	assert.Empty(t, w.said(), "it is known")
	w.later(time.Hour)
	refuse()
	assert.Len(t, w.said(), 1, "Kubernetes has forgotten it")
	listing := w.listings["restic"]
	listing.Failure = errors.New("away")
	w.listings["restic"] = listing
	refuse()
	assert.Len(t, w.said(), 1, "something else")
	assert.Len(t, w.counted, 4, "each is counted")
}

func TestNobodyIsToldOfAClaimThatIsGone(t *testing.T) {
	w := newWorld(t, bound(backup.Claim{Namespace: "ai", Name: "another"}))
	w.backups(w.drivers[0], 3)
	_, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Empty(t, w.said())
	assert.Len(t, w.left(w.drivers[0]), 2)
}

func TestTheEndOfTheProcessIsNoNews(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Enforce(ctx, cache, lastTwo)
	require.Error(t, err)
	assert.Empty(t, w.said())
	assert.Empty(t, w.counted)
	assert.Len(t, w.left(w.drivers[0]), 3)
}

func TestThatBackupsGoIsRememberedBeforeTheyDo(t *testing.T) {
	t.Run("with those of anybody that are left", func(t *testing.T) {
		w := newWorld(t)
		ids := w.backups(w.drivers[0], 4)
		outcome, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 2})
		require.NoError(t, err)
		assert.Len(t, outcome.Removed, 2)
		require.Len(t, w.settled, 1)
		assert.ElementsMatch(t, ids[:2], w.settled[0])
	})
	t.Run("or else none goes", func(t *testing.T) {
		w := newWorld(t)
		ids := w.backups(w.drivers[0], 4)
		w.unsettled = backup.Errorf(backup.Unavailable, "the API server is away")
		outcome, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 2})
		require.ErrorIs(t, err, w.unsettled)
		assert.Equal(t, 2, outcome.Waiting)
		assert.ElementsMatch(t, ids, w.left(w.drivers[0]))
	})
}

func TestNothingGoesWhileTheDataOfAClaimIsToBeReviewed(t *testing.T) {
	w := newWorld(t)
	ids := w.backups(w.drivers[0], 3)
	pending := backup.Errorf(backup.Conflict, "say which data is right")
	e := enforcer.New(enforcer.Config{
		Reader: w.cluster, Catalog: w, Events: w.events, Observer: w, MaxAge: 10 * time.Minute, ShrinkPercent: 50, Clock: w.clock,
		Pruners: map[string]driver.Pruner{"restic": w.drivers[0]}, Log: slog.New(slog.DiscardHandler),
		Unreviewed: func(context.Context, backup.Claim) error { return pending },
	})
	_, err := e.Enforce(t.Context(), cache, retention.Keep{Last: 1})
	require.ErrorContains(t, err, "say which data is right")
	assert.ElementsMatch(t, ids, w.left(w.drivers[0]))
	assert.Equal(t, []string{"unreviewed"}, w.counted)
	pending = nil
	_, err = e.Enforce(t.Context(), cache, retention.Keep{Last: 1})
	require.NoError(t, err)
	assert.Equal(t, ids[:1], w.left(w.drivers[0]), "once it is settled, retention goes on")
}

func TestBackupsOfUnreviewedDataNeitherGoNorPushOthersOut(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	l := w.listings["restic"]
	l.Backups = slices.Clone(l.Backups)
	for i := range l.Backups {
		l.Backups[i].Unreviewed = i == 0
	}
	w.listings["restic"] = l
	outcome, err := w.Enforce(t.Context(), cache, retention.Keep{Last: 2})
	require.NoError(t, err)
	assert.Empty(t, outcome.Removed, "of the two that count, two are kept")
}

func TestABackupDatedAheadOfNowRemovesNothingAndIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	ids := w.backups(w.drivers[0], 2)
	dreamt := w.drivers[0].Add(cache, noon.Add(365*24*time.Hour))
	w.list()
	w.rules = backup.Rules{Now: w.clock.Now()}
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Empty(t, outcome.Removed)
	assert.ElementsMatch(t, append(ids, dreamt.ID), w.left(w.drivers[0]))
}

func TestAnotherClustersBackupsRemoveNothingAndAreNotRemoved(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 2)
	for range 3 {
		w.drivers[0].Add(cache, w.clock.Now(), "cluster=attic")
	}
	w.list()
	outcome, err := w.Enforce(t.Context(), cache, lastTwo)
	require.NoError(t, err)
	assert.Empty(t, outcome.Removed)
	assert.Len(t, w.left(w.drivers[0]), 5)
}

func TestNothingGoesWhileTheClockIsInDoubt(t *testing.T) {
	w := newWorld(t)
	w.backups(w.drivers[0], 3)
	w.rules = backup.Rules{Now: w.clock.Now(), ClockDoubt: true}
	_, err := w.Enforce(t.Context(), cache, lastTwo)
	var refusal *retention.RefusalError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, retention.ClockInDoubt, refusal.Reason)
	assert.Len(t, w.left(w.drivers[0]), 3)
}
