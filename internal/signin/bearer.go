package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
)

// bearer believes tokens that Soteria was given.
type bearer struct {
	tokens Tokens
	// file holds more, if it is not empty.
	file string
	// accounts are asked of other tokens, if they are not nil.
	accounts *accounts
}

// Authenticate implements [Authenticator]. The file is read each time: a token
// that is taken out of it opens nothing from then on, and while the file cannot
// be read no token of it does.
func (b bearer) Authenticate(ctx context.Context, r Request) (Identity, error) {
	presented, err := parseBearer(r.Header)
	if err != nil || presented == "" {
		return Identity{}, err
	}
	if name, known := b.tokens.find(presented); known {
		return Identity{User: name, How: BearerToken}, nil
	}
	if b.file != "" {
		filed, err := readTokens(b.file)
		if err != nil {
			return Identity{}, Refuse(TokensUnreadable, &backup.Error{
				Kind: backup.Unavailable, Message: "bearer tokens cannot be checked at the moment: Soteria's log tells more", Err: err,
			})
		}
		if name, known := filed.find(presented); known {
			return Identity{User: name, How: BearerToken}, nil
		}
	}
	if b.accounts != nil {
		return b.accounts.whose(ctx, presented)
	}
	return Identity{}, refuse(WrongToken, backup.Unauthenticated, "the bearer token is not one that Soteria knows")
}

// parseBearer gives the bearer token of the header Authorization, or "" where
// there is none: the header is missing, or of another scheme, which is between
// the client and the proxy.
func parseBearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", refuse(Malformed, backup.Unauthenticated, "the header Authorization is there more than once")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.TrimSpace(token)
	if len(token) > longestToken || !tokenPattern.MatchString(token) {
		return "", refuse(Malformed, backup.Unauthenticated, "the header Authorization holds no bearer token as RFC 6750 has them")
	}
	return token, nil
}
