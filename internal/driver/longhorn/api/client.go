package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

// The bounds of a call.
const (
	// DefaultTimeout is how long one try of a call may take.
	DefaultTimeout = 15 * time.Second
	// maxAnswer bounds an answer. A volume is about 8 KB, so this is thousands.
	maxAnswer = 64 << 20
	// tries is how often a call that only reads is tried.
	tries = 3
	// firstPause is the pause before the second try; each one after it is twice
	// as long.
	firstPause = 200 * time.Millisecond
)

// userAgent is sent with each call. One that holds "mozilla" gets HTML.
const userAgent = "soteria"

// Options are what a client may be told. The zero value is ready for use.
type Options struct {
	// Timeout bounds one try of a call. Default: [DefaultTimeout].
	Timeout time.Duration
	// Clock measures the pauses between tries; nil is the real one.
	Clock clock.WithTicker
	// Observe wraps what calls go through, to look at the answers of the API; nil
	// wraps nothing.
	Observe func(next http.RoundTripper) http.RoundTripper
}

// Client calls one Longhorn. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	timeout time.Duration
	clock   clock.WithTicker
}

// ParseURL checks the address of a Longhorn API, such as
// http://longhorn-backend.longhorn-system.svc:9500, and gives it in the form
// that calls are appended to. A path /v1 at its end is taken off. The error is of
// kind Invalid.
func ParseURL(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", backup.Errorf(backup.Invalid, "it is not a URL")
	case u.User != nil:
		// The address itself is not quoted: it holds what looks like a password.
		return "", backup.Errorf(backup.Invalid, "it holds a user, but Longhorn's API knows none")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "", backup.Errorf(backup.Invalid, "%.100q is not of the form http://<host>:<port>", address)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", backup.Errorf(backup.Invalid, "%.100q has more than a host and a path", address)
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1")
	return u.String(), nil
}

// New makes a client of the API at this address, see [ParseURL].
func New(address string, options Options) (*Client, error) {
	base, err := ParseURL(address)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, timeout: cmp.Or(options.Timeout, DefaultTimeout), clock: options.Clock}
	if c.clock == nil {
		c.clock = clock.RealClock{}
	}
	// A proxy of the environment's is for the world outside the cluster.
	var transport http.RoundTripper = &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute}
	if options.Observe != nil {
		transport = options.Observe(transport)
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// call is one call of the API.
type call struct {
	// what says in words what is being done, for errors.
	what   string
	method string
	// path is below /v1, its parts escaped; action is that of a POST, or "".
	path   string
	action string
	// body is sent as JSON; nil sends none.
	body any
	// reads is true when the call changes nothing, so that it may be repeated.
	reads bool
}

// do makes the call and reads the answer into result, which may be nil where
// none is expected.
func (c *Client) do(ctx context.Context, call call, result any) error {
	pause := firstPause
	for try := 1; ; try++ {
		again, err := c.try(ctx, call, result)
		if err == nil {
			return nil
		}
		if !again || !call.reads || try == tries || ctx.Err() != nil || !c.sleep(ctx, pause) {
			return backup.Errorf(backup.KindOf(err), "Longhorn, %s: %w", call.what, err)
		}
		pause *= 2
	}
}

// sleep waits and reports whether ctx is still going on.
func (c *Client) sleep(ctx context.Context, pause time.Duration) bool {
	timer := c.clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// try makes the call once. It reports whether another try may fare better.
func (c *Client) try(ctx context.Context, call call, result any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := c.request(ctx, call)
	if err != nil {
		return false, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return true, unreachable(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return true, backup.Errorf(backup.Unavailable, "the answer broke off after %d bytes: %w", len(body), err)
	case response.StatusCode != http.StatusOK:
		return response.StatusCode >= http.StatusInternalServerError, refusal(response.StatusCode, response.Header, body)
	case result == nil:
		return false, nil
	case len(body) > maxAnswer:
		return false, backup.Errorf(backup.Unavailable, "the answer is larger than %d MiB", maxAnswer>>20)
	}
	if err := json.Unmarshal(body, result); err != nil {
		return false, misunderstood(body, err)
	}
	return false, nil
}

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	address := c.base + "/v1/" + call.path
	if call.action != "" {
		address += "?action=" + call.action
	}
	var body io.Reader
	if call.body != nil {
		encoded, err := json.Marshal(call.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// unreachable takes the method and the address off an error, which the call's
// own words say better.
func unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return backup.Errorf(backup.Unavailable, "no answer: %w", err)
}

// misunderstood is the error for an answer of success that is not what was asked
// for.
func misunderstood(body []byte, err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return backup.Errorf(backup.Unavailable, "the answer was not understood: field %q is %s", wrongType.Field, wrongType.Value)
	}
	const shown = 120
	return backup.Errorf(backup.Unavailable, "the answer was not understood (%w): %s", err, clip(string(body[:min(len(body), shown)])))
}

// list is how answers carry many objects. Data is never absent, not even when
// there are none.
type list[T entry] struct {
	Data *[]T `json:"data"`
}

// entry is an object of a list.
type entry interface{ key() string }

// doList makes a call whose answer is a list of objects that have names.
func doList[T entry](ctx context.Context, c *Client, call call) ([]T, error) {
	var answer list[T]
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Data == nil {
		return nil, backup.Errorf(backup.Unavailable, "Longhorn, %s: the answer holds no list", call.what)
	}
	for _, object := range *answer.Data {
		if object.key() == "" {
			return nil, backup.Errorf(backup.Unavailable, "Longhorn, %s: the answer holds an object without a name", call.what)
		}
	}
	return *answer.Data, nil
}

// checkName refuses what cannot be an object's name, before it becomes part of a
// path.
func checkName(what, name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return backup.Errorf(backup.Invalid, "%.100q cannot be the name of a %s of Longhorn's", name, what)
	}
	return nil
}

// checkAnswer refuses an answer that is about something else than was asked for.
func checkAnswer(call call, asked, answered string) error {
	if asked != answered {
		return backup.Errorf(backup.Unavailable, "Longhorn, %s: the answer is about %.100q", call.what, answered)
	}
	return nil
}
