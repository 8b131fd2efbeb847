package client

import (
	"context"
	"net/http"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/secret"
)

// WithToken gives a client that sends a bearer token with each request.
func (c *Client) WithToken(token secret.String) *Client {
	signed := *c
	signed.token = token
	return &signed
}

// WhoAmI asks whom the server takes the client for.
func (c *Client) WhoAmI(ctx context.Context) (wire.WhoAmI, error) {
	var answer wire.WhoAmI
	err := c.call(ctx, http.MethodGet, "/v1/whoami", nil, &answer, nil)
	return answer, err
}
