package httpapi

import (
	"encoding/json"
	"net/http"
)

// render answers with JSON.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		// No type of package wire can fail to be written.
		panic(err)
	}
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		s.services.Log.DebugContext(r.Context(), "the client has gone", "path", r.URL.Path, "error", err)
	}
}
