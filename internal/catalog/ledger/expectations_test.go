package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/expectation"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// learned is what a listing of n claims teaches.
func learned(n int) expectation.Claims {
	claims := make(expectation.Claims, n)
	for i := range n {
		claim := backup.Claim{Namespace: fmt.Sprintf("team-%d", i%97), Name: fmt.Sprintf("data-%d", i)}
		id := fmt.Sprintf("%016x%016x%016x%016x", i*7919+1, i*104729+3, i*1299709+5, i*15485863+7)
		taken := began.Add(time.Duration(i*i%86_400_000) * time.Millisecond)
		claims[claim] = expectation.Record{Newest: taken, ID: id, SeenAt: began.Truncate(24 * time.Hour), Count: i % 40}
	}
	return claims
}

// counted is a fake API server that counts requests and the bytes of what is written.
type counted struct {
	client.WithWatch
	lists, gets, writes, bytes atomic.Int64
	fail                       atomic.Pointer[error]
}

func newCounted(objects ...client.Object) *counted {
	c := &counted{}
	write := func(object client.Object) error {
		c.writes.Add(1)
		for _, packed := range object.(*corev1.ConfigMap).BinaryData {
			c.bytes.Add(int64(len(packed)))
		}
		if err := c.fail.Load(); err != nil {
			return *err
		}
		return nil
	}
	c.WithWatch = interceptor.NewClient(fake.NewClientBuilder().WithObjects(objects...).Build(), interceptor.Funcs{
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			c.lists.Add(1)
			return inner.List(ctx, list, opts...)
		},
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
			c.gets.Add(1)
			return inner.Get(ctx, key, into, opts...)
		},
		Create: func(ctx context.Context, inner client.WithWatch, object client.Object, opts ...client.CreateOption) error {
			if err := write(object); err != nil {
				return err
			}
			return inner.Create(ctx, object, opts...)
		},
		Update: func(ctx context.Context, inner client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			if err := write(object); err != nil {
				return err
			}
			return inner.Update(ctx, object, opts...)
		},
	})
	return c
}

func (c *counted) memory() *ledger.Expectations { return ledger.NewExpectations(c, c, namespace) }

func (c *counted) reset() {
	c.lists.Store(0)
	c.gets.Store(0)
	c.writes.Store(0)
}

func TestWhatIsRememberedIsReadByOtherReplicasAndAfterARestart(t *testing.T) {
	c := newCounted()
	ours, theirs := c.memory(), c.memory()
	want := learned(500)
	got, err := ours.Remember(t.Context(), "restic", want)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for name, memory := range map[string]*ledger.Expectations{"another replica": theirs, "a later life": c.memory()} {
		read, err := memory.Claims(t.Context(), "restic")
		require.NoError(t, err, name)
		assert.Equal(t, want, read, name)
	}
	others, err := ours.Claims(t.Context(), "longhorn")
	require.NoError(t, err)
	assert.Empty(t, others)
}

func TestRememberingWritesOnlyWhatChanges(t *testing.T) {
	c := newCounted()
	memory, want := c.memory(), learned(1000)
	_, err := memory.Remember(t.Context(), "restic", want)
	require.NoError(t, err)
	assert.EqualValues(t, 16, c.writes.Load())
	version := memory.Version("restic")
	c.reset()
	_, err = memory.Remember(t.Context(), "restic", want)
	require.NoError(t, err)
	assert.Zero(t, c.writes.Load())
	assert.Equal(t, version, memory.Version("restic"))
	one := backup.Claim{Namespace: "team-1", Name: "data-1"}
	_, err = memory.Remember(t.Context(), "restic", expectation.Claims{one: want[one].Settle(nil, began)})
	require.NoError(t, err)
	assert.EqualValues(t, 1, c.writes.Load())
	assert.NotEqual(t, version, memory.Version("restic"))
}

