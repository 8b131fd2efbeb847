//go:build e2e

package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// stubLock is the lock of every answer of the stub. Real ones differ.
const stubLock = "soteria-abcdefghij234567"

// existsAnswer is what the stub says of a claim: the claim's name picks it.
type existsAnswer struct {
	status int
	body   string
	// hangs says nothing for longer than any webhook waits.
	hangs bool
}

// proved are the two answers that let a claim through.
var proved = map[string]existsAnswer{
	"true":  {status: 200, body: existsBody(`"exists":true,"decision":"restore"`)},
	"false": {status: 200, body: existsBody(`"exists":false,"decision":"fresh"`)},
}

// unproved are all the others. "down" stands for nobody answering at all.
var unproved = map[string]existsAnswer{
	"503":               {status: 503, body: `{"exists":false,"decision":"unknown","authoritative":false,"error":"locked","lock":""}`},
	"500":               {status: 500, body: existsBody(`"exists":false,"decision":"fresh"`)},
	"404":               {status: 404, body: existsBody(`"exists":false,"decision":"fresh"`)},
	"not-json":          {status: 200, body: `<html>exists: false</html>`},
	"empty":             {status: 200},
	"empty-object":      {status: 200, body: `{}`},
	"a-list":            {status: 200, body: `[{"exists":false}]`},
	"null":              {status: 200, body: existsBody(`"exists":null,"decision":"fresh"`)},
	"string":            {status: 200, body: existsBody(`"exists":"false","decision":"fresh"`)},
	"error-set":         {status: 200, body: `{"exists":false,"decision":"fresh","authoritative":true,"error":"locked","lock":"` + stubLock + `"}`},
	"not-authoritative": {status: 200, body: `{"exists":false,"decision":"unknown","authoritative":false,"error":"","lock":""}`},
	"hang":              {hangs: true},
}

func existsBody(fields string) string {
	return `{` + fields + `,"authoritative":true,"error":"","lock":"` + stubLock + `"}`
}

// existsStub answers GET /exists/{namespace}/{pvc} in this process, where Kyverno's
// pods reach it.
type existsStub struct {
	address string
	// url is where policies are to ask, in place of Soteria's Service.
	url string

	mu     sync.Mutex
	server *http.Server
	asked  int
}

// serveExists starts a stub for as long as the scenario lasts.
func (s *scenario) serveExists() *existsStub {
	s.Helper()
	node, err := cluster.NodeAddress(s.ctx)
	require.NoError(s, err)
	stub := &existsStub{address: net.JoinHostPort(node, "0")}
	require.NoError(s, stub.start(s.ctx))
	stub.url = "http://" + stub.address
	s.after(func(context.Context) error { return stub.stop() })
	return stub
}

// start serves, at the address that it had before if it had one.
func (e *existsStub) start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", e.address)
	if err != nil {
		return fmt.Errorf("listening for Kyverno: %w", err)
	}
	e.address = listener.Addr().String()
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	e.mu.Lock()
	e.server = server
	e.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
	return nil
}

// stop has connections refused, those that are open already cut.
func (e *existsStub) stop() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("closing the stub: %w", err)
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (e *existsStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.asked++
	e.mu.Unlock()
	name := path.Base(r.URL.Path)
	answer, known := proved[name]
	if !known {
		if answer, known = unproved[name]; !known {
			http.Error(w, "the stub knows no such claim", http.StatusTeapot)
			return
		}
	}
	if answer.hangs {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_, _ = w.Write([]byte(answer.body)) // Kyverno may have given up
}

// questions tells how often the stub was asked since it was last told.
func (e *existsStub) questions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := e.asked
	e.asked = 0
	return asked
}
