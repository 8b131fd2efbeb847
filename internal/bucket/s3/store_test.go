package s3_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The keys that the store takes.
const (
	accessKeyID     = "AKIDexample0123456789"
	secretAccessKey = "wJalrXUtnFEMI/K7MDENG+secret"
)

// version is one version of an object in a store.
type version struct {
	key    string
	size   int64
	old    bool
	marker bool
}

// store is an S3 store that can be listed and nothing else.
type store struct {
	held []version
	// perPage is how many entries a page has.
	perPage int
	// fault may answer the n-th request for a page, from 0, in the store's place.
	fault func(n int, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []*http.Request
}

// start serves the store until the test ends and gives its URL.
func (s *store) start(t *testing.T) string {
	t.Helper()
	if s.perPage == 0 {
		s.perPage = 1000
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP implements [http.Handler].
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Has("location") {
		_, _ = w.Write([]byte(`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">here-1</LocationConstraint>`))
		return
	}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	switch {
	case s.fault != nil && s.fault(n, w, r):
	case !strings.Contains(r.Header.Get("Authorization"), "Credential="+accessKeyID+"/"):
		refuse(w, http.StatusForbidden, "InvalidAccessKeyId", "The key "+r.Header.Get("Authorization")+" does not exist.")
	case !strings.HasPrefix(r.URL.Path, "/backups"):
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case query.Has("versions"):
		s.listVersions(w, query)
	default:
		s.listObjects(w, query)
	}
}

func (s *store) asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

func (s *store) listVersions(w http.ResponseWriter, query url.Values) {
	held := s.below(query.Get("prefix"), true)
	from := 0
	if query.Get("key-marker") != "" {
		from, _ = strconv.Atoi(query.Get("version-id-marker"))
	}
	to := min(from+s.perPage, len(held))
	var page strings.Builder
	for i, v := range held[from:to] {
		element := "Version"
		if v.marker {
			element = "DeleteMarker"
		}
		fmt.Fprintf(&page, "<%s><Key>%s</Key><VersionId>%d</VersionId><IsLatest>%t</IsLatest><Size>%d</Size></%s>",
			element, url.QueryEscape(v.key), from+i, !v.old, v.size, element)
	}
	if to < len(held) {
		fmt.Fprintf(&page, "<NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>%d</NextVersionIdMarker>", url.QueryEscape(held[to].key), to)
	}
	write(w, "ListVersionsResult", to < len(held), page.String())
}

func (s *store) listObjects(w http.ResponseWriter, query url.Values) {
	held := s.below(query.Get("prefix"), false)
	from, _ := strconv.Atoi(query.Get("continuation-token"))
	to := min(from+s.perPage, len(held))
	var page strings.Builder
	for _, v := range held[from:to] {
		fmt.Fprintf(&page, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", url.QueryEscape(v.key), v.size)
	}
	if to < len(held) {
		fmt.Fprintf(&page, "<NextContinuationToken>%d</NextContinuationToken>", to)
	}
	write(w, "ListBucketResult", to < len(held), page.String())
}

func (s *store) below(prefix string, versions bool) []version {
	var held []version
	for _, v := range s.held {
		if strings.HasPrefix(v.key, prefix) && (versions || !v.old && !v.marker) {
			held = append(held, v)
		}
	}
	return held
}

func write(w http.ResponseWriter, root string, truncated bool, page string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>backups</Name><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>%s</%s>`,
		root, truncated, page, root)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	text, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: message})
	_, _ = w.Write(text)
}
