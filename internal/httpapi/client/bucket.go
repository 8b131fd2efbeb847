package client

import (
	"context"
	"net/http"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Bucket tells what the backup bucket holds and costs. It is an error of kind
// NotFound where no bucket is scanned, of kind Unavailable before the first scan
// has succeeded.
func (c *Client) Bucket(ctx context.Context) (wire.Bucket, error) {
	var contents wire.Bucket
	err := c.call(ctx, http.MethodGet, "/v1/b2", nil, &contents, nil)
	return contents, err
}
