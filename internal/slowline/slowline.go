package slowline

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// Line is a reverse proxy with a delay. It hands requests on as they are, signatures
// and host names included. It is safe for concurrent use.
type Line struct {
	proxy    *httputil.ReverseProxy
	delay    atomic.Int64
	requests atomic.Int64
}

// New returns a line to the store at a URL such as "http://127.0.0.1:7070".
func New(target string) (*Line, error) {
	store, err := url.Parse(target)
	if err != nil || store.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a store", target)
	}
	line := &Line{}
	line.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(store)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		FlushInterval: -1,
	}
	return line, nil
}

// Delay has each request wait that long before it is handed on: a round trip to the
// store takes as much longer.
func (l *Line) Delay(roundTrip time.Duration) { l.delay.Store(int64(roundTrip)) }

// Requests returns how many requests came so far.
func (l *Line) Requests() int64 { return l.requests.Load() }

// ServeHTTP implements [http.Handler].
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.requests.Add(1)
	timer := time.NewTimer(time.Duration(l.delay.Load()))
	defer timer.Stop()
	select {
	case <-timer.C:
		l.proxy.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}
