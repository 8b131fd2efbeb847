package store_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
	"github.com/soteria-dr/soteria/internal/objectstore/s3double"
)

// oddStore is an S3 store with the config of a repository, and with a way of its own.
type oddStore struct {
	*s3double.Server
	way func(http.ResponseWriter, *http.Request, *s3double.Server)
}

func (o *oddStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) == "config" {
		w.Header().Set("Last-Modified", "Mon, 30 Nov 2026 12:00:00 GMT")
		_, _ = io.WriteString(w, "the config")
		return
	}
	o.way(w, r, o.Server)
}

func asS3(w http.ResponseWriter, r *http.Request, s *s3double.Server) { s.ServeHTTP(w, r) }

func fromTheStart(w http.ResponseWriter, r *http.Request, s *s3double.Server) {
	query := r.URL.Query()
	query.Del("start-after")
	r.URL.RawQuery = query.Encode()
	s.ServeHTTP(w, r)
}

// inNoOrder returns the way of a store that begins where it is asked to, in an order of
// its own.
func inNoOrder(keys func() []string) func(http.ResponseWriter, *http.Request, *s3double.Server) {
	return func(w http.ResponseWriter, r *http.Request, s *s3double.Server) {
		if !r.URL.Query().Has("list-type") {
			s.ServeHTTP(w, r)
			return
		}
		var entries strings.Builder
		for _, key := range slices.Backward(keys()) {
			if key > r.URL.Query().Get("start-after") {
				_, _ = fmt.Fprintf(&entries, "<Contents><Key>%s</Key><Size>1</Size></Contents>", key)
			}
		}
		_, _ = fmt.Fprintf(w, "<ListBucketResult><Name>%s</Name>%s</ListBucketResult>", s3double.Bucket, entries.String())
	}
}

func TestALookSeesAllOfALargeRepositoryWhateverTheStoresWay(t *testing.T) {
	var names []string
	for n := range 2500 {
		names = append(names, id(10*n))
	}
	changes := []struct {
		what string
		do   func([]string) []string
	}{
		{"the same", func(names []string) []string { return names }},
		{"one more at the beginning", func(names []string) []string { return append(names, id(1)) }},
		{"one more at the end", func(names []string) []string { return append(names, id(99_999)) }},
		{"many more in the middle", func(names []string) []string {
			for n := range 1500 {
				names = append(names, id(12_000+n))
			}
			slices.Sort(names)
			return slices.Compact(names)
		}},
		{"the ends of spans gone", func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool { return name == id(9890) || name == id(12_000) })
		}},
		{"few left", func(names []string) []string { return names[len(names)-3:] }},
		{"many again", func([]string) []string { return names }},
	}
	var held []string
	keys := func() []string {
		keys := make([]string, 0, len(held))
		for _, name := range held {
			keys = append(keys, "cluster/snapshots/"+name)
		}
		return keys
	}
	for way, answers := range map[string]func(http.ResponseWriter, *http.Request, *s3double.Server){
		"as S3": asS3, "it lists from the start always": fromTheStart, "it lists in no order": inNoOrder(keys),
	} {
		t.Run(way, func(t *testing.T) {
			odd := &oddStore{Server: s3double.Start(t), way: answers}
			server := httptest.NewServer(odd)
			defer server.Close()
			opened, err := store.Open(cli.Location{Kind: cli.S3, Text: "s3:" + server.URL + "/" + s3double.Bucket + "/cluster"}, credentials(), "", nil)
			require.NoError(t, err)
			defer opened.Close()
			held = slices.Clone(names)
			for _, change := range changes {
				odd.Remove(keys()...)
				held = change.do(slices.Clone(held))
				odd.Put(keys()...)
				for range 2 { // spans are cut by the look before
					now, err := opened.Look(t.Context())
					require.NoError(t, err, change.what)
					require.Equal(t, slices.Sorted(slices.Values(held)), now.Snapshots, change.what)
				}
			}
		})
	}
}

// TestALargeRepositoryIsListedInSpans looks at a real S3 server that is asked for each
// thousand names at once.
func TestALargeRepositoryIsListedInSpans(t *testing.T) {
	s := shelves["an S3 store"](t)
	s.write(t, "config", "the first")
	for n := range 2500 {
		s.write(t, "snapshots/"+id(n), "x")
	}
	var count atomic.Int64
	var spans sync.Map
	opened := s.open(t, func(_ string, next http.RoundTripper) http.RoundTripper {
		return counted{roundTrip(func(r *http.Request) (*http.Response, error) {
			if query := r.URL.Query(); query.Has("list-type") && !query.Has("continuation-token") {
				spans.Store(path.Base(query.Get("start-after")), true)
			}
			return next.RoundTrip(r)
		}), &count}
	})
	first, err := opened.Look(t.Context())
	require.NoError(t, err)
	require.Len(t, first.Snapshots, 2500)
	count.Store(0)
	again, err := opened.Look(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.EqualValues(t, 4, count.Load(), "three spans and the config")
	for _, after := range []string{id(989), id(1979)} {
		_, asked := spans.Load(after)
		assert.True(t, asked, "a span begins after %s", after)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
