package batch_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/batch"
)

const own = "soteria-system"

func storeOf(cluster client.Client) batch.Store {
	return batch.Store{Client: cluster, Reader: cluster, Namespace: own}
}

func restoreOf(members int) batch.Record {
	record := batch.Record{Kind: batch.Restore, Namespace: "media", Target: "media", RequestedBy: "ada"}
	for i := range members {
		record.Members = append(record.Members, batch.Member{Source: fmt.Sprintf("claim-%d", i), Target: fmt.Sprintf("copy-%d", i), Lock: fmt.Sprintf("soteria-%d", i)})
	}
	return record
}

// world is a cluster with replicas that work on batches.
type world struct {
	cluster client.Client
	mu      sync.Mutex
	begun   []string
	do      func(ctx context.Context, member batch.Member) (batch.Outcome, error)
}

func (w *world) replica() *batch.Runner {
	return &batch.Runner{
		Store: storeOf(w.cluster), Clock: clock.RealClock{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Do: func(ctx context.Context, _ batch.Record, member batch.Member) (batch.Outcome, error) {
			w.mu.Lock()
			w.begun = append(w.begun, member.Source)
			w.mu.Unlock()
			if w.do == nil {
				return batch.Outcome{Driver: "restic", Backup: "aaaa"}, nil
			}
			return w.do(ctx, member)
		},
	}
}

// asked returns the members that were begun, in the order of that.
func (w *world) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.begun)
}

// up lets a replica run; the function that is returned stops it.
func up(t *testing.T, runner *batch.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Start(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		assert.NoError(t, <-ended)
	}
}

func TestABatchGoesOnWithoutItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		w.do = func(ctx context.Context, member batch.Member) (batch.Outcome, error) {
			time.Sleep(10 * time.Second)
			if member.Source == "claim-1" {
				return batch.Outcome{}, backup.WithSettle(&backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet, Field: "as_of", Message: "none is that old"}, "do this")
			}
			return batch.Outcome{Driver: "restic", Backup: "aaaa", Notes: []string{"partial"}}, ctx.Err()
		}
		replica := w.replica()
		defer up(t, replica)()
		asking, leave := context.WithCancel(t.Context())
		begun, err := replica.Begin(asking, restoreOf(3))
		require.NoError(t, err)
		leave()
		assert.Nil(t, begun.Members[0].Outcome, "it is answered before anything is done")

		time.Sleep(5 * time.Second)
		kept, err := replica.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		assert.False(t, kept.Ended())

		time.Sleep(10 * time.Second)
		kept, err = replica.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		require.True(t, kept.Ended())
		assert.Equal(t, []string{"partial"}, kept.Members[0].Outcome.Notes)
		refusal := kept.Members[1].Outcome.Refusal.Err()
		assert.EqualError(t, refusal, "none is that old")
		assert.Equal(t, backup.NotFound, backup.KindOf(refusal))
		assert.Equal(t, backup.ChoiceUnmet, backup.ReasonOf(refusal))
		assert.Equal(t, "as_of", backup.FieldOf(refusal))
		assert.Equal(t, "do this", backup.SettleOf(refusal))
		assert.ElementsMatch(t, []string{"claim-0", "claim-1", "claim-2"}, w.asked(), "each once")
	})
}

func TestAnotherReplicaGoesOnWhereOneStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		w.do = func(ctx context.Context, member batch.Member) (batch.Outcome, error) {
			if member.Source == "claim-0" {
				return batch.Outcome{Driver: "restic"}, nil
			}
			<-ctx.Done()
			return batch.Outcome{}, backup.Errorf(backup.Unavailable, "stopped: %w", ctx.Err())
		}
		first := w.replica()
		stop := up(t, first)
		begun, err := first.Begin(t.Context(), restoreOf(2))
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		stop()

		w.begun, w.do = nil, nil
		second := w.replica()
		defer up(t, second)()
		require.NoError(t, second.Rescue(t.Context()))
		synctest.Wait()
		kept, err := second.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		require.True(t, kept.Ended())
		assert.Equal(t, []string{"claim-1"}, w.asked(), "what was started is not begun again, and that the process stopped refuses nothing")
		assert.Nil(t, kept.Members[1].Outcome.Refusal)
	})
}

func TestAReplicaThatWorksIsLeftToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		w.do = func(context.Context, batch.Member) (batch.Outcome, error) {
			time.Sleep(10 * time.Minute)
			return batch.Outcome{}, nil
		}
		first, second := w.replica(), w.replica()
		stopFirst, stopSecond := up(t, first), up(t, second)
		_, err := first.Begin(t.Context(), restoreOf(1))
		require.NoError(t, err)
		for range 20 {
			time.Sleep(29 * time.Second)
			require.NoError(t, second.Rescue(t.Context()))
		}
		assert.Len(t, w.asked(), 1)
		time.Sleep(time.Minute)
		stopFirst()
		stopSecond()
	})
}

