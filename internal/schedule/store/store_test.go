package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
	"github.com/soteria-dr/soteria/internal/schedule/store"
)

var key = client.ObjectKey{Namespace: "soteria", Name: "soteria-policies"}

func secret(text string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: map[string][]byte{store.Key: []byte(text)}}
}

func cluster(objects ...client.Object) client.WithWatch {
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

func everySixHours(namespace, pvc string) policy.Policy {
	return policy.Policy{Namespace: namespace, PVC: pvc, IntervalHours: 6, Enabled: true}
}

func kept(t *testing.T, c client.Client) []policy.Policy {
	t.Helper()
	book, err := store.New(c, c, key).Read(t.Context())
	require.NoError(t, err)
	return book.Kept()
}

func text(t *testing.T, c client.Client) string {
	t.Helper()
	var stored corev1.Secret
	require.NoError(t, c.Get(t.Context(), key, &stored))
	return string(stored.Data[store.Key])
}

func TestASecretThatDoesNotExistHoldsNoPolicyAndIsMadeByTheFirstWrite(t *testing.T) {
	c := cluster()
	assert.Empty(t, kept(t, c))
	replaced, err := store.New(c, c, key).Put(t.Context(), everySixHours("media", ""))
	require.NoError(t, err)
	assert.False(t, replaced)
	assert.JSONEq(t, `{"version":1,"policies":[{"namespace":"media","interval_hours":6,"enabled":true}]}`, text(t, c))
}

func TestWhatIsPutComesBackWhole(t *testing.T) {
	c := cluster()
	whole := policy.Policy{
		Namespace: "media", PVC: "photos", Schedule: "0 */6 * * *", Driver: "restic", Enabled: false,
		Keep: retention.Keep{Last: 1, Hourly: 2, Daily: 3, Weekly: 4, Monthly: 5, Yearly: 6},
	}
	_, err := store.New(c, c, key).Put(t.Context(), whole)
	require.NoError(t, err)
	whole.Source = policy.ForClaim
	assert.Equal(t, []policy.Policy{whole}, kept(t, c))
}

func TestASecondPolicyForATargetTakesTheFirstOnesPlace(t *testing.T) {
	c := cluster()
	s := store.New(c, c, key)
	for _, p := range []policy.Policy{everySixHours("media", ""), everySixHours("media", "photos"), {Namespace: "media", IntervalHours: 12, Enabled: true}} {
		_, err := s.Put(t.Context(), p)
		require.NoError(t, err)
	}
	replaced, err := s.Put(t.Context(), policy.Policy{Namespace: "media", IntervalHours: 12, Enabled: true})
	require.NoError(t, err)
	assert.True(t, replaced)
	assert.Len(t, kept(t, c), 2)
	assert.Contains(t, text(t, c), `{"namespace":"media","interval_hours":12,"enabled":true}`)
}

func TestOnlyTheNamedPolicyIsDeleted(t *testing.T) {
	c := cluster()
	s := store.New(c, c, key)
	for _, pvc := range []string{"", "photos", "music"} {
		_, err := s.Put(t.Context(), everySixHours("media", pvc))
		require.NoError(t, err)
	}
	deleted, err := s.Delete(t.Context(), everySixHours("media", "photos").ID())
	require.NoError(t, err)
	assert.Equal(t, "photos", deleted.PVC)
	assert.Len(t, kept(t, c), 2)

	_, err = s.Delete(t.Context(), deleted.ID())
	assert.Equal(t, backup.NotFound, backup.KindOf(err))
	assert.Len(t, kept(t, c), 2)
}

func TestWhatElseTheSecretHoldsStays(t *testing.T) {
	other := secret("")
	other.Data = map[string][]byte{"note": []byte("by hand")}
	c := cluster(other)
	_, err := store.New(c, c, key).Put(t.Context(), everySixHours("media", ""))
	require.NoError(t, err)
	var stored corev1.Secret
	require.NoError(t, c.Get(t.Context(), key, &stored))
	assert.Equal(t, "by hand", string(stored.Data["note"]))
}

func TestWhatCannotBeUnderstoodIsReportedAndNeverOverwritten(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":                      ``,
		"no JSON":                      `policies: []`,
		"cut short":                    `{"version":1,"policies":[{"namespace":"me`,
		"a later version":              `{"version":2,"policies":[]}`,
		"no version":                   `{"policies":[]}`,
		"an unknown field":             `{"version":1,"policies":[{"namespace":"media","interval_hours":6,"enabled":true,"jitter":3}]}`,
		"a policy without any time":    `{"version":1,"policies":[{"namespace":"media","enabled":true}]}`,
		"a schedule that is none":      `{"version":1,"policies":[{"namespace":"media","schedule":"soon","enabled":true}]}`,
		"two policies with one target": `{"version":1,"policies":[{"namespace":"a","interval_hours":6,"enabled":true},{"namespace":"a","interval_hours":7,"enabled":true}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(secret(content))
			s := store.New(c, c, key)
			_, err := s.Read(t.Context())
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			assert.ErrorContains(t, err, "soteria/soteria-policies")
			_, err = s.Put(t.Context(), everySixHours("media", ""))
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			_, err = s.Delete(t.Context(), everySixHours("media", "").ID())
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			assert.Equal(t, content, text(t, c))
		})
	}
}

func TestASecretThatCannotBeReadIsNoEmptyOne(t *testing.T) {
	c := interceptor.NewClient(cluster(), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("connection refused")
		},
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			t.Error("nothing may be written")
			return nil
		},
	})
	s := store.New(c, c, key)
	_, err := s.Read(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	_, err = s.Put(t.Context(), everySixHours("media", ""))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

func TestPoliciesThatWouldNotFitAreRefusedAndTheOthersStay(t *testing.T) {
	c := cluster()
	s := store.New(c, c, key)
	var many strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&many, `,{"namespace":"media","pvc":"claim-with-a-name-that-is-rather-long-%05d","interval_hours":6,"enabled":true}`, i)
	}
	require.NoError(t, c.Create(t.Context(), secret(`{"version":1,"policies":[`+many.String()[1:]+`]}`)))
	before := text(t, c)
	_, err := s.Put(t.Context(), everySixHours("other", ""))
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.Equal(t, before, text(t, c))
}

// TestConcurrentWritesFromTwoReplicasLoseNothing has each replica write as many
// policies at once as a hundred tabs would, while they race to make the Secret.
func TestConcurrentWritesFromTwoReplicasLoseNothing(t *testing.T) {
	var refused atomic.Int32
	c := interceptor.NewClient(cluster(), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			err := c.Update(ctx, object, opts...)
			if apierrors.IsConflict(err) {
				refused.Add(1)
			}
			return err
		},
	})
	replicas := []*store.Store{store.New(c, c, key), store.New(c, c, key)}
	_, err := replicas[0].Put(t.Context(), everySixHours("old", ""))
	require.NoError(t, err)

	const writes = 100
	var writing sync.WaitGroup
	for i := range writes {
		writing.Go(func() {
			_, err := replicas[i%2].Put(t.Context(), everySixHours("media", fmt.Sprintf("claim-%03d", i)))
			assert.NoError(t, err)
		})
	}
	writing.Go(func() {
		_, err := replicas[1].Delete(t.Context(), everySixHours("old", "").ID())
		assert.NoError(t, err)
	})
	writing.Wait()

	found := map[string]bool{}
	for _, p := range kept(t, c) {
		found[p.PVC] = true
	}
	assert.Len(t, found, writes)
	for i := range writes {
		assert.True(t, found[fmt.Sprintf("claim-%03d", i)], i)
	}
	assert.Positive(t, refused.Load(), "the replicas did get in each other's way")
}

func TestTwoReplicasMayMakeTheSecretAtOnce(t *testing.T) {
	inner := cluster()
	var once sync.Once
	c := interceptor.NewClient(inner, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
			once.Do(func() {
				_, err := store.New(inner, inner, key).Put(ctx, everySixHours("other", ""))
				assert.NoError(t, err)
			})
			return c.Create(ctx, object, opts...)
		},
	})
	_, err := store.New(c, c, key).Put(t.Context(), everySixHours("media", ""))
	require.NoError(t, err)
	assert.Len(t, kept(t, c), 2)
}

func TestAChangeThatNeverGetsItsTurnEndsWithItsContext(t *testing.T) {
	c := interceptor.NewClient(cluster(secret(`{"version":1,"policies":[]}`)), interceptor.Funcs{
		Update: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.UpdateOption) error {
			return apierrors.NewConflict(corev1.Resource("secrets"), object.GetName(), errors.New("somebody was first"))
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := store.New(c, c, key).Put(ctx, everySixHours("media", ""))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorContains(t, err, "many at once")
}