func TestReadingAgainAsksForWhatOthersWroteAlone(t *testing.T) {
	c := newCounted()
	ours, theirs := c.memory(), c.memory()
	want := learned(1000)
	_, err := ours.Remember(t.Context(), "restic", want)
	require.NoError(t, err)
	_, err = theirs.Claims(t.Context(), "restic")
	require.NoError(t, err)
	c.reset()
	_, err = theirs.Claims(t.Context(), "restic")
	require.NoError(t, err)
	assert.EqualValues(t, 1, c.lists.Load())
	assert.Zero(t, c.gets.Load())
	one := backup.Claim{Namespace: "team-1", Name: "data-1"}
	_, err = ours.Remember(t.Context(), "restic", expectation.Claims{one: want[one].Settle(nil, began)})
	require.NoError(t, err)
	c.reset()
	read, err := theirs.Claims(t.Context(), "restic")
	require.NoError(t, err)
	assert.EqualValues(t, 1, c.gets.Load())
	assert.Zero(t, read[one].Newest)
}

func TestReplicasThatWriteAtTheSameTimeLoseNothing(t *testing.T) {
	c := newCounted()
	all := learned(64)
	parts := make([]expectation.Claims, 4)
	i := 0
	for claim, record := range all {
		if part := i % len(parts); parts[part] == nil {
			parts[part] = expectation.Claims{claim: record}
		} else {
			parts[part][claim] = record
		}
		i++
	}
	var writers sync.WaitGroup
	for _, part := range parts {
		memory := c.memory()
		writers.Go(func() {
			_, err := memory.Remember(t.Context(), "restic", part)
			assert.NoError(t, err)
		})
	}
	writers.Wait()
	read, err := c.memory().Claims(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, all, read)
}

func TestAShardThatCannotBeUnderstoodIsAnErrorAndIsNeverOverwritten(t *testing.T) {
	claim := backup.Claim{Namespace: "team-1", Name: "data-1"}
	for name, spoil := range map[string]func(*corev1.ConfigMap){
		"what is no gzip":       func(m *corev1.ConfigMap) { m.BinaryData["claims.jsonl.gz"] = []byte("no") },
		"half of it":            func(m *corev1.ConfigMap) { m.BinaryData["claims.jsonl.gz"] = m.BinaryData["claims.jsonl.gz"][:30] },
		"nothing":               func(m *corev1.ConfigMap) { m.BinaryData = nil },
		"another key besides":   func(m *corev1.ConfigMap) { m.BinaryData["more"] = []byte("x") },
		"a text besides":        func(m *corev1.ConfigMap) { m.Data = map[string]string{"more": "x"} },
		"another key in place":  func(m *corev1.ConfigMap) { m.BinaryData = map[string][]byte{"claims": m.BinaryData["claims.jsonl.gz"]} },
		"a ConfigMap of others": func(m *corev1.ConfigMap) { m.BinaryData, m.Labels = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounted()
			_, err := c.memory().Remember(t.Context(), "restic", expectation.Claims{claim: {Newest: began, ID: "x", Count: 1}})
			require.NoError(t, err)
			var all corev1.ConfigMapList
			require.NoError(t, c.List(t.Context(), &all))
			require.Len(t, all.Items, 1)
			spoil(&all.Items[0])
			require.NoError(t, c.Update(t.Context(), &all.Items[0]))
			memory := c.memory()
			_, err = memory.Claims(t.Context(), "restic")
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err))
			assert.ErrorContains(t, err, all.Items[0].Name)
			_, err = memory.Remember(t.Context(), "restic", expectation.Claims{claim: {Newest: began.Add(time.Hour)}})
			assert.Error(t, err)
			var after corev1.ConfigMap
			require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(&all.Items[0]), &after))
			assert.Equal(t, all.Items[0].BinaryData, after.BinaryData)
		})
	}
}

