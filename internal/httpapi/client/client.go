package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/secret"
)

// maxAnswer bounds how much of an answer is read: a claim's list of backups may
// be long, an endless answer is no answer.
const maxAnswer = 64 << 20

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
	// token is sent as a bearer token where it is not empty.
	token secret.String
}

// New makes a client of the server at a base URL such as
// "http://soteria.soteria.svc:8080". The time-out of each call is its context's.
func New(base string, client *http.Client) *Client {
	return &Client{base: base, http: client}
}

// Exists asks whether a claim has a backup. An answer that is unknown is no
// error, whatever status the server gives it: see [wire.Existence].Authoritative.
func (c *Client) Exists(ctx context.Context, claim backup.Claim) (wire.Existence, error) {
	var answer wire.Existence
	err := c.call(ctx, http.MethodGet, "/exists/"+url.PathEscape(claim.Namespace)+"/"+url.PathEscape(claim.Name), nil, &answer,
		func(body []byte) bool { return json.Unmarshal(body, &answer) == nil && answer.Decision != "" })
	return answer, err
}

// Backup starts a backup. It is not idempotent.
func (c *Client) Backup(ctx context.Context, req wire.BackupRequest) (wire.BackupStarted, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return wire.BackupStarted{}, fmt.Errorf("writing the request: %w", err)
	}
	var started wire.BackupStarted
	err = c.call(ctx, http.MethodPost, "/v1/backup", body, &started, nil)
	return started, err
}

// Backups lists a claim's backups, newest first, of one driver or, with an empty
// name, of all.
func (c *Client) Backups(ctx context.Context, claim backup.Claim, driver string) ([]wire.Backup, error) {
	query := url.Values{"namespace": {claim.Namespace}, "pvc": {claim.Name}}
	if driver != "" {
		query.Set("driver", driver)
	}
	var list wire.Backups
	err := c.call(ctx, http.MethodGet, "/v1/backups?"+query.Encode(), nil, &list, nil)
	return list.Backups, err
}

// Healthy asks whether the process is up.
func (c *Client) Healthy(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, &wire.Health{}, nil)
}

// Ready asks whether the replica takes requests.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/readyz", nil, &wire.Health{}, nil)
}

// call sends a request and reads the answer into into. A status that is no
// success is an error, unless isAnswer knows the body for an answer.
func (c *Client) call(ctx context.Context, method, path string, body []byte, into any, isAnswer func([]byte) bool) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !c.token.IsEmpty() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return backup.Errorf(backup.Unavailable, "asking Soteria: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return backup.Errorf(backup.Unavailable, "reading Soteria's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		if isAnswer != nil && isAnswer(answer) {
			return nil
		}
		return failure(resp.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("understanding Soteria's answer: %w", err)
	}
	return nil
}

// failure makes the error that the server answered with.
func failure(status int, answer []byte) error {
	var body wire.Error
	if err := json.Unmarshal(answer, &body); err != nil || body.Code == "" {
		return backup.Errorf(backup.Unavailable, "status %d from something that is not Soteria's API", status)
	}
	err := error(&backup.Error{Kind: kindOf(body.Code), Reason: backup.Reason(body.Reason), Field: body.Field, Message: body.Error})
	if body.Settle != "" {
		err = backup.WithSettle(err, body.Settle)
	}
	return err
}

// kindOf finds the kind that a code stands for. What HTTP itself ruled out was
// malformed.
func kindOf(code string) backup.Kind {
	switch code {
	case wire.CodeMethodNotAllowed, wire.CodeBodyTooLarge, wire.CodeUnsupportedMediaType:
		return backup.Invalid
	}
	for _, kind := range backup.Kinds() {
		if kind.String() == code {
			return kind
		}
	}
	return backup.Internal
}
