package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type panics struct {
	Observer
	counted atomic.Int32
}

func (p *panics) Panicked() { p.counted.Add(1) }

func TestAPanicHalfWayThroughAnAnswerCutsTheConnection(t *testing.T) {
	observer := &panics{}
	s := &Server{services: Services{Observer: observer, Log: slog.New(slog.DiscardHandler)}}
	server := httptest.NewServer(s.logged(s.recovered(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, `{"exists":false`)
		assert.NoError(t, err)
		assert.NoError(t, http.NewResponseController(w).Flush())
		panic("half way")
	}))))
	defer server.Close()

	resp, err := http.Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "nobody takes half an answer for a whole one")
	assert.EqualValues(t, 1, observer.counted.Load())
}
