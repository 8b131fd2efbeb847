package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
)

// mostKept is how large a buffer may be that is used again: a few answers are of
// megabytes.
const mostKept = 64 << 10

// writing is what an answer is written into before it is sent.
type writing struct {
	text    bytes.Buffer
	encoder *json.Encoder
}

var writings = sync.Pool{New: func() any {
	w := &writing{}
	w.encoder = json.NewEncoder(&w.text)
	return w
}}

// render answers with JSON.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, body any) {
	into := writings.Get().(*writing) //nolint:forcetypeassert // nothing else is in it
	into.text.Reset()
	if err := into.encoder.Encode(body); err != nil {
		// No type of package wire can fail to be written.
		panic(err)
	}
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(status)
	if _, err := w.Write(into.text.Bytes()); err != nil {
		s.services.Log.DebugContext(r.Context(), "the client has gone", "path", r.URL.Path, "error", err)
	}
	if into.text.Cap() <= mostKept {
		writings.Put(into)
	}
}
