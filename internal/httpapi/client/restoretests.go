package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// TestRestore starts a test of a backup that leaves nothing: the request names no
// target. It is not idempotent.
func (c *Client) TestRestore(ctx context.Context, req wire.RestoreRequest) (wire.RestoreTestStarted, error) {
	req.TargetNamespace, req.TargetPVC = "", ""
	var started wire.RestoreTestStarted
	err := c.post(ctx, "/v1/restore-test", req, &started, nil)
	return started, err
}

// RestoreTests lists the tests of a claim's backups, newest first; the names may
// be left out.
func (c *Client) RestoreTests(ctx context.Context, claim backup.Claim) ([]wire.RestoreTest, error) {
	var list wire.RestoreTests
	err := c.call(ctx, http.MethodGet, "/v1/restore-tests?"+url.Values{"namespace": {claim.Namespace}, "pvc": {claim.Name}}.Encode(), nil, &list, nil)
	return list.Tests, err
}
