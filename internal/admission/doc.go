// Package admission tells whether the gate is there: what sends the claims that
// are created to Soteria, or has the API server lock them. Without it a protected
// claim starts empty, and nobody else would notice.
package admission
