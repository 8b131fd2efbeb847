package objectstore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// pageTimeout bounds one request, its answer included.
	pageTimeout = 2 * time.Minute
	// maxPage bounds an answer. A page has up to 1000 entries, each with a key of
	// up to 1 KiB.
	maxPage = 16 << 20
	// rootWithin is how far into an answer its root element begins.
	rootWithin = 1 << 10
)

// Codes of the refusals below.
const (
	codeNotAListing = "NotAListing"
	codeNoProgress  = "NoProgress"
)

// The root elements of pages.
const (
	rootVersions = "ListVersionsResult"
	rootObjects  = "ListBucketResult"
)

// pages carries the requests of a reading and holds the store to its part:
// minio-go would take any document for an empty page, and would ask for the same
// page for ever. A refusal is an answer rather than an error, since errors are
// tried again.
type pages struct {
	next http.RoundTripper
}

// answered are the queries of the pages that came, of one listing. Its pages are
// asked for one after another.
type answered map[string]struct{}

type answeredKey struct{}

// newListing gives the context of the requests of one listing.
func newListing(ctx context.Context) context.Context {
	return context.WithValue(ctx, answeredKey{}, answered{})
}

// RoundTrip implements [http.RoundTripper].
func (p *pages) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	if isObject(query) {
		return p.next.RoundTrip(req)
	}
	came, _ := req.Context().Value(answeredKey{}).(answered)
	if _, again := came[req.URL.RawQuery]; again && isPage(query) {
		return refusal(req, http.StatusUnprocessableEntity, codeNoProgress, "the store does not say where its listing goes on"), nil
	}
	ctx, cancel := context.WithTimeout(req.Context(), pageTimeout)
	resp, err := p.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	limited := bufio.NewReaderSize(io.LimitReader(resp.Body, maxPage), rootWithin)
	resp.Body = &body{Reader: limited, closer: resp.Body, cancel: cancel}
	if !isPage(query) || resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	if refused := check(req, query, limited); refused != nil {
		_ = resp.Body.Close() // nothing more is wanted of it
		return refused, nil
	}
	if came != nil {
		came[req.URL.RawQuery] = struct{}{}
	}
	return resp, nil
}

// isPage tells pages of a listing from other requests.
func isPage(query url.Values) bool { return query.Has("versions") || query.Has("list-type") }

// isObject tells objects, which may be of any size and take any time, from what is
// asked of their bucket.
func isObject(query url.Values) bool { return !isPage(query) && !query.Has("location") }

// check refuses a page that is another document than the one asked for.
func check(req *http.Request, query url.Values, page *bufio.Reader) *http.Response {
	switch got := root(page); {
	case query.Has("versions") && got == rootVersions, !query.Has("versions") && got == rootObjects:
		return nil
	case got == rootObjects:
		return refusal(req, http.StatusNotImplemented, minio.NotImplemented, "the store does not list versions")
	default:
		return refusal(req, http.StatusUnprocessableEntity, codeNotAListing, "what answers is not an S3 store, or its answer was cut off")
	}
}

// root gives the name of a document's root element, without reading on; "" where
// there is none.
func root(page *bufio.Reader) string {
	start, _ := page.Peek(rootWithin) // an answer that ends before that is a short one
	decoder := xml.NewDecoder(bytes.NewReader(start))
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return ""
		}
		if element, found := token.(xml.StartElement); found {
			return element.Name.Local
		}
	}
}

func refusal(req *http.Request, status int, code, message string) *http.Response {
	text, err := xml.Marshal(minio.ErrorResponse{Code: code, Message: message})
	if err != nil {
		// Two texts can always be written.
		panic(err)
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Request: req, ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader(text)),
	}
}

// body is an answer's body. Closing it ends the time that the answer has.
type body struct {
	io.Reader
	closer io.Closer
	cancel context.CancelFunc
}

// Close implements [io.Closer].
func (b *body) Close() error {
	defer b.cancel()
	return b.closer.Close()
}
