package unreviewed_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

type taker struct{ asked []driver.BackupRequest }

func (t *taker) Backup(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	t.asked = append(t.asked, req)
	return driver.BackupStarted{Driver: "restic"}, nil
}

func bound(change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: claim.Namespace, Name: claim.Name, UID: "uid-1", CreationTimestamp: metav1.NewTime(created),
			Labels:      map[string]string{v1alpha1.RestoreLabel: "auto"},
			Annotations: map[string]string{"pv.kubernetes.io/bound-by-controller": "yes"},
		},
		Spec:   corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-1"},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, c := range change {
		c(pvc)
	}
	return pvc
}

func reviewer(backups []backup.Backup, listed bool, objects ...client.Object) unreviewed.Reviewer {
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: claim.Namespace}})
	return unreviewed.Reviewer{
		Reader: fake.NewClientBuilder().WithObjects(objects...).Build(), Policy: kube.Policy{OwnNamespace: "soteria-system"},
		Since:   func(context.Context) (time.Time, error) { return gate, nil },
		Backups: func(backup.Claim) ([]backup.Backup, bool) { return backups, listed },
	}
}

func TestBackupsOfAnUnreviewedClaimAreMarked(t *testing.T) {
	older := []backup.Backup{taken(-time.Hour)}
	mark := "soteria-unreviewed=" + created.Format(time.RFC3339)
	cases := map[string]struct {
		reviewer unreviewed.Reviewer
		tags     []string
	}{
		"of one that got past the gate":                   {reviewer(older, true, bound()), []string{"policy=p", mark}},
		"while it cannot be told whether there are older": {reviewer(nil, false, bound()), []string{"policy=p", mark}},
		"but not of one without older backups":            {reviewer(nil, true, bound()), []string{"policy=p"}},
		"but not of one that nobody protects": {reviewer(older, true, bound(func(c *corev1.PersistentVolumeClaim) { c.Labels = nil })),
			[]string{"policy=p"}},
		"but not of one whose volume the user chose": {reviewer(older, true, bound(func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil })),
			[]string{"policy=p"}},
		"but not of one that a Restore handed its volume": {reviewer(older, true, bound(func(c *corev1.PersistentVolumeClaim) {
			group := v1alpha1.Group
			c.Annotations = nil
			c.Spec.VolumeName = "soteria-abc"
			c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: &group, Kind: v1alpha1.RestoreKind, Name: "soteria-abc"}
		})), []string{"policy=p"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			asked := &taker{}
			_, err := unreviewed.Marker{Backuper: asked, Review: tc.reviewer.Review}.Backup(t.Context(), driver.BackupRequest{Claim: claim, Tags: []string{"policy=p"}})
			require.NoError(t, err)
			require.Len(t, asked.asked, 1)
			assert.Equal(t, tc.tags, asked.asked[0].Tags)
		})
	}
}

func TestACallerCannotWriteTheMark(t *testing.T) {
	asked := &taker{}
	_, err := unreviewed.Marker{Backuper: asked, Review: reviewer(nil, true, bound()).Review}.
		Backup(t.Context(), driver.BackupRequest{Claim: claim, Tags: []string{"soteria-unreviewed=never"}})
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	assert.Empty(t, asked.asked)
}

func TestABackupIsRefusedWhereItCannotBeToldWhetherToMarkIt(t *testing.T) {
	asked := &taker{}
	review := reviewer(nil, true, bound())
	review.Since = func(context.Context) (time.Time, error) {
		return time.Time{}, backup.Errorf(backup.Unavailable, "away")
	}
	_, err := unreviewed.Marker{Backuper: asked, Review: review.Review}.Backup(t.Context(), driver.BackupRequest{Claim: claim})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Empty(t, asked.asked)
}

