package signin

import "github.com/soteria-dr/soteria/internal/backup"

// Reason sorts refusals, for counting. It comes from a small closed set.
type Reason string

// The reasons.
const (
	// NotSignedIn: sign-in is required and the request has nothing to go by.
	NotSignedIn Reason = "not_signed_in"
	// WrongToken: the bearer token is not one of Soteria's.
	WrongToken Reason = "wrong_token"
	// TokensUnreadable: there is a bearer token and nothing to compare it with.
	TokensUnreadable Reason = "tokens_unreadable" //nolint:gosec // the name of a reason, not a secret
	// ReviewFailed: the cluster could not be asked whose the bearer token is.
	ReviewFailed Reason = "review_failed"
	// WrongAccount: the bearer token is a service account's that may not ask.
	WrongAccount Reason = "wrong_account"
	// Malformed: a credential is there twice, too long or not printable.
	Malformed Reason = "malformed"
	// UntrustedProxy: a proxy's headers came from an address that is not
	// trusted, and were ignored.
	UntrustedProxy Reason = "untrusted_proxy"
	// WrongGroup: the user is in none of the allowed groups.
	WrongGroup Reason = "wrong_group"
)

// Reasons returns all of them.
func Reasons() []Reason {
	return []Reason{NotSignedIn, WrongToken, TokensUnreadable, ReviewFailed, WrongAccount, Malformed, UntrustedProxy, WrongGroup}
}

// refusal is why a request is not let in.
type refusal struct {
	reason Reason
	err    error
}

// Error gives the message for the sender.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives the error with its kind.
func (r *refusal) Unwrap() error { return r.err }

// Refuse makes the error of an [Authenticator] that does not let a request in.
// Its kind is Unauthenticated or Denied, or Unavailable where it cannot be told
// now. The message is for the sender, who is a stranger: it holds no credential.
func Refuse(reason Reason, err *backup.Error) error { return &refusal{reason: reason, err: err} }

func refuse(reason Reason, kind backup.Kind, format string, args ...any) error {
	return &refusal{reason: reason, err: backup.Errorf(kind, format, args...)}
}