func TestWhatCannotBeWrittenIsAnErrorThatMayPass(t *testing.T) {
	c := newCounted()
	away := error(refusal("the API server is away"))
	c.fail.Store(&away)
	_, err := c.memory().Remember(t.Context(), "restic", learned(1))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

type refusal string

func (s refusal) Error() string { return string(s) }

func TestForgettingARepositoryLeavesTheOthersAlone(t *testing.T) {
	c := newCounted()
	memory := c.memory()
	for _, repository := range []string{"restic", "longhorn"} {
		_, err := memory.Remember(t.Context(), repository, learned(100))
		require.NoError(t, err)
	}
	require.NoError(t, memory.Forget(t.Context(), "longhorn"))
	require.NoError(t, memory.Forget(t.Context(), "longhorn"), "it may be repeated")
	for _, m := range []*ledger.Expectations{memory, c.memory()} {
		gone, err := m.Claims(t.Context(), "longhorn")
		require.NoError(t, err)
		assert.Empty(t, gone)
		kept, err := m.Claims(t.Context(), "restic")
		require.NoError(t, err)
		assert.Len(t, kept, 100)
	}
}

func TestAShardWithoutItsLabelIsStillRead(t *testing.T) {
	c := newCounted()
	_, err := c.memory().Remember(t.Context(), "restic", learned(1))
	require.NoError(t, err)
	var all corev1.ConfigMapList
	require.NoError(t, c.List(t.Context(), &all))
	all.Items[0].Labels = nil
	require.NoError(t, c.Update(t.Context(), &all.Items[0]))
	read, err := c.memory().Claims(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, learned(1), read)
}

func TestHeldNamesTheDriversThatHeldBackupsOrMayHave(t *testing.T) {
	c := cluster(configMap(map[string]string{
		"restic": `{"repository":"5e1f","heldBackups":true}`, "s3": `{"repository":"b"}`, "longhorn": `{"repository":`,
	}))
	book := ledger.New(c, c, namespace)
	held, err := book.Held(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"longhorn", "restic"}, held)
	require.NoError(t, book.Forget(t.Context(), "longhorn"))
	require.NoError(t, book.Forget(t.Context(), "longhorn"), "it may be repeated")
	held, err = book.Held(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"restic"}, held)
	assert.Len(t, stored(t, c).Data, 2)
}

// BenchmarkExpectations prints what remembering 10,000 claims costs.
func BenchmarkExpectations(b *testing.B) {
	const claims = 10_000
	all := learned(claims)
	nightly := make(expectation.Claims, claims)
	for claim, record := range all {
		nightly[claim] = record.Observe([]backup.Backup{{ID: record.ID, TakenAt: record.Newest.AddDate(0, 0, 1)}}, began.AddDate(0, 0, 1))
	}
	prepared := func(b *testing.B) (*counted, *ledger.Expectations) {
		b.Helper()
		c := newCounted()
		memory := c.memory()
		if _, err := memory.Remember(b.Context(), "restic", all); err != nil {
			b.Fatal(err)
		}
		return c, memory
	}
	report := func(b *testing.B, c *counted) {
		b.Helper()
		b.ReportMetric(float64(c.lists.Load()+c.gets.Load()+c.writes.Load())/float64(b.N), "requests/op")
	}
	b.Run("every claim changed", func(b *testing.B) {
		c, memory := prepared(b)
		c.reset()
		c.bytes.Store(0)
		for i := range b.N {
			changed := all
			if i%2 == 0 {
				changed = nightly
			}
			for claim, record := range changed {
				record.Epoch = i + 1
				changed[claim] = record
			}
			if _, err := memory.Remember(b.Context(), "restic", changed); err != nil {
				b.Fatal(err)
			}
		}
		report(b, c)
		b.ReportMetric(float64(c.bytes.Load())/float64(b.N), "bytes-written/op")
	})
	b.Run("nothing changed", func(b *testing.B) {
		c, memory := prepared(b)
		c.reset()
		for range b.N {
			if _, err := memory.Claims(b.Context(), "restic"); err != nil {
				b.Fatal(err)
			}
		}
		report(b, c)
	})
	b.Run("first read", func(b *testing.B) {
		c, _ := prepared(b)
		c.reset()
		for range b.N {
			if _, err := c.memory().Claims(b.Context(), "restic"); err != nil {
				b.Fatal(err)
			}
		}
		report(b, c)
	})
}
