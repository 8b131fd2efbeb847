package signin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/signin"
)

const (
	ciToken  = "0123456789abcdef0123456789abcdef"
	oldToken = "fedcba9876543210fedcba9876543210"
)

var (
	proxy    = netip.MustParseAddr("10.42.0.7")
	stranger = netip.MustParseAddr("192.0.2.1")
)

// strict requires sign-in, with one proxy that is trusted and one token.
func strict(t *testing.T) signin.Config {
	t.Helper()
	return signin.Config{
		Required: true, AllowedGroups: []string{"admin", "maintenance"},
		Proxies: proxies(t, "10.42.0.0/16"), Tokens: tokens(t, "ci:"+ciToken),
	}
}

func proxies(t *testing.T, list string) signin.Proxies {
	t.Helper()
	p, err := signin.ParseProxies(list)
	require.NoError(t, err)
	return p
}

func tokens(t *testing.T, list string) signin.Tokens {
	t.Helper()
	parsed, err := signin.ParseTokens(secret.New(list))
	require.NoError(t, err)
	return parsed
}

// from makes a request; headers are given as "Name: value".
func from(peer netip.Addr, headers ...string) signin.Request {
	h := http.Header{}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		h.Add(name, value)
	}
	return signin.Request{Peer: peer, Header: h}
}

const (
	alice      = "X-Auth-Request-User: alice"
	asAdmin    = "X-Auth-Request-Groups: admin"
	withToken  = "Authorization: Bearer " + ciToken
	wrongToken = "Authorization: Bearer " + oldToken
)

func TestWhoIsLetIn(t *testing.T) {
	tests := map[string]struct {
		request signin.Request
		want    signin.Identity
	}{
		"a user whom a trusted proxy has signed in": {
			from(proxy, alice, "X-Auth-Request-Email: alice@example.com", "X-Auth-Request-Groups: users,admin"),
			signin.Identity{User: "alice", Email: "alice@example.com", Groups: []string{"users", "admin"}, How: signin.ProxyHeaders}},
		"a user whom the proxy names by the other headers": {
			from(proxy, "X-Forwarded-User: bob", "X-Forwarded-Email: bob@example.com", "X-Forwarded-Groups: maintenance"),
			signin.Identity{User: "bob", Email: "bob@example.com", Groups: []string{"maintenance"}, How: signin.ProxyHeaders}},
		"a user with groups as Keycloak writes them": {
			from(proxy, alice, "X-Auth-Request-Groups: /users;/admin"),
			signin.Identity{User: "alice", Groups: []string{"users", "admin"}, How: signin.ProxyHeaders}},
		"a user who is known by an email address alone": {
			from(proxy, "X-Auth-Request-Email: alice@example.com", asAdmin),
			signin.Identity{Email: "alice@example.com", Groups: []string{"admin"}, How: signin.ProxyHeaders}},
		"a user whose name is not English": {
			from(proxy, "X-Auth-Request-User: Zoë Müller", asAdmin),
			signin.Identity{User: "Zoë Müller", Groups: []string{"admin"}, How: signin.ProxyHeaders}},
		"a bearer token from anywhere": {
			from(stranger, withToken), signin.Identity{User: "ci", How: signin.BearerToken}},
		"a bearer token whose scheme is written otherwise": {
			from(stranger, "Authorization: bearer  "+ciToken), signin.Identity{User: "ci", How: signin.BearerToken}},
		"a bearer token before a stranger's headers": {
			from(stranger, withToken, alice, asAdmin), signin.Identity{User: "ci", How: signin.BearerToken}},
		"a user beside the proxy's own password": {
			from(proxy, "Authorization: Basic YWxpY2U6aHVudGVyMg==", alice, asAdmin),
			signin.Identity{User: "alice", Groups: []string{"admin"}, How: signin.ProxyHeaders}},
		"a user whose other headers are empty": {
			from(proxy, "X-Auth-Request-User: ", "X-Forwarded-User: bob", "X-Forwarded-Groups: admin"),
			signin.Identity{User: "bob", Groups: []string{"admin"}, How: signin.ProxyHeaders}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, signin.Outcome{Identity: test.want}, signin.New(strict(t)).Admit(t.Context(), test.request, signin.Protected))
		})
	}
}

