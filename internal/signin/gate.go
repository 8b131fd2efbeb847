package signin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Request is what a request says of its sender.
type Request struct {
	// Peer is the other end of the connection: the last proxy, never whoever
	// that proxy says it speaks for. The zero address where it cannot be told.
	Peer   netip.Addr
	Header http.Header
}

// RequestOf takes from an HTTP request what says who sent it.
func RequestOf(r *http.Request) Request {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // not from a TCP connection: a peer that no list names
		return Request{Header: r.Header}
	}
	return Request{Peer: peer.Addr().Unmap().WithZone(""), Header: r.Header}
}

// Access is what a route asks of those who use it.
type Access uint8

// What routes ask. The zero value asks for most.
const (
	// Protected: sign-in, where the gate requires it.
	Protected Access = iota
	// Existence: sign-in, where the gate requires it of those who ask whether
	// backups exist.
	Existence
	// Public: nothing, ever.
	Public
)

// Authenticator goes by one sort of credential. Authenticate gives the zero
// identity for a request that has none of that sort, so that the next
// authenticator is asked, and an error that [Refuse] made for one that is wrong,
// which ends the matter.
type Authenticator interface {
	Authenticate(ctx context.Context, r Request) (Identity, error)
}

// Config is what a gate goes by.
type Config struct {
	// Required has everybody sign in.
	Required bool
	// ExistsRequired has also those sign in who ask whether backups exist. It is
	// independent of Required.
	ExistsRequired bool
	// AllowedGroups are those of which a user must be in one. Tokens need no
	// group: they are handed out one by one.
	AllowedGroups []string
	// Proxies are those whose headers are believed.
	Proxies Proxies
	// Tokens are the fixed bearer tokens, TokensFile a file with more, read at
	// each use. Both may be empty.
	Tokens     Tokens
	TokensFile string
	// Accounts are the service accounts that may have [Existence], where that is
	// asked for sign-in, and nothing else.
	Accounts Accounts
	// Now is the clock; [time.Now] if it is nil.
	Now func() time.Time
}

// Gate lets requests in or refuses them. It is safe for concurrent use.
type Gate struct {
	cfg Config
	// chain is asked in turn, and existence in its place by those who ask whether
	// backups exist. Headers come last: whether they are missing or not believed,
	// nothing is left to ask.
	chain, existence []Authenticator
}

// New makes a gate.
func New(cfg Config) *Gate {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Gate{cfg: cfg}
	known := bearer{tokens: cfg.Tokens, file: cfg.TokensFile}
	if len(cfg.Tokens) > 0 || cfg.TokensFile != "" {
		g.chain = append(g.chain, known)
	}
	g.chain = append(g.chain, headers{proxies: cfg.Proxies})
	g.existence = g.chain
	if cfg.Accounts.Reviewer != nil {
		known.accounts = newAccounts(cfg.Accounts, cfg.Now)
		g.existence = []Authenticator{known, headers{proxies: cfg.Proxies}}
	}
	return g
}

// Outcome is what a gate makes of a request.
type Outcome struct {
	// Identity is who sent it. Where nobody was asked it is nobody.
	Identity Identity
	// Denied says what was refused or, with a nil Err, ignored. It is empty for
	// most requests.
	Denied Reason
	// Err is why the request may not go on; nil if it may.
	Err error
}

// Required reports whether everybody has to sign in.
func (g *Gate) Required() bool { return g.cfg.Required }

// Admit tells who sent a request, and whether it may have that access.
func (g *Gate) Admit(ctx context.Context, r Request, to Access) Outcome {
	if to == Public || to == Existence && !g.cfg.ExistsRequired {
		return Outcome{}
	}
	required := g.cfg.Required || to == Existence
	id, err := g.identify(ctx, r, to)
	if err == nil && required {
		err = g.allow(id)
	}
	var refused *refusal
	switch {
	case err == nil:
		return Outcome{Identity: id}
	case !errors.As(err, &refused):
		return Outcome{Identity: id, Err: err}
	case refused.reason == UntrustedProxy && !required:
		return Outcome{Denied: refused.reason}
	default:
		return Outcome{Identity: id, Denied: refused.reason, Err: refused}
	}
}

func (g *Gate) identify(ctx context.Context, r Request, to Access) (Identity, error) {
	chain := g.chain
	if to == Existence {
		chain = g.existence
	}
	for _, authenticator := range chain {
		id, err := authenticator.Authenticate(ctx, r)
		if err != nil || id.Authenticated() {
			return id, err
		}
	}
	return Identity{}, nil
}

func (g *Gate) allow(id Identity) error {
	if !id.Authenticated() {
		return refuse(NotSignedIn, backup.Unauthenticated, "sign-in is required: come through the sign-in proxy, or send a bearer token")
	}
	inGroup := func(group string) bool { return slices.Contains(g.cfg.AllowedGroups, group) }
	if id.How == BearerToken || id.How == ServiceAccount || slices.ContainsFunc(id.Groups, inGroup) {
		return nil
	}
	return refuse(WrongGroup, backup.Denied, "%q is in none of the groups that may use Soteria: %s", id.Name(), strings.Join(g.cfg.AllowedGroups, ", "))
}
