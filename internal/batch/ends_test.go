package batch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/batch"
)

func backupOf(claims ...string) batch.Record {
	record := batch.Record{Kind: batch.Backup, Namespace: "media", Driver: "restic", RequestedBy: "ada"}
	for _, claim := range claims {
		record.Members = append(record.Members, batch.Member{Source: claim})
	}
	return record
}

// jobs has each member started by a Job of its name.
func (w *world) jobs() *world {
	w.do = func(_ context.Context, member batch.Member) (batch.Outcome, error) {
		return batch.Outcome{Driver: "restic", Job: "job-" + member.Source}, nil
	}
	return w
}

func of(claim, job string, result batch.EndResult) batch.Ended {
	return batch.Ended{Claim: backup.Claim{Namespace: "media", Name: claim}, Driver: "restic", Job: job, End: batch.End{Result: result, Message: string(result) + " by " + job}}
}

// ends returns how the members of a batch ended; "" for those whose end was not seen.
func ends(t *testing.T, runner *batch.Runner, id string) []batch.EndResult {
	t.Helper()
	record, err := runner.Get(t.Context(), id)
	require.NoError(t, err)
	results := make([]batch.EndResult, 0, len(record.Members))
	for _, member := range record.Members {
		var result batch.EndResult
		if member.End != nil {
			result = member.End.Result
		}
		results = append(results, result)
	}
	return results
}

func TestABatchOfBackupsIsFollowedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := (&world{cluster: fake.NewClientBuilder().Build()}).jobs()
		replica := w.replica()
		defer up(t, replica)()
		begun, err := replica.Begin(t.Context(), backupOf("a", "b", "c"))
		require.NoError(t, err)
		replica.Tell(of("a", "job-a", batch.EndSucceeded)) // sooner than the batch is written
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded, "", ""}, ends(t, replica, begun.ID))

		replica.Tell(of("b", "job-of-before", batch.EndFailed))
		replica.Tell(of("z", "job-b", batch.EndFailed))
		other := of("b", "job-b", batch.EndFailed)
		other.Driver = "longhorn"
		replica.Tell(other)
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded, "", ""}, ends(t, replica, begun.ID), "another backup's end is none of its")

		again := of("b", "job-b-again", batch.EndPartial)
		again.Again, again.Made = true, time.Now()
		replica.Tell(again)
		replica.Tell(of("c", "job-c", batch.EndFailed))
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded, batch.EndPartial, batch.EndFailed}, ends(t, replica, begun.ID))
		record, err := replica.Get(t.Context(), begun.ID)
		require.NoError(t, err)
		assert.Equal(t, "failed by job-c", record.Members[2].End.Message)
		assert.Equal(t, "job-b", record.Members[1].Outcome.Job)
	})
}

func TestABackupWithoutAJobIsKnownByItsNameOrItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{cluster: fake.NewClientBuilder().Build()}
		w.do = func(_ context.Context, member batch.Member) (batch.Outcome, error) {
			if member.Source == "named" {
				return batch.Outcome{Backup: "backup-1"}, nil
			}
			return batch.Outcome{}, nil
		}
		replica := w.replica()
		defer up(t, replica)()
		record := backupOf("named", "nameless")
		record.Driver = "longhorn"
		begun, err := replica.Begin(t.Context(), record)
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		tell := func(claim, name string) {
			replica.Tell(batch.Ended{Claim: backup.Claim{Namespace: "media", Name: claim}, Driver: "longhorn", Backup: name, End: batch.End{Result: batch.EndSucceeded}})
		}
		tell("named", "backup-0")
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{"", ""}, ends(t, replica, begun.ID))
		tell("named", "backup-1")
		tell("nameless", "backup-2")
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded, batch.EndSucceeded}, ends(t, replica, begun.ID))
	})
}

func TestAnEndThatNoProcessHeardOfIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := (&world{cluster: fake.NewClientBuilder().Build()}).jobs()
		first := w.replica()
		stop := up(t, first)
		begun, err := first.Begin(t.Context(), backupOf("a", "b"))
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		stop()

		second := w.replica()
		defer up(t, second)()
		asked := map[string]int{}
		second.Follow = func(_ context.Context, record batch.Record, member batch.Member) (*batch.End, error) {
			asked[member.Source]++
			switch {
			case member.Source == "a":
				return &batch.End{At: time.Now(), Result: batch.EndUnknown}, nil
			case asked["b"] == 1:
				return nil, errors.New("no answer")
			case asked["b"] == 2:
				return nil, nil //nolint:nilnil // it runs
			}
			return &batch.End{At: time.Now(), Result: batch.EndFailed, Message: "no room"}, nil
		}
		for range 5 {
			require.NoError(t, second.Rescue(t.Context()))
		}
		assert.Equal(t, []batch.EndResult{batch.EndUnknown, batch.EndFailed}, ends(t, second, begun.ID))
		assert.Equal(t, map[string]int{"a": 1, "b": 3}, asked, "what has ended is not looked at again")

		second.Tell(of("a", "job-a", batch.EndSucceeded))
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded, batch.EndFailed}, ends(t, second, begun.ID), "what is heard is better than nothing")
	})
}

func TestEndsCostOneListingForAllOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lists atomic.Int64
		cluster := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				lists.Add(1)
				return c.List(ctx, list, options...)
			},
		}).Build()
		replica := (&world{cluster: cluster}).replica()
		defer up(t, replica)()
		time.Sleep(time.Minute + time.Second) // between two of its looks
		assert.Zero(t, lists.Load(), "nothing has ended")
		for range 5_000 {
			replica.Tell(of("a", "job-a", batch.EndSucceeded))
		}
		time.Sleep(time.Minute)
		assert.EqualValues(t, 1, lists.Load(), "and none is kept that no batch waits for")
	})
}

func TestAnEndThatCannotBeWrittenIsTriedAgainForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		cluster := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
				if down.Load() {
					return errors.New("connection refused")
				}
				return c.Update(ctx, o, options...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
				if down.Load() {
					return errors.New("connection refused")
				}
				return c.Patch(ctx, o, patch, options...)
			},
		}).Build()
		w := (&world{cluster: cluster}).jobs()
		replica := w.replica()
		defer up(t, replica)()
		begun, err := replica.Begin(t.Context(), backupOf("a"))
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		down.Store(true)
		replica.Tell(of("a", "job-a", batch.EndSucceeded))
		time.Sleep(30 * time.Second)
		assert.Equal(t, []batch.EndResult{""}, ends(t, replica, begun.ID))
		down.Store(false)
		time.Sleep(10 * time.Second)
		assert.Equal(t, []batch.EndResult{batch.EndSucceeded}, ends(t, replica, begun.ID))
	})
}
