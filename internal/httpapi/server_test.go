package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// start runs a server for real, on a port of its own.
func start(t *testing.T, s *httpapi.Server) (url string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	result := make(chan error, 1)
	go func() { result <- s.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), stop, result
}

func TestAServerThatStopsLetsRequestsFinish(t *testing.T) {
	w := newWorld()
	asked, settle := make(chan struct{}), make(chan struct{})
	w.answer = func(context.Context) backup.Answer {
		close(asked)
		<-settle
		return backup.ProvedNone(evidence)
	}
	url, stop, ended := start(t, w.server(func(cfg *httpapi.Config) { cfg.LookupBudget = time.Minute }))
	type result struct {
		answer wire.Existence
		err    error
	}
	got := make(chan result, 1)
	go func() {
		answer, err := client.New(url, &http.Client{Transport: &http.Transport{}}).Exists(t.Context(), photos)
		got <- result{answer, err}
	}()
	<-asked
	stop()
	require.Eventually(t, func() bool {
		return client.New(url, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Healthy(t.Context()) != nil
	}, time.Minute, time.Millisecond, "new requests are refused")
	close(settle)
	r := <-got
	require.NoError(t, r.err)
	assert.Equal(t, wire.DecisionFresh, r.answer.Decision)
	require.NoError(t, <-ended)
}

func TestAServerThatStopsCutsOffWhatDoesNotFinish(t *testing.T) {
	w := newWorld()
	asked, gone := make(chan struct{}), make(chan struct{})
	w.answer = func(ctx context.Context) backup.Answer {
		close(asked)
		<-ctx.Done()
		close(gone)
		return backup.UnknownBecause(ctx.Err())
	}
	url, stop, ended := start(t, w.server(func(cfg *httpapi.Config) { cfg.LookupBudget, cfg.Grace = time.Hour, time.Millisecond }))
	failed := make(chan error, 1)
	go func() {
		_, err := client.New(url, &http.Client{Transport: &http.Transport{}}).Exists(t.Context(), photos)
		failed <- err
	}()
	<-asked
	stop()
	require.NoError(t, <-ended)
	assert.Equal(t, backup.Unavailable, backup.KindOf(<-failed))
	<-gone
}

func TestAServerWithoutAPortSaysSo(t *testing.T) {
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	server := newWorld().server(func(cfg *httpapi.Config) { cfg.Addr = taken.Addr().String() })
	assert.ErrorContains(t, server.Start(t.Context()), "listening for HTTP")
	assert.False(t, server.NeedLeaderElection())
}

func TestAServerThatLosesItsListenerSaysSo(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	assert.ErrorContains(t, newWorld().server(nil).Serve(t.Context(), listener), "serving HTTP")
}
