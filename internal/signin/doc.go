// Package signin tells who sends a request, and whether they may.
//
// It is a function from what a request says of its sender (a [Request]: the
// peer's address and the headers) to an identity or a refusal. A [Gate] asks its
// authenticators in turn: bearer tokens first, then the headers of a proxy that
// has signed the user in. It knows nothing of routes; the HTTP server says what
// each of them asks for, as an [Access].
//
// A credential that is wrong is never overlooked: a bearer token that is not one
// of Soteria's is refused even where a proxy's headers would have been enough,
// or where nobody has to sign in. Only headers that come from a stranger are
// ignored, since anybody can write them.
package signin
