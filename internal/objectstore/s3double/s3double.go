package s3double

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Bucket is the name of the bucket.
const Bucket = "backups"

// page is how many entries a listing has at most, as in S3.
const page = 1000

// Server is an S3 server that lists one bucket.
type Server struct {
	// Host is its address, host:port.
	Host string

	requests atomic.Int64
	latency  atomic.Int64

	mu   sync.RWMutex
	keys []string
}

// Start starts a server that holds these keys. It is stopped when the test ends.
func Start(t testing.TB, keys ...string) *Server {
	t.Helper()
	s := &Server{keys: slices.Sorted(slices.Values(keys))}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Host = server.Listener.Addr().String()
	return s
}

// Requests returns how many requests were made so far.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Delay has each answer wait that long, as a line to the store has it.
func (s *Server) Delay(latency time.Duration) { s.latency.Store(int64(latency)) }

// Put adds keys, or changes nothing where they are there.
func (s *Server) Put(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(slices.Clone(s.keys), keys...)
	slices.Sort(all)
	s.keys = slices.Compact(all)
}

// Remove removes keys.
func (s *Server) Remove(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.DeleteFunc(slices.Clone(s.keys), func(key string) bool { return slices.Contains(keys, key) })
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	time.Sleep(time.Duration(s.latency.Load()))
	query := r.URL.Query()
	bucket, object, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method != http.MethodGet || object != "":
		answer(w, http.StatusNotImplemented, failure{Code: "NotImplemented", Message: "the double only lists"})
	case bucket != Bucket:
		answer(w, http.StatusNotFound, failure{Code: "NoSuchBucket", Message: "no such bucket"})
	case query.Has("location"):
		answer(w, http.StatusOK, location{})
	default:
		limit, err := strconv.Atoi(query.Get("max-keys"))
		if err != nil || limit <= 0 || limit > page {
			limit = page
		}
		after := max(query.Get("start-after"), query.Get("continuation-token"))
		answer(w, http.StatusOK, s.list(query.Get("prefix"), query.Get("delimiter"), after, limit))
	}
}

// list returns a page of the keys that begin with prefix and come after another one.
// Keys that have the delimiter behind the prefix are one entry.
func (s *Server) list(prefix, delimiter, after string, limit int) listing {
	s.mu.RLock()
	defer s.mu.RUnlock()
	result := listing{Name: Bucket, Prefix: prefix, Delimiter: delimiter, MaxKeys: limit}
	at, _ := slices.BinarySearch(s.keys, prefix)
	if after != "" {
		at = max(at, s.following(after, delimiter))
	}
	for at < len(s.keys) && strings.HasPrefix(s.keys[at], prefix) {
		if result.KeyCount == limit {
			result.IsTruncated = true
			return result
		}
		result.KeyCount++
		key := s.keys[at]
		if end := strings.Index(key[len(prefix):], delimiter); delimiter != "" && end >= 0 {
			folder := key[:len(prefix)+end+len(delimiter)]
			result.CommonPrefixes = append(result.CommonPrefixes, common{folder})
			result.NextContinuationToken = folder
			at = s.following(folder, delimiter)
			continue
		}
		result.Contents = append(result.Contents, content{Key: key, LastModified: modified, Size: 1, ETag: `"0"`, StorageClass: "STANDARD"})
		result.NextContinuationToken = key
		at++
	}
	result.NextContinuationToken = ""
	return result
}

// following returns the index of the first key after a token: a key, or a folder,
// which ends with the delimiter and of which no key is left.
func (s *Server) following(token, delimiter string) int {
	isFolder := delimiter != "" && strings.HasSuffix(token, delimiter)
	at, found := slices.BinarySearch(s.keys, token)
	if found && !isFolder {
		return at + 1
	}
	if !isFolder {
		return at
	}
	// No byte of a key in UTF-8 is 0xff.
	at, _ = slices.BinarySearch(s.keys, token+"\xff")
	return at
}

// modified is when all the objects were written.
const modified = "2026-03-01T12:00:00.000Z"

// The documents of S3's API, as far as they are answered:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
type (
	listing struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name                  string
		Prefix                string
		Delimiter             string `xml:",omitempty"`
		MaxKeys               int
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
		CommonPrefixes        []common
	}
	content struct {
		Key          string
		LastModified string
		ETag         string
		Size         int
		StorageClass string
	}
	common   struct{ Prefix string }
	location struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}
	failure struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
)

func answer(w http.ResponseWriter, status int, document any) {
	text, err := xml.Marshal(document)
	if err != nil {
		panic(err) // these types can always be written
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), text...)) //nolint:gosec // it is XML that was escaped; the client may have gone
}
