package client

import (
	"context"
	"net/http"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Inventory tells how well every claim is backed up. An error of kind Unavailable
// soon after the server's start passes by itself.
func (c *Client) Inventory(ctx context.Context) (wire.Inventory, error) {
	var answer wire.Inventory
	err := c.call(ctx, http.MethodGet, "/v1/inventory", nil, &answer, nil)
	return answer, err
}

// Plan tells what would become of every claim if the cluster were rebuilt now. An
// error of kind Unavailable soon after the server's start passes by itself.
func (c *Client) Plan(ctx context.Context) (wire.Plan, error) {
	var answer wire.Plan
	err := c.call(ctx, http.MethodGet, "/v1/plan", nil, &answer, nil)
	return answer, err
}