func TestWhatIsNotBegunInTimeIsNotBegunAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		down := w.replica()
		begun, err := down.Begin(t.Context(), restoreOf(1))
		require.NoError(t, err, "it is written although nothing runs yet")
		time.Sleep(2 * time.Hour)
		leader := w.replica()
		defer up(t, leader)()
		require.NoError(t, leader.Rescue(t.Context()))
		synctest.Wait()
		kept, err := leader.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		assert.ErrorContains(t, kept.Members[0].Outcome.Refusal.Err(), "ask for it again")
		assert.Empty(t, w.asked())
	})
}

func TestAPanicIsTheOutcomeOfItsMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		w.do = func(_ context.Context, member batch.Member) (batch.Outcome, error) {
			if member.Source == "claim-0" {
				panic("a secret thing happened")
			}
			return batch.Outcome{}, nil
		}
		replica := w.replica()
		defer up(t, replica)()
		begun, err := replica.Begin(t.Context(), restoreOf(2))
		require.NoError(t, err)
		synctest.Wait()
		kept, err := replica.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		assert.NotContains(t, kept.Members[0].Outcome.Refusal.Message, "secret")
		assert.Nil(t, kept.Members[1].Outcome.Refusal)
	})
}

func TestThereIsABoundedNumberOfBatches(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	store := storeOf(cluster)
	noon := time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
	ids := make([]string, 16)
	for i := range ids {
		record := restoreOf(1)
		record.CreatedAt = noon.Add(time.Duration(i) * time.Minute)
		created, err := store.Create(t.Context(), record)
		require.NoError(t, err)
		ids[i] = created.ID
	}
	_, err := store.Create(t.Context(), restoreOf(1))
	assert.Equal(t, backup.Busy, backup.KindOf(err), "none that runs is overwritten")

	for _, i := range []int{7, 3} {
		record, err := store.Get(t.Context(), ids[i])
		require.NoError(t, err)
		record.EndedAt = noon.Add(time.Duration(i) * time.Hour)
		_, err = store.Save(t.Context(), record)
		require.NoError(t, err)
	}
	late := restoreOf(1)
	late.CreatedAt = noon.Add(24 * time.Hour)
	created, err := store.Create(t.Context(), late)
	require.NoError(t, err)
	_, err = store.Get(t.Context(), ids[3])
	assert.Equal(t, backup.NotFound, backup.KindOf(err), "the one that ended longest ago makes room")
	_, err = store.Get(t.Context(), ids[7])
	require.NoError(t, err)

	list, err := store.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 16)
	assert.Equal(t, created.ID, list[0].ID, "newest first")

	require.NoError(t, store.Remove(t.Context(), noon.Add(8*24*time.Hour)))
	list, err = store.List(t.Context())
	require.NoError(t, err)
	assert.Len(t, list, 15, "those that ended a week ago are removed, and none that runs")
}

func TestOnlyOneOfTwoWritesABatch(t *testing.T) {
	store := storeOf(fake.NewClientBuilder().Build())
	created, err := store.Create(t.Context(), restoreOf(1))
	require.NoError(t, err)
	_, err = store.Save(t.Context(), created)
	require.NoError(t, err)
	_, err = store.Save(t.Context(), created)
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
}

func TestBatchesThatCannotBeNamedOrReadAreNone(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	store := storeOf(cluster)
	for _, id := range []string{"", "x", "16-aa", "00", "00-", "../00-a", strings.Repeat("a", 9999)} {
		_, err := store.Get(t.Context(), id)
		assert.Equal(t, backup.NotFound, backup.KindOf(err), id)
		assert.Less(t, len(err.Error()), 400)
	}
	created, err := store.Create(t.Context(), restoreOf(1))
	require.NoError(t, err)
	var stored corev1.ConfigMap
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: own, Name: "soteria-batch-" + created.ID[:2]}, &stored))
	stored.BinaryData["batch.json.gz"] = []byte("torn")
	require.NoError(t, cluster.Update(t.Context(), &stored))
	_, err = store.Get(t.Context(), created.ID)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "it may have been that one")
	_, err = store.Create(t.Context(), restoreOf(1))
	require.NoError(t, err, "a torn record takes nobody's place")
}

func TestABatchThatIsTooLargeIsRefused(t *testing.T) {
	store := storeOf(fake.NewClientBuilder().Build())
	record := restoreOf(30_000)
	for i := range record.Members {
		record.Members[i].Lock = fmt.Sprintf("%x", sha256.Sum256([]byte(record.Members[i].Source))) // what does not compress
	}
	_, err := store.Create(t.Context(), record)
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
}
