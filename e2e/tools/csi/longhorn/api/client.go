package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// callTimeout is how long one call may take.
	callTimeout = 30 * time.Second
	// maxAnswer is more than any volume takes.
	maxAnswer = 4 << 20
)

// ErrNotFound marks the absence of a volume.
var ErrNotFound = errors.New("no such volume in Longhorn")

// Error is a refusal of Longhorn's.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Message is what Longhorn says.
	Message string
}

// Error returns the message and the status.
func (e *Error) Error() string {
	return fmt.Sprintf("Longhorn answers %d: %s", e.Status, e.Message)
}

// Client makes calls to one Longhorn. It is safe for concurrent use.
type Client struct {
	base *url.URL
	http *http.Client
}

// New returns a client of the Longhorn at the URL, such as http://longhorn-backend:9500. It calls nobody.
func New(base string) (*Client, error) {
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("read Longhorn's URL: %w", err)
	}
	if parsed.Scheme != "http" || parsed.Host == "" {
		return nil, fmt.Errorf("read Longhorn's URL: %q is not http://HOST:PORT", base)
	}
	return &Client{base: parsed, http: &http.Client{Timeout: callTimeout}}, nil
}

// Volume returns a volume, or [ErrNotFound].
func (c *Client) Volume(ctx context.Context, name string) (Volume, error) {
	return c.volume(ctx, http.MethodGet, name, "", nil)
}

// Create makes a volume and returns it as Longhorn has it, which may be under another name.
func (c *Client) Create(ctx context.Context, volume NewVolume) (Volume, error) {
	return c.volume(ctx, http.MethodPost, "", "", volume)
}

// Delete asks for a volume to be deleted, which takes place later. One that is not there is deleted already.
func (c *Client) Delete(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodDelete, name, "", nil)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Attach adds a ticket to a volume.
func (c *Client) Attach(ctx context.Context, name string, ticket Ticket) error {
	_, err := c.call(ctx, http.MethodPost, name, "attach", map[string]any{
		"hostId": ticket.Node, "attachmentID": ticket.ID, "attacherType": AttacherCSI, "disableFrontend": false,
	})
	return err
}

// Detach takes a ticket away from a volume; all of them if the ticket names no node.
func (c *Client) Detach(ctx context.Context, name string, ticket Ticket) error {
	_, err := c.call(ctx, http.MethodPost, name, "detach", map[string]any{
		"hostId": ticket.Node, "attachmentID": ticket.ID, "forceDetach": ticket.Node == "",
	})
	return err
}

// Expand asks for a volume to grow to the size, which takes place later.
func (c *Client) Expand(ctx context.Context, name string, size Bytes) error {
	_, err := c.call(ctx, http.MethodPost, name, "expand", map[string]any{"size": size})
	return err
}

// SetAccessMode changes how many pods a volume can be used by.
func (c *Client) SetAccessMode(ctx context.Context, name, mode string) error {
	_, err := c.call(ctx, http.MethodPost, name, "updateAccessMode", map[string]any{"accessMode": mode})
	return err
}

// volume makes a call whose answer is a volume.
func (c *Client) volume(ctx context.Context, method, name, action string, body any) (Volume, error) {
	answer, err := c.call(ctx, method, name, action, body)
	if err != nil {
		return Volume{}, err
	}
	var volume Volume
	if err := json.Unmarshal(answer, &volume); err != nil {
		return Volume{}, fmt.Errorf("read what Longhorn answers about volume %q: %w", name, err)
	}
	return volume, nil
}

// call returns the body of an answer that is no refusal.
func (c *Client) call(ctx context.Context, method, name, action string, body any) ([]byte, error) {
	request, err := c.request(ctx, method, name, action, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask Longhorn: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read Longhorn's answer: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("read Longhorn's answer: it has more than %d bytes", maxAnswer)
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %q: %s", ErrNotFound, name, messageOf(answer))
	case response.StatusCode != http.StatusOK:
		return nil, &Error{Status: response.StatusCode, Message: messageOf(answer)}
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, method, name, action string, body any) (*http.Request, error) {
	target := c.base.JoinPath("v1", "volumes")
	if name != "" {
		target = target.JoinPath(url.PathEscape(name))
	}
	if action != "" {
		target.RawQuery = url.Values{"action": {action}}.Encode()
	}
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode a call to Longhorn: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), content)
	if err != nil {
		return nil, fmt.Errorf("make a call to Longhorn: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// messageOf returns what a refusal says: the message of Longhorn's form of an error, or else the text itself.
func messageOf(answer []byte) string {
	var refusal struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &refusal) == nil && refusal.Message != "" {
		return refusal.Message
	}
	const most = 1024
	return strings.TrimSpace(string(answer[:min(len(answer), most)]))
}