func TestWhoIsRefused(t *testing.T) {
	tests := map[string]struct {
		request signin.Request
		reason  signin.Reason
		kind    backup.Kind
		says    string
	}{
		"who says nothing":                {from(proxy), signin.NotSignedIn, backup.Unauthenticated, "sign-in is required"},
		"whose groups alone are named":    {from(proxy, asAdmin), signin.NotSignedIn, backup.Unauthenticated, "sign-in is required"},
		"whose headers a stranger writes": {from(stranger, alice, asAdmin), signin.UntrustedProxy, backup.Unauthenticated, "192.0.2.1 is not one of the trusted proxies"},
		"whose peer cannot be told":       {from(netip.Addr{}, alice, asAdmin), signin.UntrustedProxy, backup.Unauthenticated, "trusted"},
		"who is in another group":         {from(proxy, alice, "X-Auth-Request-Groups: users"), signin.WrongGroup, backup.Denied, `"alice" is in none of the groups that may use Soteria: admin, maintenance`},
		"who is in no group":              {from(proxy, alice), signin.WrongGroup, backup.Denied, "none of the groups"},
		"whose group is of another case":  {from(proxy, alice, "X-Auth-Request-Groups: Admin"), signin.WrongGroup, backup.Denied, "none of the groups"},
		"whose group is below an allowed one": {
			from(proxy, alice, "X-Auth-Request-Groups: /users/admin"), signin.WrongGroup, backup.Denied, "none of the groups"},
		"who adds a group by headers that the proxy does not set": {
			from(proxy, alice, "X-Forwarded-Groups: admin"), signin.WrongGroup, backup.Denied, "none of the groups"},
		"who names somebody else beside the proxy": {
			from(proxy, alice, "X-Auth-Request-User: root", asAdmin), signin.Malformed, backup.Unauthenticated, "X-Auth-Request-User is there more than once"},
		"who adds a group beside the proxy": {
			from(proxy, alice, "X-Auth-Request-Groups: users", asAdmin), signin.Malformed, backup.Unauthenticated, "X-Auth-Request-Groups is there more than once"},
		"who writes a second line into the log": {
			from(proxy, "X-Auth-Request-User: alice\nadmin", asAdmin), signin.Malformed, backup.Unauthenticated, "cannot be printed"},
		"who writes from right to left": {
			from(proxy, "X-Auth-Request-User: alice\u202egnp", asAdmin), signin.Malformed, backup.Unauthenticated, "cannot be printed"},
		"whose name is no text": {
			from(proxy, "X-Auth-Request-User: \xff", asAdmin), signin.Malformed, backup.Unauthenticated, "cannot be printed"},
		"whose name is too long": {
			from(proxy, "X-Auth-Request-User: "+strings.Repeat("a", 257), asAdmin), signin.Malformed, backup.Unauthenticated, "longer than 256"},
		"whose email address is too long": {
			from(proxy, "X-Auth-Request-Email: "+strings.Repeat("a", 257), asAdmin), signin.Malformed, backup.Unauthenticated, "longer than 256"},
		"whose groups are too long": {
			from(proxy, alice, "X-Auth-Request-Groups: "+strings.Repeat("a", 8193)), signin.Malformed, backup.Unauthenticated, "longer than 8192"},
		"who has a wrong token": {
			from(proxy, wrongToken), signin.WrongToken, backup.Unauthenticated, "not one that Soteria knows"},
		"who has a wrong token, whatever the proxy says": {
			from(proxy, wrongToken, alice, asAdmin), signin.WrongToken, backup.Unauthenticated, "not one that Soteria knows"},
		"who has part of a token": {
			from(proxy, withToken[:len(withToken)-1]), signin.WrongToken, backup.Unauthenticated, "not one that Soteria knows"},
		"who has a token with its name": {
			from(proxy, "Authorization: Bearer ci:"+ciToken), signin.Malformed, backup.Unauthenticated, "RFC 6750"},
		"who has no token after the word":  {from(proxy, "Authorization: Bearer"), signin.Malformed, backup.Unauthenticated, "RFC 6750"},
		"who has a token that is too long": {from(proxy, "Authorization: Bearer "+strings.Repeat("a", 4097)), signin.Malformed, backup.Unauthenticated, "RFC 6750"},
		"who has two tokens":               {from(proxy, withToken, withToken), signin.Malformed, backup.Unauthenticated, "more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := signin.New(strict(t)).Admit(t.Context(), test.request, signin.Protected)
			require.ErrorContains(t, got.Err, test.says)
			assert.Equal(t, test.reason, got.Denied)
			assert.Equal(t, test.kind, backup.KindOf(got.Err))
			assert.NotContains(t, got.Err.Error(), ciToken[:8])
			assert.NotContains(t, got.Err.Error(), oldToken[:8])
		})
	}
}

