package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/signin"
)

const (
	audience = "kyverno-svc.kyverno.io"
	kyverno  = "system:serviceaccount:kyverno:kyverno-admission-controller"
	other    = "system:serviceaccount:media:default"

	kyvernoToken = "Authorization: Bearer kyverno.its.token"
	otherToken   = "Authorization: Bearer media.its.token"
)

// cluster knows whose tokens are whose, and counts the questions.
type cluster struct {
	users map[string]string
	err   error
	asked int
}

func (c *cluster) Review(_ context.Context, token, meantFor string) (string, error) {
	c.asked++
	if meantFor != audience {
		return "", errors.New("asked for another audience")
	}
	return c.users[token], c.err
}

// withAccounts is a gate that Kyverno's token opens for questions about backups.
func withAccounts(t *testing.T, now func() time.Time) (*signin.Gate, *cluster) {
	t.Helper()
	c := &cluster{users: map[string]string{"kyverno.its.token": kyverno, "media.its.token": other}}
	cfg := strict(t)
	cfg.ExistsRequired = true
	cfg.Now = now
	cfg.Accounts = signin.Accounts{Reviewer: c, Audience: audience, Names: []string{kyverno}}
	return signin.New(cfg), c
}

func TestServiceAccounts(t *testing.T) {
	t.Run("that are named may ask whether backups exist", func(t *testing.T) {
		gate, _ := withAccounts(t, nil)
		got := gate.Admit(t.Context(), from(stranger, kyvernoToken), signin.Existence)
		require.NoError(t, got.Err)
		assert.Equal(t, signin.Identity{User: kyverno, How: signin.ServiceAccount}, got.Identity)
	})
	t.Run("may do nothing else", func(t *testing.T) {
		gate, c := withAccounts(t, nil)
		got := gate.Admit(t.Context(), from(stranger, kyvernoToken), signin.Protected)
		assert.Equal(t, signin.WrongToken, got.Denied)
		assert.Zero(t, c.asked)
	})
	t.Run("that are not named may not ask", func(t *testing.T) {
		gate, _ := withAccounts(t, nil)
		got := gate.Admit(t.Context(), from(stranger, otherToken), signin.Existence)
		assert.Equal(t, signin.WrongAccount, got.Denied)
		assert.Equal(t, backup.Denied, backup.KindOf(got.Err))
	})
	t.Run("do not take the place of Soteria's own tokens", func(t *testing.T) {
		gate, c := withAccounts(t, nil)
		require.NoError(t, gate.Admit(t.Context(), from(stranger, withToken), signin.Existence).Err)
		assert.Zero(t, c.asked)
	})
	t.Run("leave users to come through the proxy", func(t *testing.T) {
		gate, _ := withAccounts(t, nil)
		require.NoError(t, gate.Admit(t.Context(), from(proxy, alice, asAdmin), signin.Existence).Err)
	})
	t.Run("are refused with a token that is nobody's, even beside a proxy's headers", func(t *testing.T) {
		gate, _ := withAccounts(t, nil)
		got := gate.Admit(t.Context(), from(proxy, wrongToken, alice, asAdmin), signin.Existence)
		assert.Equal(t, signin.WrongToken, got.Denied)
		assert.Equal(t, backup.Unauthenticated, backup.KindOf(got.Err))
	})
	t.Run("are not let in while the cluster cannot be asked", func(t *testing.T) {
		gate, c := withAccounts(t, nil)
		c.err = errors.New("the API server is away")
		got := gate.Admit(t.Context(), from(stranger, kyvernoToken), signin.Existence)
		assert.Equal(t, signin.ReviewFailed, got.Denied)
		assert.Equal(t, backup.Unavailable, backup.KindOf(got.Err))
		c.err = nil
		require.NoError(t, gate.Admit(t.Context(), from(stranger, kyvernoToken), signin.Existence).Err)
	})
	t.Run("are remembered for half a minute, and strangers are not", func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		gate, c := withAccounts(t, func() time.Time { return now })
		admit := func(header string) { gate.Admit(t.Context(), from(stranger, header), signin.Existence) }
		admit(kyvernoToken)
		admit(kyvernoToken)
		assert.Equal(t, 1, c.asked)
		now = now.Add(31 * time.Second)
		admit(kyvernoToken)
		assert.Equal(t, 2, c.asked)
		admit(otherToken)
		admit(otherToken)
		assert.Equal(t, 4, c.asked)
	})
	t.Run("are nobody's business where /exists is open", func(t *testing.T) {
		c := &cluster{}
		gate := signin.New(signin.Config{Accounts: signin.Accounts{Reviewer: c, Audience: audience}})
		require.NoError(t, gate.Admit(t.Context(), from(stranger, kyvernoToken), signin.Existence).Err)
		assert.Zero(t, c.asked)
	})
}

func TestNamesOfServiceAccounts(t *testing.T) {
	names, err := signin.ParseAccounts(" " + kyverno + " ,, " + other)
	require.NoError(t, err)
	assert.Equal(t, []string{kyverno, other}, names)
	for _, wrong := range []string{"kyverno", "system:serviceaccount:kyverno", "system:serviceaccount:Kyverno:a", "alice", "system:node:one"} {
		_, err := signin.ParseAccounts(wrong)
		assert.ErrorContains(t, err, "system:serviceaccount:<namespace>:<name>", wrong)
	}
}
