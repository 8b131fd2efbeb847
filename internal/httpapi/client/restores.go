package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Restore starts a restore to a new claim. It is not idempotent: a second call
// finds that the target exists, which is an error of kind Conflict.
func (c *Client) Restore(ctx context.Context, req wire.RestoreRequest) (wire.RestoreStarted, error) {
	var started wire.RestoreStarted
	err := c.post(ctx, "/v1/restores", req, &started, nil)
	return started, err
}

// RestoresQuery says which restores are wanted; what is empty means all.
type RestoresQuery struct{ Namespace, PVC, Phase string }

// Restores lists restores, newest first.
func (c *Client) Restores(ctx context.Context, asked RestoresQuery) ([]wire.Restore, error) {
	query := url.Values{}
	for name, value := range map[string]string{"namespace": asked.Namespace, "pvc": asked.PVC, "phase": asked.Phase} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var list wire.Restores
	err := c.call(ctx, http.MethodGet, "/v1/restores?"+query.Encode(), nil, &list, nil)
	return list.Restores, err
}

// RestoreNamed shows one restore.
func (c *Client) RestoreNamed(ctx context.Context, namespace, name string) (wire.Restore, error) {
	var restore wire.Restore
	err := c.call(ctx, http.MethodGet, "/v1/restores/"+url.PathEscape(namespace)+"/"+url.PathEscape(name), nil, &restore, nil)
	return restore, err
}

// BackupNamespace starts a backup of every bound claim of a namespace. An answer
// that tells of claims is no error, whatever became of them: see its Status.
func (c *Client) BackupNamespace(ctx context.Context, req wire.NamespaceBackupRequest) (wire.NamespaceBackup, error) {
	var answer wire.NamespaceBackup
	err := c.post(ctx, "/v1/backup/namespace", req, &answer,
		func(body []byte) bool { return json.Unmarshal(body, &answer) == nil && answer.Status != "" })
	return answer, err
}

// RestoreNamespace restores the claims of a namespace to new ones. An answer that
// tells of claims is no error, whatever became of them: see its Status.
func (c *Client) RestoreNamespace(ctx context.Context, req wire.NamespaceRestoreRequest) (wire.NamespaceRestore, error) {
	var answer wire.NamespaceRestore
	err := c.post(ctx, "/v1/restores/namespace", req, &answer,
		func(body []byte) bool { return json.Unmarshal(body, &answer) == nil && answer.Status != "" })
	return answer, err
}

// post sends a request with a body.
func (c *Client) post(ctx context.Context, path string, req, into any, isAnswer func([]byte) bool) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, body, into, isAnswer)
}