func TestWhatEachRouteAsks(t *testing.T) {
	nobody, somebody := from(stranger), from(stranger, withToken)
	tests := map[string]struct {
		required, existsRequired bool
		access                   signin.Access
		refused                  bool
	}{
		"a public route asks nothing":                                          {required: true, existsRequired: true, access: signin.Public},
		"a protected route asks nothing where sign-in is not required":         {access: signin.Protected},
		"a protected route asks for sign-in where it is":                       {required: true, access: signin.Protected, refused: true},
		"whether backups exist is open where all else is not":                  {required: true, access: signin.Existence},
		"whether backups exist has a switch of its own":                        {required: true, existsRequired: true, access: signin.Existence, refused: true},
		"that switch needs no other":                                           {existsRequired: true, access: signin.Existence, refused: true},
		"that switch turns on nothing else":                                    {existsRequired: true, access: signin.Protected},
		"an access that was forgotten is protected, since that is what 0 says": {required: true, refused: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := strict(t)
			cfg.Required, cfg.ExistsRequired = test.required, test.existsRequired
			gate := signin.New(cfg)
			assert.Equal(t, test.refused, gate.Admit(t.Context(), nobody, test.access).Err != nil)
			assert.NoError(t, gate.Admit(t.Context(), somebody, test.access).Err)
		})
	}
}

func TestWhereSignInIsNotRequired(t *testing.T) {
	cfg := strict(t)
	cfg.Required = false
	admit := func(headers ...string) signin.Outcome {
		return signin.New(cfg).Admit(t.Context(), from(stranger, headers...), signin.Protected)
	}
	t.Run("nobody is anonymous", func(t *testing.T) {
		got := admit()
		assert.Zero(t, got)
		assert.Equal(t, "anonymous", got.Identity.Name())
		assert.Equal(t, "anonymous", got.Identity.How.String())
		assert.False(t, got.Identity.Authenticated())
	})
	t.Run("a token still tells who it is", func(t *testing.T) {
		assert.Equal(t, "ci", admit(withToken).Identity.Name())
	})
	t.Run("a proxy's user needs no group", func(t *testing.T) {
		got := signin.New(cfg).Admit(t.Context(), from(proxy, alice), signin.Protected)
		require.NoError(t, got.Err)
		assert.Equal(t, "alice", got.Identity.Name())
	})
	t.Run("a stranger's headers are ignored, and that is told", func(t *testing.T) {
		assert.Equal(t, signin.Outcome{Denied: signin.UntrustedProxy}, admit(alice, asAdmin))
	})
	t.Run("a wrong token is refused all the same", func(t *testing.T) {
		assert.Equal(t, signin.WrongToken, admit(wrongToken).Denied)
	})
	t.Run("a public route does not even look", func(t *testing.T) {
		assert.Zero(t, signin.New(cfg).Admit(t.Context(), from(stranger, wrongToken), signin.Public))
	})
}

