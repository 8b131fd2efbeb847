package ledger_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
)

const namespace = "soteria"

var (
	nothing = catalog.Expectation{}
	empty   = catalog.Expectation{Repository: "5e1f"}
	held    = catalog.Expectation{Repository: "5e1f", HeldBackups: true}
	other   = catalog.Expectation{Repository: "0bad"}
)

func configMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ledger.ConfigMap}, Data: data}
}

// cluster is a fake API server that holds the objects.
func cluster(objects ...client.Object) client.WithWatch {
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

func stored(t *testing.T, c client.Client) *corev1.ConfigMap {
	t.Helper()
	found := &corev1.ConfigMap{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: ledger.ConfigMap}, found))
	return found
}

func TestNothingIsExpectedOfARepositoryNeverListed(t *testing.T) {
	for name, c := range map[string]client.Client{
		"without the ConfigMap":     cluster(),
		"with an empty ConfigMap":   cluster(configMap(nil)),
		"with another driver's key": cluster(configMap(map[string]string{"longhorn": `{"repository": "x"}`})),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ledger.New(c, c, namespace).Expectation(t.Context(), "restic")
			require.NoError(t, err)
			assert.Equal(t, nothing, got)
		})
	}
}

func TestWhatIsRecordedIsExpected(t *testing.T) {
	c := cluster()
	l := ledger.New(c, c, namespace)
	require.NoError(t, l.Record(t.Context(), "restic", nothing, empty))
	require.NoError(t, l.Record(t.Context(), "longhorn", nothing, other))
	require.NoError(t, l.Record(t.Context(), "restic", empty, held))

	for driver, want := range map[string]catalog.Expectation{"restic": held, "longhorn": other, "kopia": nothing} {
		got, err := l.Expectation(t.Context(), driver)
		require.NoError(t, err)
		assert.Equal(t, want, got, driver)
	}
	assert.Equal(t, "{\n  \"repository\": \"5e1f\",\n  \"heldBackups\": true\n}\n", stored(t, c).Data["restic"], "a person can read it")
	assert.Equal(t, "soteria", stored(t, c).Labels["app.kubernetes.io/managed-by"])
}

func TestRecordChangesNothingWhenSomethingElseIsRecorded(t *testing.T) {
	c := cluster()
	l := ledger.New(c, c, namespace)
	require.NoError(t, l.Record(t.Context(), "restic", nothing, other))
	err := l.Record(t.Context(), "restic", nothing, empty)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	got, err := l.Expectation(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, other, got)
}

func TestRecordNeverOverwritesWhatWasWrittenSinceItRead(t *testing.T) {
	tests := map[string]struct {
		before  []client.Object
		meddle  func(context.Context, client.Client) error
		replica catalog.Expectation
	}{
		"another replica creates the ConfigMap first": {
			meddle: func(ctx context.Context, c client.Client) error {
				return c.Create(ctx, configMap(map[string]string{"restic": `{"repository": "0bad"}`}))
			},
			replica: nothing,
		},
		"another replica updates the ConfigMap first": {
			before: []client.Object{configMap(map[string]string{"restic": `{"repository": "5e1f"}`})},
			meddle: func(ctx context.Context, c client.Client) error {
				theirs := &corev1.ConfigMap{}
				if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ledger.ConfigMap}, theirs); err != nil {
					return err
				}
				theirs.Data["restic"] = `{"repository": "0bad"}`
				return c.Update(ctx, theirs)
			},
			replica: empty,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := cluster(test.before...)
			racing := interceptor.NewClient(c, interceptor.Funcs{
				Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
					if err := errors.Join(client.IgnoreNotFound(inner.Get(ctx, key, into, opts...)), test.meddle(ctx, c)); err != nil {
						return err
					}
					if into.GetResourceVersion() == "" {
						return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
					}
					return nil
				},
			})
			err := ledger.New(c, racing, namespace).Record(t.Context(), "restic", test.replica, held)
			assert.Equal(t, backup.Conflict, backup.KindOf(err))
			got, err := ledger.New(c, c, namespace).Expectation(t.Context(), "restic")
			require.NoError(t, err)
			assert.Equal(t, other, got)
		})
	}
}

func TestAcceptForgetsWhatWasExpected(t *testing.T) {
	for name, before := range map[string]catalog.Expectation{"nothing": nothing, "backups": held, "another repository": other} {
		t.Run(name, func(t *testing.T) {
			c := cluster()
			l := ledger.New(c, c, namespace)
			if before != nothing {
				require.NoError(t, l.Record(t.Context(), "restic", nothing, before))
			}
			require.NoError(t, l.Accept(t.Context(), "restic", "5e1f"))
			require.NoError(t, l.Accept(t.Context(), "restic", "5e1f"), "again")
			got, err := l.Expectation(t.Context(), "restic")
			require.NoError(t, err)
			assert.Equal(t, empty, got)
		})
	}
}

func TestAcceptTriesAgainWhenAReplicaWritesMeanwhile(t *testing.T) {
	conflicts := 2
	c := interceptor.NewClient(cluster(configMap(map[string]string{"restic": `{"repository": "0bad"}`})), interceptor.Funcs{
		Update: func(ctx context.Context, inner client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if conflicts--; conflicts >= 0 {
				return apierrors.NewConflict(corev1.Resource("configmaps"), o.GetName(), errors.New("changed"))
			}
			return inner.Update(ctx, o, opts...)
		},
	})
	l := ledger.New(c, c, namespace)
	require.NoError(t, l.Accept(t.Context(), "restic", "5e1f"))
	got, err := l.Expectation(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, empty, got)
}

func TestAcceptNeedsAnIdentity(t *testing.T) {
	c := cluster()
	err := ledger.New(c, c, namespace).Accept(t.Context(), "restic", "")
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	assert.Equal(t, "repository", backup.FieldOf(err))
}

func TestWhatCannotBeUnderstoodIsAnErrorAndIsNeverOverwritten(t *testing.T) {
	for name, value := range map[string]string{
		"nothing at all":        "",
		"no JSON":               "repository: 5e1f",
		"half of it":            `{"repository": "5e`,
		"something after it":    `{"repository": "5e1f"} {}`,
		"no repository":         `{"heldBackups": true}`,
		"an empty repository":   `{"repository": ""}`,
		"a misspelled field":    `{"repository": "5e1f", "heldbackups": true}`,
		"an unknown field":      `{"repository": "5e1f", "held": true}`,
		"a field given twice":   `{"repository": "5e1f", "repository": "0bad"}`,
		"a field of wrong type": `{"repository": "5e1f", "heldBackups": "yes"}`,
		"null":                  "null",
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(configMap(map[string]string{"restic": value}))
			l := ledger.New(c, c, namespace)
			_, err := l.Expectation(t.Context(), "restic")
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err))
			assert.ErrorContains(t, err, `key "restic" of ConfigMap soteria/soteria-repositories cannot be understood`)
			require.Error(t, l.Record(t.Context(), "restic", nothing, empty))
			require.Error(t, l.Accept(t.Context(), "restic", "5e1f"))
			assert.Equal(t, value, stored(t, c).Data["restic"])
		})
	}
}

func TestAnAPIServerThatIsAwayIsAnErrorThatMayPass(t *testing.T) {
	away := errors.New("connection refused")
	c := interceptor.NewClient(cluster(), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return away
		},
	})
	_, err := ledger.New(c, c, namespace).Expectation(t.Context(), "restic")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorIs(t, err, away)

	c = interceptor.NewClient(cluster(), interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return away },
	})
	err = ledger.New(c, c, namespace).Record(t.Context(), "restic", nothing, empty)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorIs(t, err, away)
}
