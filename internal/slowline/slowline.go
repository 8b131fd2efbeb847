package slowline

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Line is a reverse proxy with a delay. It hands requests on as they are, signatures
// and host names included. It is safe for concurrent use.
type Line struct {
	proxy *httputil.ReverseProxy
	delay atomic.Int64

	mu sync.Mutex
	// requests are counted by the address that they came from.
	requests map[string]int64
}

// New returns a line to the store at a URL such as "http://127.0.0.1:7070".
func New(target string) (*Line, error) {
	store, err := url.Parse(target)
	if err != nil || store.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a store", target)
	}
	line := &Line{requests: map[string]int64{}}
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

// Requests returns how many requests came so far, but for those from these addresses.
func (l *Line) Requests(but ...string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all int64
	for from, count := range l.requests {
		if !slices.Contains(but, from) {
			all += count
		}
	}
	return all
}

func (l *Line) count(r *http.Request) {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr // it is only told apart from others
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[from]++
}

// ServeHTTP implements [http.Handler].
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.count(r)
	timer := time.NewTimer(time.Duration(l.delay.Load()))
	defer timer.Stop()
	select {
	case <-timer.C:
		l.proxy.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}
