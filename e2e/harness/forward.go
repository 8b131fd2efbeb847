package harness

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"time"

	"github.com/soteria-dr/soteria/internal/httpapi/client"
)

// forwarding is how kubectl tells which port it listens at.
var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) ->`)

const (
	// answersWithin bounds a call of Soteria's API.
	answersWithin = time.Minute
	// patience is how long Soteria is asked again what it cannot tell.
	patience = answersWithin / 2
)

// API is a way to the HTTP API of one replica, as a user has it who forwards a
// port. Every request carries the header. It lasts until the given function is
// called, which must be, or the replica ends.
func (c *Cluster) API(ctx context.Context, header http.Header) (api *client.Client, end func() error, err error) {
	return c.forward(ctx, "svc/"+soteriaName, header)
}

// ReplicaAPI is [Cluster.API] to one replica, by the name of its pod.
func (c *Cluster) ReplicaAPI(ctx context.Context, pod string) (api *client.Client, end func() error, err error) {
	return c.forward(ctx, "pod/"+pod, nil)
}

func (c *Cluster) forward(ctx context.Context, target string, header http.Header) (api *client.Client, end func() error, err error) {
	address, end, err := c.port(ctx, target)
	if err != nil {
		return nil, nil, err
	}
	transport := withHeader{header: header, next: patient{next: http.DefaultTransport.(*http.Transport).Clone()}}
	return client.New(address, &http.Client{Transport: transport, Timeout: answersWithin}), end, nil
}

// Port is a way to the HTTP port of one replica, for requests that the client does
// not send: the URL that it is at, until the given function is called.
func (c *Cluster) Port(ctx context.Context) (address string, end func() error, err error) {
	return c.port(ctx, "svc/"+soteriaName)
}

func (c *Cluster) port(ctx context.Context, target string) (address string, end func() error, err error) {
	command := c.command(ctx, "", "port-forward", "-n", SoteriaNamespace, target, ":8080")
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("forwarding a port to Soteria: %w", err)
	}
	if err := command.Start(); err != nil {
		return "", nil, fmt.Errorf("forwarding a port to Soteria: %w", err)
	}
	end = func() error { return stop(command) }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if match := forwarding.FindStringSubmatch(lines.Text()); match != nil {
			return "http://" + match[1], end, nil
		}
	}
	return "", nil, fmt.Errorf("forwarding a port to Soteria: kubectl ended: %w", end())
}

// stop ends a program that was to run until now.
func stop(command *exec.Cmd) error {
	if err := command.Process.Kill(); err != nil {
		return fmt.Errorf("ending kubectl: %w", err)
	}
	_ = command.Wait() // it was killed
	return nil
}

// withHeader sends every request with a header.
type withHeader struct {
	header http.Header
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (w withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range w.header {
		r.Header[name] = values
	}
	return w.next.RoundTrip(r)
}

// patient repeats requests that are answered with 503 for a while: nothing was
// done, and on a busy machine a listing may take longer than a request waits.
type patient struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for began := time.Now(); ; {
		resp, err := p.next.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || time.Since(began) > patience {
			return resp, err
		}
		_ = resp.Body.Close() // its answer is not wanted
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(lookEvery):
		}
		if r.GetBody == nil {
			continue
		}
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
}
