package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Events tells what happened to a claim, its Restores and its Jobs lately or, for
// a claim without a name, to the claims of its namespace, newest first.
func (c *Client) Events(ctx context.Context, claim backup.Claim) (wire.Events, error) {
	var list wire.Events
	query := url.Values{"namespace": {claim.Namespace}, "pvc": {claim.Name}}
	err := c.call(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil, &list, nil)
	return list, err
}
