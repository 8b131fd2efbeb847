package signin_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/signin"
)

func FuzzParseGroups(f *testing.F) {
	for _, seed := range []string{"admin,maintenance", "/admin;/a/b", " , ;/", "//", "a\x00b", "\xff,é", ";;;,,,", " / /a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		groups := signin.ParseGroups(list)
		for _, group := range groups {
			assert.NotEmpty(t, group)
			assert.NotContains(t, group, ",")
			assert.NotContains(t, group, ";")
			assert.False(t, strings.HasPrefix(group, "/"))
			assert.Contains(t, list, group, "no group is made up")
		}
		assert.Equal(t, groups, signin.ParseGroups(strings.Join(groups, ",")), "what was read is read as it is")
	})
}

func FuzzParseProxies(f *testing.F) {
	for _, seed := range []string{"", "10.42.0.0/16", "10.42.0.7, fd00::/8", "::ffff:10.0.0.1", "0.0.0.0/0", "1.2.3.4/33", ",", "fe80::1%eth0", "localhost", "1.2.3.4/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		proxies, err := signin.ParseProxies(list)
		if err != nil {
			assert.Less(t, len(err.Error()), 600)
			return
		}
		assert.Equal(t, strings.TrimSpace(list) == "", proxies.Any(), "a list that names somebody never trusts everybody")
	})
}

func FuzzBearer(f *testing.F) {
	for _, seed := range []string{
		"Bearer " + ciToken, "bearer " + ciToken, "Bearer", "Bearer ", "Bearer  " + ciToken + " ", "Bearer " + ciToken + " x", "Basic eDp5", "", "Bearer \x00",
		"BEARER " + strings.Repeat("a", 5000), "Bearer ci:" + ciToken, "Bearer" + ciToken, " Bearer " + ciToken,
	} {
		f.Add(seed)
	}
	cfg := signin.Config{Required: true}
	var err error
	cfg.Tokens, err = signin.ParseTokens(secret.New("ci:" + ciToken))
	require.NoError(f, err)
	gate := signin.New(cfg)
	f.Fuzz(func(t *testing.T, value string) {
		got := gate.Admit(t.Context(), signin.Request{Header: http.Header{"Authorization": {value}}}, signin.Protected)
		if got.Err == nil {
			scheme, token, _ := strings.Cut(value, " ")
			assert.True(t, strings.EqualFold(scheme, "bearer"))
			assert.Equal(t, ciToken, strings.TrimSpace(token), "only the token itself lets in")
			return
		}
		assert.Equal(t, backup.Unauthenticated, backup.KindOf(got.Err))
		assert.NotEmpty(t, got.Denied)
	})
}

func FuzzProxyHeaders(f *testing.F) {
	f.Add("alice", "alice@example.com", "admin")
	f.Add("", "a@b", "/admin;users")
	f.Add("alice\n", "", "admin")
	f.Add("\u202e", " ", ";")
	f.Add(strings.Repeat("é", 200), "", "admin")
	cfg := signin.Config{Required: true, AllowedGroups: []string{"admin"}}
	gate := signin.New(cfg)
	f.Fuzz(func(t *testing.T, user, email, groups string) {
		h := http.Header{"X-Auth-Request-User": {user}, "X-Auth-Request-Email": {email}, "X-Auth-Request-Groups": {groups}}
		got := gate.Admit(t.Context(), signin.Request{Peer: netip.IPv6Loopback(), Header: h}, signin.Protected)
		if got.Err != nil {
			assert.NotEmpty(t, got.Denied)
			return
		}
		assert.Contains(t, signin.ParseGroups(groups), "admin")
		assert.NotEmpty(t, got.Identity.Name())
		assert.LessOrEqual(t, len(got.Identity.Name()), 256)
		assert.NotContains(t, got.Identity.Name(), "\n")
	})
}
