package ledger_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/expectation"
)

func (c *counted) unaccepted() *ledger.Unaccepted {
	return ledger.NewUnaccepted(c, c, namespace, func() time.Time { return began })
}

func TestWhatAnUnacceptedRepositoryHeldIsRememberedOfItAlone(t *testing.T) {
	c := newCounted()
	want := learned(500)
	require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", want))
	c.reset()
	read, err := c.unaccepted().Claims(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.Equal(t, want, read, "another process reads it")
	assert.EqualValues(t, 4, c.gets.Load())
	for _, other := range [][2]string{{"restic", "0bad"}, {"longhorn", "5e1f"}} {
		none, err := c.unaccepted().Claims(t.Context(), other[0], other[1])
		require.NoError(t, err)
		assert.Empty(t, none)
	}
	expected, err := c.memory().Claims(t.Context(), "restic")
	require.NoError(t, err)
	assert.Empty(t, expected, "it is not the driver's memory")
}

func TestAnUnacceptedRepositoryIsWrittenOnChangeAlone(t *testing.T) {
	c := newCounted()
	want := learned(100)
	require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", want))
	assert.EqualValues(t, 4, c.writes.Load())
	c.reset()
	require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", want))
	assert.Zero(t, c.writes.Load())
	one := backup.Claim{Namespace: "team-1", Name: "data-1"}
	require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", expectation.Claims{one: want[one].Settle(nil, began)}))
	assert.EqualValues(t, 1, c.writes.Load())
}

func TestADriverHeldBackupsWhileAnyOfThemIsRemembered(t *testing.T) {
	c := newCounted()
	held := func(driver string) bool {
		holds, err := c.unaccepted().Held(t.Context(), driver)
		require.NoError(t, err)
		return holds
	}
	assert.False(t, held("longhorn"))
	one := learned(1)
	require.NoError(t, c.unaccepted().Remember(t.Context(), "longhorn", "5e1f", one))
	assert.True(t, held("longhorn"))
	assert.False(t, held("restic"))
	require.NoError(t, c.unaccepted().Accepted(t.Context(), "longhorn", "5e1f", one))
	assert.False(t, held("longhorn"))
}

func TestARoleOfAnEarlierVersionIsNamed(t *testing.T) {
	forbids := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, key.Name, errors.New("no"))
		},
	})
	u := ledger.NewUnaccepted(forbids, forbids, namespace, func() time.Time { return began })
	_, err := u.Claims(t.Context(), "restic", "5e1f")
	assert.Equal(t, backup.Denied, backup.KindOf(err))
	require.ErrorContains(t, err, "apply deploy/role.yaml")
	_, err = u.Held(t.Context(), "restic")
	assert.Equal(t, backup.Denied, backup.KindOf(err))
}

