package configmap_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

func read(t *testing.T, cluster client.Client) *corev1.ConfigMap {
	t.Helper()
	stored, err := configmap.Read(t.Context(), cluster, "soteria", "soteria-memory")
	require.NoError(t, err)
	return stored
}

func write(t *testing.T, cluster client.Client, stored *corev1.ConfigMap, value string) error {
	t.Helper()
	stored.Data = map[string]string{"key": value}
	return configmap.Write(t.Context(), cluster, stored, "the memory")
}

func TestWhatWasWrittenIsReadAndMayBeWrittenAgain(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	first := read(t, cluster)
	assert.Empty(t, first.Data)
	require.NoError(t, write(t, cluster, first, "1"))
	require.NoError(t, write(t, cluster, first, "2"), "it is as the API server has it")
	assert.Equal(t, "2", read(t, cluster).Data["key"])
}

func TestNothingThatSomebodyElseWroteIsOverwritten(t *testing.T) {
	for name, meddle := range map[string]func(*testing.T, client.Client){
		"created": func(t *testing.T, cluster client.Client) {
			t.Helper()
			require.NoError(t, write(t, cluster, read(t, cluster), "theirs"))
		},
		"changed": func(t *testing.T, cluster client.Client) {
			t.Helper()
			require.NoError(t, write(t, cluster, read(t, cluster), "theirs"))
		},
		"removed": func(t *testing.T, cluster client.Client) {
			t.Helper()
			require.NoError(t, cluster.Delete(t.Context(), read(t, cluster)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fake.NewClientBuilder().Build()
			if name != "created" {
				require.NoError(t, write(t, cluster, read(t, cluster), "before"))
			}
			ours := read(t, cluster)
			meddle(t, cluster)
			err := write(t, cluster, ours, "ours")
			assert.Equal(t, backup.Conflict, backup.KindOf(err))
			assert.ErrorContains(t, err, "the memory was written by somebody else meanwhile")
			assert.NotEqual(t, "ours", read(t, cluster).Data["key"])
		})
	}
}

func TestWhatTheAPIServerDoesNotTellIsUnavailable(t *testing.T) {
	away := errors.New("no answer")
	cluster := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return away
		},
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return away },
	}).Build()
	_, err := configmap.Read(t.Context(), cluster, "soteria", "soteria-memory")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.EqualError(t, err, "reading ConfigMap soteria/soteria-memory: no answer")
	err = configmap.Write(t.Context(), cluster, configmap.New("soteria", "soteria-memory"), "the memory")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.EqualError(t, err, "writing the memory: no answer")
}