func TestTheGateIsRememberedFromWhenItWasFirstSeenClosed(t *testing.T) {
	cluster := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		// The API server sets it, the fake does not.
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
			object.SetCreationTimestamp(metav1.NewTime(gate))
			return c.Create(ctx, object, opts...)
		},
	}).Build()
	closed := make(chan bool, 1)
	clock := testclock.NewFakeClock(gate)
	memory := func() *unreviewed.Memory {
		return &unreviewed.Memory{
			Client: cluster, Reader: cluster, Namespace: "soteria-system", Clock: clock, Log: slog.New(slog.DiscardHandler),
			Closed: func(context.Context) bool { return <-closed },
		}
	}
	first := memory()
	ended := make(chan error, 1)
	go func() { ended <- first.Start(t.Context()) }()
	closed <- false
	require.Eventually(t, clock.HasWaiters, 10*time.Second, time.Millisecond)
	since, err := first.Since(t.Context())
	require.NoError(t, err)
	assert.True(t, since.IsZero(), "an open gate is not remembered")

	closed <- true
	clock.Step(time.Minute)
	require.NoError(t, <-ended)
	var kept corev1.ConfigMap
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: "soteria-system", Name: unreviewed.ConfigMap}, &kept))
	another := memory()
	require.NoError(t, another.Start(t.Context()), "another leader finds it remembered and does not look at the gate")
	since, err = another.Since(t.Context())
	require.NoError(t, err)
	assert.True(t, since.Equal(gate))
}

func TestAMemoryThatCannotBeReadIsAnError(t *testing.T) {
	memory := unreviewed.Memory{Reader: broken{}, Namespace: "soteria-system"}
	_, err := memory.Since(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

type broken struct{ client.Reader }

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("the API server is away")
}

func TestAnUnreviewedClaimIsToldOfEachHourUntilItIsSettled(t *testing.T) {
	cluster := fake.NewClientBuilder().WithObjects(bound()).Build()
	recorder := events.NewFakeRecorder(10)
	clock := testclock.NewFakeClock(created)
	open := map[backup.Claim]string{claim: "review it"}
	teller := &unreviewed.Teller{
		Claims: func() map[backup.Claim]string { return open }, Reader: cluster, Events: recorder, Clock: clock, Log: slog.New(slog.DiscardHandler),
	}
	teller.Tell(t.Context())
	teller.Tell(t.Context())
	require.Len(t, recorder.Events, 1)
	assert.Equal(t, "Warning DataUnreviewed review it", <-recorder.Events)
	clock.Step(time.Hour)
	teller.Tell(t.Context())
	require.Len(t, recorder.Events, 1)
	<-recorder.Events
	clear(open)
	clock.Step(2 * time.Hour)
	teller.Tell(t.Context())
	assert.Empty(t, recorder.Events)
}

func TestAMarkThatCouldNotBeDecidedIsToldOnTheClaim(t *testing.T) {
	older := []backup.Backup{taken(-time.Hour)}
	for name, test := range map[string]struct {
		reviewer unreviewed.Reviewer
		dryRun   bool
		told     int
	}{
		"it could not be told":           {reviewer: reviewer(nil, false, bound()), told: 1},
		"not where nothing is begun":     {reviewer: reviewer(nil, false, bound()), dryRun: true},
		"not where it is unreviewed":     {reviewer: reviewer(older, true, bound())},
		"not where there is nothing old": {reviewer: reviewer(nil, true, bound())},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(10)
			tell := unreviewed.Undecided{Reader: fake.NewClientBuilder().WithObjects(bound()).Build(), Events: recorder, Log: slog.New(slog.DiscardHandler)}
			_, err := unreviewed.Marker{Backuper: &taker{}, Review: test.reviewer.Review, Undecided: tell.Tell}.
				Backup(t.Context(), driver.BackupRequest{Claim: claim, DryRun: test.dryRun})
			require.NoError(t, err)
			require.Len(t, recorder.Events, test.told)
			if test.told > 0 {
				told := <-recorder.Events
				assert.Contains(t, told, "Warning DataReviewUndecided The backup that begins now is never restored by itself: ")
				assert.Contains(t, told, "not every repository can be listed")
			}
		})
	}
}
