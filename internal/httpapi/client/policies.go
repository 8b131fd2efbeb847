package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Policies lists the policies and how the claims stand with them.
func (c *Client) Policies(ctx context.Context) (wire.Policies, error) {
	var list wire.Policies
	err := c.call(ctx, http.MethodGet, "/v1/policies", nil, &list, nil)
	return list, err
}

// PutPolicy keeps a policy, in the place of the one with the same target if there
// is one. It may be repeated.
func (c *Client) PutPolicy(ctx context.Context, req wire.PolicyRequest) (wire.Policy, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return wire.Policy{}, fmt.Errorf("writing the request: %w", err)
	}
	var kept wire.Policy
	err = c.call(ctx, http.MethodPost, "/v1/policies", body, &kept, nil)
	return kept, err
}

// DeletePolicy deletes a policy and gives what it was. The error is of kind
// NotFound if there is none, Conflict if a claim declares it.
func (c *Client) DeletePolicy(ctx context.Context, id string) (wire.Policy, error) {
	var deleted wire.Policy
	err := c.call(ctx, http.MethodDelete, "/v1/policies/"+url.PathEscape(id), nil, &deleted, nil)
	return deleted, err
}
