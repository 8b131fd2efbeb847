package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Copies lists the claims of a namespace that were made to look at a backup, newest
// first; of all namespaces where it is empty.
func (c *Client) Copies(ctx context.Context, namespace string) (wire.Copies, error) {
	var list wire.Copies
	err := c.call(ctx, http.MethodGet, "/v1/copies?"+url.Values{"namespace": {namespace}}.Encode(), nil, &list, nil)
	return list, err
}

// RemoveCopy removes a claim that was made to look at a backup; one that a pod uses only
// with whileUsed, and with a uid no other one that has its name since. Errors are of kind NotFound where there is no such copy, and Conflict
// where the claim is none that Soteria proved to have made, or is used.
func (c *Client) RemoveCopy(ctx context.Context, claim backup.Claim, uid string, whileUsed bool) (wire.CopyRemoved, error) {
	path := "/v1/copies/" + url.PathEscape(claim.Namespace) + "/" + url.PathEscape(claim.Name)
	query := url.Values{}
	if uid != "" {
		query.Set("uid", uid)
	}
	if whileUsed {
		query.Set("while_used", "true")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var removed wire.CopyRemoved
	err := c.call(ctx, http.MethodDelete, path, nil, &removed, nil)
	return removed, err
}
