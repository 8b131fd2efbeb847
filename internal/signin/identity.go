package signin

import "cmp"

// Identity is who sent a request. The zero value is nobody.
type Identity struct {
	// User and Email are as the credential gives them; either may be empty.
	User  string
	Email string
	// Groups are without leading slashes; see [ParseGroups].
	Groups []string
	How    How
}

// anonymous names whoever did not say who they are.
const anonymous = "anonymous"

// IsNobody reports whether it is the zero identity, of which nothing is known.
func (id Identity) IsNobody() bool {
	return id.How == Unknown && id.User == "" && id.Email == "" && len(id.Groups) == 0
}

// Authenticated reports whether it is known who sent the request.
func (id Identity) Authenticated() bool { return id.How != Unknown }

// Name is what the record calls the sender: the user, else the email address,
// else "anonymous".
func (id Identity) Name() string { return cmp.Or(id.User, id.Email, anonymous) }

// How tells by which credential somebody signed in.
type How uint8

// The ways to sign in. The zero value is none.
const (
	Unknown How = iota
	ProxyHeaders
	BearerToken
	ServiceAccount
)

// String gives the word used in API answers and logs.
func (h How) String() string {
	switch h {
	case ProxyHeaders:
		return "proxy_headers"
	case BearerToken:
		return "bearer_token"
	case ServiceAccount:
		return "service_account"
	case Unknown:
		return anonymous
	default:
		return anonymous
	}
}
