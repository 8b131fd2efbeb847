package signin

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/soteria-dr/soteria/internal/backup"
)

// family is the headers by which one sort of proxy names a user.
type family struct{ user, email, groups string }

// families are looked at in turn, and the first that says anything is taken
// alone: a proxy that sets the one may let the other through as the client wrote
// it.
var families = []family{
	{"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups"},
	{"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups"},
}

// The longest values that are believed, in bytes.
const (
	maxName   = 256
	maxGroups = 8 << 10
)

// headers believes what a proxy says of the user that it has signed in.
type headers struct {
	proxies Proxies
}

// Authenticate implements [Authenticator].
func (h headers) Authenticate(_ context.Context, r Request) (Identity, error) {
	for _, f := range families {
		if !f.present(r.Header) {
			continue
		}
		if !h.proxies.trusts(r.Peer) {
			return Identity{}, refuse(UntrustedProxy, backup.Unauthenticated,
				"sign-in is required: %s was ignored, since %s is not one of the trusted proxies", f.user, r.Peer)
		}
		return f.read(r.Header)
	}
	return Identity{}, nil
}

func (f family) present(h http.Header) bool {
	for _, name := range []string{f.user, f.email, f.groups} {
		if strings.Join(h.Values(name), "") != "" {
			return true
		}
	}
	return false
}

// read gives nobody where neither a user nor an email address is named: groups
// alone are no one.
func (f family) read(h http.Header) (Identity, error) {
	user, err := single(h, f.user, maxName)
	if err != nil {
		return Identity{}, err
	}
	email, err := single(h, f.email, maxName)
	if err != nil {
		return Identity{}, err
	}
	groups, err := single(h, f.groups, maxGroups)
	if err != nil {
		return Identity{}, err
	}
	if user == "" && email == "" {
		return Identity{}, nil
	}
	return Identity{User: user, Email: email, Groups: ParseGroups(groups), How: ProxyHeaders}, nil
}

// single reads a header that may be there once. One that is there twice was
// written by two, of whom one is not the proxy.
func single(h http.Header, name string, longest int) (string, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return "", nil
	}
	value := strings.TrimSpace(values[0])
	switch {
	case len(values) > 1:
		return "", refuse(Malformed, backup.Unauthenticated, "the header %s is there more than once", name)
	case len(value) > longest:
		return "", refuse(Malformed, backup.Unauthenticated, "the header %s is longer than %d bytes", name, longest)
	case !printable(value):
		return "", refuse(Malformed, backup.Unauthenticated, "the header %s holds what cannot be printed", name)
	default:
		return value, nil
	}
}

func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
