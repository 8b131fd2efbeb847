package signin

import "github.com/soteria-dr/soteria/internal/backup"

// Reason sorts refusals, for counting. It comes from a small closed set.
type Reason string

// The reasons.
const (
	// NoCredential: sign-in is required and the request has nothing to go by.
	NoCredential Reason = "no_credential"
	// WrongToken: the bearer token is not one of Soteria's.
	WrongToken Reason = "wrong_token"
	// TokensUnreadable: there is a bearer token and nothing to compare it with.
	TokensUnreadable Reason = "tokens_unreadable"
	// Malformed: a credential is there twice, too long or not printable.
	Malformed Reason = "malformed"
	// UntrustedProxy: a proxy's headers came from an address that is not
	// trusted, and were ignored.
	UntrustedProxy Reason = "untrusted_proxy"
	// WrongGroup: the user is in none of the allowed groups.
	WrongGroup Reason = "wrong_group"
)

// Refusal is why a request is not let in. Its message is for the sender, who is
// a stranger; it holds no credential.
type Refusal struct {
	Reason Reason
	err    error
}

// Error gives the message for the sender.
func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap gives the error with its [backup.Kind]: Unauthenticated, Denied, or
// Unavailable where it cannot be told now.
func (r *Refusal) Unwrap() error { return r.err }

func refuse(reason Reason, kind backup.Kind, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, err: backup.Errorf(kind, format, args...)}
}
