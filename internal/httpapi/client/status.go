package client

import (
	"context"
	"net/http"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Status tells whether Soteria can keep its promise now: how the gate is, and
// whether its drivers' backups can be listed.
func (c *Client) Status(ctx context.Context) (wire.Status, error) {
	var status wire.Status
	err := c.call(ctx, http.MethodGet, "/v1/status", nil, &status, nil)
	return status, err
}
