package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
)

func acceptedMap(t *testing.T, c client.Client) *corev1.ConfigMap {
	t.Helper()
	found := &corev1.ConfigMap{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: ledger.AcceptedConfigMap}, found))
	return found
}

func TestARepositoryIsRecordedOnceWithWhatItHeld(t *testing.T) {
	c := cluster()
	a := ledger.NewAccepted(c, c, namespace)
	none, err := a.Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.Nil(t, none, "nothing is recorded")

	require.NoError(t, a.Begin(t.Context(), "restic", "5e1f", []string{"one", "two"}))
	require.NoError(t, a.Begin(t.Context(), "longhorn", "default=s3://backups@region/,cold=nfs://nas:/x", nil))
	err = a.Begin(t.Context(), "restic", "5e1f", []string{"one", "two", "three"})
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)

	later := ledger.NewAccepted(c, c, namespace) // another life
	got, err := later.Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.True(t, got.Has("one") && got.Has("two"))
	assert.False(t, got.Has("three"))
	got, err = later.Accepted(t.Context(), "longhorn", "default=s3://backups@region/,cold=nfs://nas:/x")
	require.NoError(t, err)
	require.NotNil(t, got, "that it held none is recorded")
	assert.False(t, got.Has("one"))
	got, err = later.Accepted(t.Context(), "restic", "0bad")
	require.NoError(t, err)
	assert.Nil(t, got, "another repository is another record")
}

func TestWhatIsAcceptedReplacesWhatWasRecorded(t *testing.T) {
	c := cluster()
	a := ledger.NewAccepted(c, c, namespace)
	require.NoError(t, a.Begin(t.Context(), "restic", "5e1f", []string{"one"}))
	require.NoError(t, a.Begin(t.Context(), "s3", "bucket@store", []string{"grafana"}))
	require.NoError(t, a.Accept(t.Context(), "restic", "5e1f", []string{"two"}))
	got, err := a.Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.True(t, got.Has("two") && !got.Has("one"))
	got, err = a.Accepted(t.Context(), "s3", "bucket@store")
	require.NoError(t, err)
	assert.True(t, got.Has("grafana"))
	for key, text := range acceptedMap(t, c).Data {
		assert.Contains(t, text, `"repository":`, "a person can read what %s is about", key)
	}
}

func TestEveryAcceptedIDIsKnownAgainAndNoOther(t *testing.T) {
	c := cluster()
	a := ledger.NewAccepted(c, c, namespace)
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.String(), 0, 30).Draw(t, "ids")
		others := rapid.SliceOfN(rapid.String(), 0, 30).Draw(t, "others")
		require.NoError(t, a.Accept(context.Background(), "restic", "5e1f", ids))
		got, err := a.Accepted(context.Background(), "restic", "5e1f")
		require.NoError(t, err)
		known := map[string]bool{}
		for _, id := range ids {
			known[id] = true
			assert.True(t, got.Has(id), "%q", id)
		}
		for _, id := range others {
			assert.Equal(t, known[id], got.Has(id), "%q", id)
		}
	})
}

func TestTheMostThatCanBeAcceptedFitsAConfigMap(t *testing.T) {
	c := cluster()
	a := ledger.NewAccepted(c, c, namespace)
	ids := make([]string, ledger.MaxAccepted)
	for i := range ids {
		ids[i] = fmt.Sprintf("%064x", i)
	}
	require.NoError(t, a.Accept(t.Context(), "restic", "5e1f", ids))
	size := 0
	for _, value := range acceptedMap(t, c).BinaryData {
		size += len(value)
	}
	assert.Less(t, size, 1<<20-64<<10, "Kubernetes takes 1 MiB")
	err := a.Accept(t.Context(), "restic", "5e1f", append(ids, "one more"))
	assert.Equal(t, backup.Unprocessable, backup.KindOf(err))
	assert.ErrorContains(t, err, "soteria repository adopt --dry-run restic")
	got, err := a.Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.True(t, got.Has(ids[0]), "what was accepted stays")
}

func TestWhatCannotBeReadOrUnderstoodIsAnError(t *testing.T) {
	recorded := cluster()
	require.NoError(t, ledger.NewAccepted(recorded, recorded, namespace).Begin(t.Context(), "restic", "5e1f", []string{"one"}))
	whole := acceptedMap(t, recorded)
	spoil := func(change func(*corev1.ConfigMap)) client.Client {
		spoiled := whole.DeepCopy()
		spoiled.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: ledger.AcceptedConfigMap}
		change(spoiled)
		return cluster(spoiled)
	}
	each := func(change func(string) string) func(*corev1.ConfigMap) {
		return func(c *corev1.ConfigMap) {
			for key, value := range c.Data {
				c.Data[key] = change(value)
			}
		}
	}
	for name, c := range map[string]client.Client{
		"JSON that is cut off": spoil(each(func(text string) string { return text[:len(text)/2] })),
		"JSON of another one":  spoil(each(func(string) string { return `{"driver":"restic","repository":"0bad"}` })),
		"digests that are cut off": spoil(func(c *corev1.ConfigMap) {
			for key := range c.BinaryData {
				c.BinaryData[key] = c.BinaryData[key][:3]
			}
		}),
		"an API server that is not": interceptor.NewClient(cluster(), interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("away")
		}}),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ledger.NewAccepted(c, c, namespace).Accepted(t.Context(), "restic", "5e1f")
			require.Error(t, err)
			assert.Nil(t, got)
			assert.ErrorContains(t, err, ledger.AcceptedConfigMap)
		})
	}
	added := spoil(each(func(text string) string { return `{"later":1,` + text[1:] }))
	got, err := ledger.NewAccepted(added, added, namespace).Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err, "fields of a later version are passed over")
	assert.True(t, got.Has("one"))
}

func TestTwoReplicasRecordOneTruth(t *testing.T) {
	c := cluster()
	other := ledger.NewAccepted(c, c, namespace)
	meddled := false
	meddling := interceptor.NewClient(c, interceptor.Funcs{Create: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		if !meddled {
			meddled = true
			require.NoError(t, other.Begin(ctx, "restic", "5e1f", nil))
		}
		return w.Create(ctx, obj, opts...)
	}})
	err := ledger.NewAccepted(meddling, c, namespace).Begin(t.Context(), "restic", "5e1f", []string{"one"})
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
	got, err := other.Accepted(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.False(t, got.Has("one"), "the first record stands")
}