func TestWithoutTokensTheHeaderAuthorizationIsBetweenClientAndProxy(t *testing.T) {
	cfg := strict(t)
	cfg.Tokens = nil
	got := signin.New(cfg).Admit(t.Context(), from(proxy, wrongToken, alice, asAdmin), signin.Protected)
	require.NoError(t, got.Err)
	assert.Equal(t, "alice", got.Identity.Name())
}

func TestWithoutAListAnyProxyIsTrusted(t *testing.T) {
	cfg := strict(t)
	cfg.Proxies = signin.Proxies{}
	assert.True(t, cfg.Proxies.Any())
	assert.NoError(t, signin.New(cfg).Admit(t.Context(), from(stranger, alice, asAdmin), signin.Protected).Err)
}

func TestTheFileOfTokensIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	cfg := strict(t)
	cfg.TokensFile = path
	gate := signin.New(cfg)
	admit := func(token string) signin.Outcome {
		return gate.Admit(t.Context(), from(stranger, "Authorization: Bearer "+token), signin.Protected)
	}
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }

	missing := admit(oldToken)
	assert.Equal(t, signin.TokensUnreadable, missing.Denied)
	assert.Equal(t, backup.Unavailable, backup.KindOf(missing.Err), "that it is wrong could not be told")
	assert.NotContains(t, missing.Err.Error(), path, "strangers are not told where it is")
	_, err := signin.CheckTokensFile(path)
	require.ErrorContains(t, err, path)
	require.NoError(t, admit(ciToken).Err, "a fixed token needs no file")

	write("# the backup scripts\nscripts:" + oldToken + "\n")
	short, err := signin.CheckTokensFile(path)
	require.NoError(t, err)
	assert.Empty(t, short)
	assert.Equal(t, "scripts", admit(oldToken).Identity.Name())

	write("scripts:" + strings.ToUpper(oldToken) + "\n")
	assert.Equal(t, signin.WrongToken, admit(oldToken).Denied, "a token that was taken out opens nothing")

	write("scripts:" + oldToken + "\nold:short\n")
	require.NoError(t, admit("short").Err)
	short, err = signin.CheckTokensFile(path)
	require.NoError(t, err)
	assert.Equal(t, []int{2}, short)

	write("scripts:\n")
	assert.Equal(t, signin.TokensUnreadable, admit(oldToken).Denied)
	_, err = signin.CheckTokensFile(path)
	require.ErrorContains(t, err, "token 1: it is empty")

	write(strings.Repeat("#", 1<<20+1))
	_, err = signin.CheckTokensFile(path)
	require.ErrorContains(t, err, "larger than")
}

func TestTokens(t *testing.T) {
	t.Run("are told apart by their names, where they have any", func(t *testing.T) {
		cfg := strict(t)
		cfg.Tokens = tokens(t, " ci:"+ciToken+", "+oldToken+",\n")
		require.Len(t, cfg.Tokens, 2)
		got := signin.New(cfg).Admit(t.Context(), from(stranger, wrongToken), signin.Protected)
		assert.Equal(t, "bearer-token", got.Identity.Name())
	})
	t.Run("show nothing of themselves", func(t *testing.T) {
		shown := fmt.Sprintf("%v %+v %#v", tokens(t, ciToken), tokens(t, ciToken), tokens(t, ciToken))
		assert.NotContains(t, shown, ciToken)
		assert.Contains(t, shown, secret.Redacted)
	})
	t.Run("that can be guessed are told apart, and let in", func(t *testing.T) {
		cfg := strict(t)
		cfg.Tokens = tokens(t, "ci:"+ciToken+",old:hunter2,fifteen:123456789012345,sixteen:1234567890123456")
		assert.Equal(t, []int{2, 3}, cfg.Tokens.Short())
		assert.Equal(t, "old", signin.New(cfg).Admit(t.Context(), from(stranger, "Authorization: Bearer hunter2"), signin.Protected).Identity.Name())
	})
	refusals := map[string]struct{ list, says string }{
		"that are longer than any":         {strings.Repeat("a", 4097), "token 1: it is longer"},
		"that no header could carry":       {"a token with spaces in it", "token 1: it may hold"},
		"with a name that is none":         {"a b:" + ciToken, "token 1: its name"},
		"with an empty name":               {":" + ciToken, "token 1: its name"},
		"with a name and nothing after it": {"ci:", "token 1: it is empty"},
		"that are there twice":             {"ci:" + ciToken + ",other:" + ciToken, "token 2: it is there twice"},
	}
	for name, test := range refusals {
		t.Run(name+" are refused", func(t *testing.T) {
			_, err := signin.ParseTokens(secret.New(test.list))
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), ciToken)
		})
	}
}