func TestReplicasThatRememberAnUnacceptedRepositoryLoseNothing(t *testing.T) {
	c := newCounted()
	all := learned(64)
	parts := make([]expectation.Claims, 4)
	i := 0
	for claim, record := range all {
		part := &parts[i%len(parts)]
		*part = expectation.Union(*part, expectation.Claims{claim: record})
		i++
	}
	var writers sync.WaitGroup
	for _, part := range parts {
		writers.Go(func() { assert.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", part)) })
	}
	writers.Wait()
	read, err := c.unaccepted().Claims(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	assert.Equal(t, all, read)
}

func TestNoMoreThanFourUnacceptedRepositoriesAreRemembered(t *testing.T) {
	c, now := newCounted(), began
	memory := ledger.NewUnaccepted(c, c, namespace, func() time.Time { return now })
	want := learned(100)
	for i := range 6 {
		now = now.Add(time.Hour)
		require.NoError(t, memory.Remember(t.Context(), "restic", fmt.Sprintf("repository-%d", i), want))
		if i == 3 { // the oldest becomes the newest
			now = now.Add(time.Minute)
			changed := make(expectation.Claims)
			for claim, record := range want {
				changed[claim] = record.Settle(nil, now)
			}
			require.NoError(t, memory.Remember(t.Context(), "restic", "repository-0", changed))
		}
	}
	for i, there := range []bool{true, false, false, true, true, true} {
		read, err := memory.Claims(t.Context(), "restic", fmt.Sprintf("repository-%d", i))
		require.NoError(t, err)
		assert.Equal(t, there, len(read) == len(want), "repository-%d", i)
	}
	var all corev1.ConfigMapList
	require.NoError(t, c.List(t.Context(), &all))
	assert.Len(t, all.Items, 4)
}

func TestTenThousandClaimsOfFourUnacceptedRepositoriesFit(t *testing.T) {
	c := newCounted()
	require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", learned(10_000)))
	var all corev1.ConfigMapList
	require.NoError(t, c.List(t.Context(), &all))
	for i := range all.Items {
		for key, packed := range all.Items[i].BinaryData {
			assert.Less(t, 4*len(packed), 1000<<10, "%s of %s", key, all.Items[i].Name)
		}
	}
}

func TestAnUnacceptedRepositoryThatIsTooLargeMakesRoomOrIsAnError(t *testing.T) {
	claim := backup.Claim{Namespace: "team-1", Name: "data-1"}
	bulky := func(size int) expectation.Claims { // of random bits, which do not compress
		id := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{}).Read(id)
		return expectation.Claims{claim: {Newest: began, ID: base64.StdEncoding.EncodeToString(id), Count: 1}}
	}
	c, now := newCounted(), began
	memory := ledger.NewUnaccepted(c, c, namespace, func() time.Time { return now })
	for _, repository := range []string{"first", "second", "third"} {
		now = now.Add(time.Minute)
		require.NoError(t, memory.Remember(t.Context(), "restic", repository, bulky(300_000)))
	}
	require.NoError(t, memory.Remember(t.Context(), "restic", "fourth", bulky(500_000)))
	for repository, there := range map[string]bool{"first": false, "second": false, "third": true, "fourth": true} {
		claims, err := memory.Claims(t.Context(), "restic", repository)
		require.NoError(t, err)
		assert.Equal(t, there, len(claims) == 1, repository)
	}
	assert.ErrorContains(t, memory.Remember(t.Context(), "restic", "fifth", bulky(1_100_000)), "a ConfigMap holds")
	claims, err := memory.Claims(t.Context(), "restic", "third")
	require.NoError(t, err)
	assert.Len(t, claims, 1, "what does not fit at all takes no room of others")
}

func TestOnceARepositoryIsAcceptedNothingIsRememberedOfUnacceptedOnes(t *testing.T) {
	c := newCounted()
	memory, want := c.unaccepted(), learned(100)
	for _, repository := range []string{"5e1f", "0bad"} {
		require.NoError(t, memory.Remember(t.Context(), "restic", repository, want))
	}
	require.NoError(t, memory.Remember(t.Context(), "longhorn", "targets", want))

	missing := learned(99)
	err := memory.Accepted(t.Context(), "restic", "5e1f", missing)
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "what is not among the expectations is not dropped")
	kept, err := memory.Claims(t.Context(), "restic", "5e1f")
	require.NoError(t, err)
	for claim, record := range want {
		if _, expected := missing[claim]; !expected {
			assert.Equal(t, record, kept[claim])
		}
	}

	require.NoError(t, memory.Accepted(t.Context(), "restic", "5e1f", want))
	require.NoError(t, memory.Accepted(t.Context(), "restic", "5e1f", want), "it may be repeated")
	for _, repository := range []string{"5e1f", "0bad"} {
		gone, err := memory.Claims(t.Context(), "restic", repository)
		require.NoError(t, err)
		assert.Empty(t, gone)
	}
	others, err := memory.Claims(t.Context(), "longhorn", "targets")
	require.NoError(t, err)
	assert.Len(t, others, 100)
	require.NoError(t, memory.Forget(t.Context(), "longhorn"))
	require.NoError(t, memory.Forget(t.Context(), "longhorn"), "it may be repeated")
	others, err = memory.Claims(t.Context(), "longhorn", "targets")
	require.NoError(t, err)
	assert.Empty(t, others)
}

func TestAnUnacceptedRepositoryThatCannotBeUnderstoodIsAnErrorAndIsNeverOverwritten(t *testing.T) {
	claim := backup.Claim{Namespace: "team-1", Name: "data-1"}
	for name, spoil := range map[string]func(entry, claims string, m *corev1.ConfigMap){
		"what is no gzip":     func(_, claims string, m *corev1.ConfigMap) { m.BinaryData[claims] = []byte("no") },
		"half of it":          func(_, claims string, m *corev1.ConfigMap) { m.BinaryData[claims] = m.BinaryData[claims][:20] },
		"no claims":           func(_, _ string, m *corev1.ConfigMap) { m.BinaryData = nil },
		"no name":             func(_, _ string, m *corev1.ConfigMap) { m.Data = nil },
		"another's name":      func(entry, _ string, m *corev1.ConfigMap) { m.Data[entry] = `{"repository":"0bad"}` },
		"a name that is none": func(entry, _ string, m *corev1.ConfigMap) { m.Data[entry] = "[" },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounted()
			require.NoError(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", expectation.Claims{claim: {Newest: began, ID: "x", Count: 1}}))
			var all corev1.ConfigMapList
			require.NoError(t, c.List(t.Context(), &all))
			require.Len(t, all.Items, 1)
			spoiled := &all.Items[0]
			for entry := range spoiled.Data {
				spoil(entry, entry+".jsonl.gz", spoiled)
			}
			require.NoError(t, c.Update(t.Context(), spoiled))
			c.reset()
			_, err := c.unaccepted().Claims(t.Context(), "restic", "5e1f")
			assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err))
			assert.ErrorContains(t, err, spoiled.Name)
			assert.Error(t, c.unaccepted().Remember(t.Context(), "restic", "5e1f", expectation.Claims{claim: {Newest: began.Add(time.Hour)}}))
			assert.Error(t, c.unaccepted().Accepted(t.Context(), "restic", "5e1f", expectation.Claims{claim: {Newest: began.Add(time.Hour)}}))
			assert.Zero(t, c.writes.Load())
			require.NoError(t, c.unaccepted().Forget(t.Context(), "restic"), "a person may have it forgotten")
		})
	}
}

func TestWhatOfAnUnacceptedRepositoryCannotBeWrittenIsAnErrorThatMayPass(t *testing.T) {
	c := newCounted()
	away := error(refusal("the API server is away"))
	c.fail.Store(&away)
	assert.Equal(t, backup.Unavailable, backup.KindOf(c.unaccepted().Remember(t.Context(), "restic", "5e1f", learned(1))))
}
