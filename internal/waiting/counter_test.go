package waiting_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/waiting"
)

func locked(name string, change ...func(*corev1.PersistentVolumeClaim)) client.Object {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: name, UID: types.UID(name), Labels: map[string]string{v1alpha1.RestoreLabel: "auto"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName:    "soteria-" + name,
			DataSourceRef: &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-" + name},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
	for _, c := range change {
		c(claim)
	}
	return claim
}

// lists counts how often claims are listed, and fails where it is told to.
type lists struct {
	client.Reader
	count int
	err   error
}

func newLists(t *testing.T, objects ...client.Object) *lists {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ai"}})
	l := &lists{}
	l.Reader = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			l.count++
			if l.err != nil {
				return l.err
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
	return l
}

func TestClaimsThatWaitForTheSameDoubtAreCountedOnce(t *testing.T) {
	reader := newLists(
		t, locked("a"), locked("b"), locked("found"), locked("other"),
		locked("bound", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }),
		locked("required", func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.RestoreLabel] = "required" }),
	)
	now := testclock.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	doubt := backup.Errorf(backup.RepositoryUnaccepted, "no one accepted it")
	counter := &waiting.Counter{
		Reader: reader, Policy: kube.Policy{OwnNamespace: "soteria"}, Clock: now,
		Glance: func(claim backup.Claim) backup.Answer {
			switch claim.Name {
			case "found":
				return backup.FoundBackups([]backup.Backup{{Claim: claim, ID: "1", TakenAt: now.Now()}})
			case "other":
				return backup.UnknownBecause(fmt.Errorf("the backup of %s is gone", claim))
			default:
				return backup.UnknownBecause(doubt)
			}
		},
	}
	for range 100 {
		assert.Equal(t, "2 claims wait for this, and start empty if it is accepted that no backup of them is there", counter.Words(t.Context(), doubt))
	}
	assert.Equal(t, 1, reader.count, "a hundred claims that ask cost one listing")
	assert.Equal(t, "1 claim waits for this, and starts empty if it is accepted that no backup of it is there",
		counter.Words(t.Context(), errors.New("the backup of ai/other is gone")))
	assert.Empty(t, counter.Words(t.Context(), errors.New("another reason")))

	reader.err = errors.New("no answer")
	now.SetTime(now.Now().Add(time.Minute))
	_, err := counter.Count(t.Context(), doubt)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Empty(t, counter.Words(t.Context(), doubt), "what could not be counted is not said to be none")
}

func TestClaimsAreCountedByWhatTheyWaitForNotByItsWords(t *testing.T) {
	reader := newLists(t, locked("a"), locked("b"), locked("c"), locked("d"))
	now := testclock.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	listing := func(after string) error {
		return backup.WithCause(backup.Errorf(backup.Unavailable, "listing the repository has taken more than %s", after), "listing restic")
	}
	own := func(claim string) error {
		return backup.WithCause(backup.Errorf(backup.Unavailable, "one of its backups cannot be read"), "doubt of "+claim)
	}
	counter := &waiting.Counter{
		Reader: reader, Policy: kube.Policy{OwnNamespace: "soteria"}, Clock: now,
		Glance: func(claim backup.Claim) backup.Answer {
			return backup.UnknownBecause(map[string]error{"a": listing("1.2 s"), "b": listing("3.4 s"), "c": own("c"), "d": own("d")}[claim.Name])
		},
	}
	for name, test := range map[string]struct {
		why  error
		want int
	}{
		"one cause whose words say a time":  {listing("5.6 s"), 2},
		"one of two causes in equal words":  {own("c"), 1},
		"the other one":                     {own("d"), 1},
		"a third one in equal words":        {own("e"), 0},
		"the words alone, without the name": {backup.Errorf(backup.Unavailable, "one of its backups cannot be read"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			count, err := counter.Count(t.Context(), test.why)
			require.NoError(t, err)
			assert.Equal(t, test.want, count)
		})
	}
}