func TestProxies(t *testing.T) {
	gateOf := func(list string) *signin.Gate {
		cfg := strict(t)
		cfg.Proxies = proxies(t, list)
		return signin.New(cfg)
	}
	tests := map[string]struct {
		list, peer string
		trusted    bool
	}{
		"an address is itself":                                {"10.42.0.7", "10.42.0.7:1234", true},
		"an address is no other":                              {"10.42.0.7", "10.42.0.8:1234", false},
		"a network holds its addresses":                       {"10.42.0.0/16", "10.42.255.1:1234", true},
		"a network is meant by an address in it":              {"10.42.3.4/16", "10.42.255.1:1234", true},
		"the second of two is as good as the first":           {"192.0.2.1, 10.42.0.0/16", "10.42.0.7:1234", true},
		"an IPv4 peer of an IPv6 socket is the IPv4 peer":     {"10.42.0.0/16", "[::ffff:10.42.0.7]:1234", true},
		"an IPv4 address written as IPv6 is the IPv4 address": {"::ffff:10.42.0.7", "10.42.0.7:1234", true},
		"an IPv6 network holds its addresses":                 {"fd00::/8", "[fd00::7]:1234", true},
		"an IPv6 peer is itself in whatever zone":             {"fe80::7", "[fe80::7%eth0]:1234", true},
		"an IPv6 peer is in no IPv4 network":                  {"0.0.0.0/0", "[fd00::7]:1234", false},
		"what is no address is in no network":                 {"0.0.0.0/0,::/0", "@", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/v1/whoami", nil)
			r.RemoteAddr = test.peer
			r.Header.Set("X-Forwarded-User", "alice")
			r.Header.Set("X-Forwarded-Groups", "admin")
			r.Header.Set("X-Forwarded-For", "10.42.0.7")
			got := gateOf(test.list).Admit(t.Context(), signin.RequestOf(r), signin.Protected)
			assert.Equal(t, test.trusted, got.Err == nil)
		})
	}
	for name, list := range map[string]string{
		"a name": "proxy.example.com", "an empty entry": "10.42.0.7,,", "only a comma": ",", "too many bits": "10.42.0.0/33",
		"an IPv4 network written as IPv6": "::ffff:10.0.0.0/104", "an address of a zone": "fe80::1%eth0", "a port": "10.42.0.7:80",
	} {
		t.Run("that name "+name+" are refused", func(t *testing.T) {
			_, err := signin.ParseProxies(list)
			assert.ErrorContains(t, err, "neither an address nor a CIDR")
		})
	}
}

func TestGroups(t *testing.T) {
	for list, want := range map[string][]string{
		"admin,maintenance":          {"admin", "maintenance"},
		" admin ; maintenance ":      {"admin", "maintenance"},
		"/admin,//maintenance,/a/b":  {"admin", "maintenance", "a/b"},
		"admin,,/admin;admin":        {"admin"},
		"backup operators, / spaced": {"backup operators", "spaced"},
		"":                           nil,
		" , ;/ ":                     nil,
	} {
		assert.Equal(t, want, signin.ParseGroups(list), list)
	}
}
