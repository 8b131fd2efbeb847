package copies_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
)

// meanwhile has something happen before each update of the API server.
func meanwhile(api client.WithWatch, do func(context.Context)) client.Client {
	return interceptor.NewClient(api, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			do(ctx)
			return c.Update(ctx, object, opts...)
		},
	})
}

// spared returns the uids of all claims that are spared.
func (w *world) spared(t *testing.T) []types.UID {
	t.Helper()
	return sets.List((&copies.Spared{Book: w.keeper.Book, Log: slog.New(slog.DiscardHandler)}).Among(t.Context(), w.claims(t)))
}

func (w *world) claims(t *testing.T) []corev1.PersistentVolumeClaim {
	t.Helper()
	var list corev1.PersistentVolumeClaimList
	require.NoError(t, w.people.List(t.Context(), &list))
	return list.Items
}

func TestACopyIsSpared(t *testing.T) {
	w := made(t, copies.Expiry{})
	assert.Equal(t, []types.UID{w.claim(t, look).UID}, w.spared(t))
	w.change(t, look, keep)
	assert.Empty(t, w.spared(t), "a person kept it")
	w.change(t, look, mark)
	w.tend(t)
	assert.Len(t, w.spared(t), 1, "until it was seen, keeping may be taken back")
	w.again(t, look)
	assert.Empty(t, w.spared(t), "it is another claim")
}

func TestACopyOfWhichTheAnswerWasLostIsSpared(t *testing.T) {
	w := newWorld()
	w.tend(t)
	w.left, w.heard = 1, true
	_, err := w.ask(look, copies.Expiry{})
	require.Error(t, err)
	w.restart()
	assert.Equal(t, []types.UID{w.claim(t, look).UID}, w.spared(t))
}

func TestAMarkThatATenantWritesSparesNothing(t *testing.T) {
	w := newWorld()
	theirs := &corev1.PersistentVolumeClaim{}
	theirs.Namespace, theirs.Name, theirs.Spec.VolumeName = "media", "real", "soteria-abcdefghijklmnop"
	mark(theirs)
	w.stamp(theirs)
	require.NoError(t, w.people.Create(t.Context(), theirs))
	assert.Len(t, w.spared(t), 1, "until the leader has written down what an earlier version marked")
	require.NoError(t, w.people.Delete(t.Context(), theirs))
	w.tend(t)

	theirs.ResourceVersion = ""
	require.NoError(t, w.people.Create(t.Context(), theirs))
	assert.Empty(t, w.spared(t))

	_, err := w.ask(look, copies.Expiry{})
	require.NoError(t, err)
	lock := w.claim(t, look).Spec.VolumeName
	w.change(t, backup.Claim{Namespace: "media", Name: "real"}, func(c *corev1.PersistentVolumeClaim) {
		c.Spec.VolumeName = lock
		mark(c)
	})
	assert.Equal(t, []types.UID{w.claim(t, look).UID}, w.spared(t), "the lock of another claim's copy is none of this one")
}

func TestTheRecordsAreReadOnlyWhereAClaimIsMarked(t *testing.T) {
	w := made(t, copies.Expiry{})
	marked := w.claims(t)
	w.change(t, look, keep)
	bare := w.claims(t)
	known := &copies.Spared{Book: w.keeper.Book, Log: slog.New(slog.DiscardHandler)}
	w.reads = 0
	assert.Empty(t, known.Among(t.Context(), bare))
	assert.Zero(t, w.reads)
	assert.Len(t, known.Among(t.Context(), marked), 1)
	assert.Equal(t, 1, w.reads)
}

func TestWhereTheRecordsCannotBeReadTheLastOnesCount(t *testing.T) {
	w := made(t, copies.Expiry{})
	known := &copies.Spared{Book: w.keeper.Book, Log: slog.New(slog.DiscardHandler)}
	marked := w.claims(t)
	w.failing["get configmap"] = errors.New("away")
	assert.Empty(t, known.Among(t.Context(), marked), "nothing was read yet, so the claim is backed up")
	delete(w.failing, "get configmap")
	assert.Len(t, known.Among(t.Context(), marked), 1)
	w.failing["get configmap"] = errors.New("away")
	assert.Len(t, known.Among(t.Context(), marked), 1)
}
