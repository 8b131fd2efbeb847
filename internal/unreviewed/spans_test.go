package unreviewed_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

func TestASpanBeginsWithAClaimAndEndsWithTheNext(t *testing.T) {
	first, second := backup.Span{Since: created}, created.Add(48*time.Hour)
	ended := backup.Span{Since: created, Until: second}
	for name, test := range map[string]struct {
		before []backup.Span
		life   unreviewed.Life
		after  []backup.Span
	}{
		"a claim that is not reviewed":                {nil, unreviewed.Life{Created: created, Unreviewed: true}, []backup.Span{first}},
		"it is seen again":                            {[]backup.Span{first}, unreviewed.Life{Created: created, Unreviewed: true}, []backup.Span{first}},
		"it cannot be told any more":                  {[]backup.Span{first}, unreviewed.Life{Created: created}, []backup.Span{first}},
		"it was accepted":                             {[]backup.Span{first}, unreviewed.Life{Created: created, Vouched: true}, nil},
		"it was made again, and restored":             {[]backup.Span{first}, unreviewed.Life{Created: second, Vouched: true}, []backup.Span{ended}},
		"it was made again, and waits":                {[]backup.Span{first}, unreviewed.Life{Created: second}, []backup.Span{ended}},
		"it was made again, and got past once more":   {[]backup.Span{first}, unreviewed.Life{Created: second, Unreviewed: true}, []backup.Span{ended, {Since: second}}},
		"a cache that is behind shows the one before": {[]backup.Span{ended, {Since: second}}, unreviewed.Life{Created: created}, []backup.Span{ended, {Since: second}}},
		"a claim that never was":                      {nil, unreviewed.Life{Created: created}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := unreviewed.Spans{}
			if test.before != nil {
				before[claim] = test.before
			}
			after, changed := before.After(map[backup.Claim]unreviewed.Life{claim: test.life})
			assert.Equal(t, test.after, after[claim])
			assert.Equal(t, !slices.Equal(test.before, test.after), changed)
		})
	}
}

// Whatever lives of a claim follow each other, spans are in order and do not overlap,
// only the last may be open, and no life that was vouched for is in one.
func TestSpansOfOneClaimFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := unreviewed.Spans{}
		at := created
		var last unreviewed.Life
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "made again") {
				at = at.Add(time.Hour)
			}
			last = unreviewed.Life{Created: at, Unreviewed: rapid.Bool().Draw(t, "unreviewed"), Vouched: rapid.Bool().Draw(t, "vouched")}
			spans, _ = spans.After(map[backup.Claim]unreviewed.Life{claim: last})
			of := spans[claim]
			for i, s := range of {
				open := s.Until.IsZero()
				if open && i < len(of)-1 || !open && (!s.Until.After(s.Since) || i < len(of)-1 && of[i+1].Since.Before(s.Until)) {
					t.Fatalf("%v", of)
				}
				if last.Vouched && (open || s.Until.After(at)) {
					t.Fatalf("a life that was vouched for is in %v", of)
				}
			}
			if last.Unreviewed && !last.Vouched && (len(of) == 0 || !of[len(of)-1].Since.Equal(at)) {
				t.Fatalf("an unreviewed life is not remembered: %v", of)
			}
		}
		if len(spans[claim]) > 4 {
			t.Fatalf("too many are kept: %v", spans[claim])
		}
	})
}

// ledger is a cluster with one claim, a book of its reviews and what records in it.
type ledger struct {
	client.WithWatch
	book     *unreviewed.Book
	recorder *unreviewed.Recorder
	open     map[backup.Claim]string
	finding  unreviewed.Finding
	writes   int
}

func newLedger(t *testing.T, objects ...client.Object) *ledger {
	t.Helper()
	l := &ledger{open: map[backup.Claim]string{}}
	l.WithWatch = fake.NewClientBuilder().WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			l.writes++
			return c.Update(ctx, o, opts...)
		},
	}).Build()
	l.book = l.another()
	l.recorder = &unreviewed.Recorder{
		Book: l.book, Claims: func() map[backup.Claim]string { return l.open }, Reader: l.WithWatch,
		Review: func(context.Context, backup.Claim) (unreviewed.Finding, error) { return l.finding, nil },
		Clock:  testclock.NewFakeClock(created), Log: slog.New(slog.DiscardHandler),
	}
	return l
}

// another is the book of another replica.
func (l *ledger) another() *unreviewed.Book {
	return &unreviewed.Book{Client: l.WithWatch, Reader: l.WithWatch, Namespace: "soteria-system", Clock: testclock.NewFakeClock(created), Log: slog.New(slog.DiscardHandler)}
}

