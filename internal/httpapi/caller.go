package httpapi

import (
	"context"
	"net/http"

	"github.com/soteria-dr/soteria/internal/signin"
)

type identityKey struct{}

// withIdentity has a request carry who sent it.
func withIdentity(r *http.Request, id signin.Identity) *http.Request {
	if id.IsNobody() { // which is what a request carries anyway
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, id))
}

// identity is who sent a request: nobody, where nobody signed in.
func identity(r *http.Request) signin.Identity {
	id, _ := r.Context().Value(identityKey{}).(signin.Identity)
	return id
}

// caller names who sent a request, for the record. The name is printable and at
// most 256 bytes long.
func caller(r *http.Request) string { return identity(r).Name() }