// read has a book read once.
func read(t *testing.T, b *unreviewed.Book) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Start(ctx) }()
	require.Eventually(t, func() bool { _, err := b.Of(claim); return err == nil }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func gateMap() *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: unreviewed.ConfigMap, CreationTimestamp: metav1.NewTime(gate)}}
}

func TestReviewsAreRememberedForAllReplicasUntilTheClaimIsMadeAgain(t *testing.T) {
	l := newLedger(t, gateMap(), bound())
	l.open[claim] = "review it"
	l.finding = unreviewed.Finding{State: unreviewed.Unreviewed, Since: created}
	require.NoError(t, l.recorder.Record(t.Context()))
	require.NoError(t, l.recorder.Record(t.Context()))
	assert.Equal(t, 1, l.writes, "what did not change is not written")

	other := l.another()
	_, err := other.Of(claim)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "what was not read is not known to be nothing")
	read(t, other)
	spans, err := other.Of(claim)
	require.NoError(t, err)
	assert.Equal(t, []backup.Span{{Since: created}}, spans)

	require.NoError(t, l.Delete(t.Context(), bound()))
	require.NoError(t, l.recorder.Record(t.Context()))
	assert.Equal(t, 1, l.writes, "its volume may still be backed up")

	again := created.Add(48 * time.Hour)
	group := v1alpha1.Group
	require.NoError(t, l.Create(t.Context(), bound(func(c *corev1.PersistentVolumeClaim) {
		c.UID, c.CreationTimestamp, c.Annotations, c.Spec.VolumeName = "uid-2", metav1.NewTime(again), nil, "soteria-abc"
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: &group, Kind: v1alpha1.RestoreKind, Name: "soteria-abc"}
	})))
	l.finding = unreviewed.Finding{State: unreviewed.Settled, Since: again}
	require.NoError(t, l.recorder.Record(t.Context()), "the inventory still shows the claim before")
	spans, err = l.book.Of(claim)
	require.NoError(t, err)
	assert.Equal(t, []backup.Span{{Since: created, Until: again}}, spans)
	var kept corev1.ConfigMap
	require.NoError(t, l.Get(t.Context(), client.ObjectKeyFromObject(gateMap()), &kept))
	assert.JSONEq(t, `{"shop/db":[{"since":"2026-03-03T00:00:00Z","until":"2026-03-05T00:00:00Z"}]}`, kept.Data["unreviewed"])
}

func TestAReviewIsForgottenOnceTheDataIsAccepted(t *testing.T) {
	l := newLedger(t, gateMap(), bound())
	l.open[claim] = "review it"
	l.finding = unreviewed.Finding{State: unreviewed.Unreviewed, Since: created}
	require.NoError(t, l.recorder.Record(t.Context()))
	var living corev1.PersistentVolumeClaim
	require.NoError(t, l.Get(t.Context(), client.ObjectKey{Namespace: claim.Namespace, Name: claim.Name}, &living))
	living.Annotations[v1alpha1.AcceptDataAnnotation] = "uid-1 it is fine"
	require.NoError(t, l.Update(t.Context(), &living))
	require.NoError(t, l.recorder.Record(t.Context()))
	spans, err := l.book.Of(claim)
	require.NoError(t, err)
	assert.Empty(t, spans)
}

func TestAReviewIsNotRememberedWhereTheInventoryIsOfAnEarlierLife(t *testing.T) {
	l := newLedger(t, gateMap(), bound())
	l.open[claim] = "review it"
	l.finding = unreviewed.Finding{State: unreviewed.Settled, Since: created}
	require.NoError(t, l.recorder.Record(t.Context()))
	assert.Zero(t, l.writes)
}

func TestTheMemoryOfTheGateIsNeverMadeToRememberReviews(t *testing.T) {
	l := newLedger(t, bound())
	l.open[claim] = "review it"
	l.finding = unreviewed.Finding{State: unreviewed.Unreviewed, Since: created}
	require.NoError(t, l.recorder.Record(t.Context()))
	assert.True(t, apierrors.IsNotFound(l.Get(t.Context(), client.ObjectKeyFromObject(gateMap()), &corev1.ConfigMap{})), "its age is that of the gate")
	spans, err := l.book.Of(claim)
	require.NoError(t, err)
	assert.Empty(t, spans)
}

func TestSpansThatCannotBeUnderstoodAreAnErrorAndNotNone(t *testing.T) {
	for _, text := range []string{"{", `{"shop":[]}`, `{"shop/db":[{"since":"yesterday"}]}`} {
		broken := gateMap()
		broken.Data = map[string]string{"unreviewed": text}
		l := newLedger(t, broken)
		err := l.recorder.Record(t.Context())
		assert.ErrorContains(t, err, "remove that key to begin again")
		_, err = l.book.Of(claim)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	}
}
