package longhorntest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"
)

// lookEvery is how often a watch compares what there is with what it told.
const lookEvery = 5 * time.Millisecond

// EndWatches ends all watches, as an API server does that restarts.
func (l *Longhorn) EndWatches() { l.server.CloseClientConnections() }

// serveWatch answers a watch of custom resources with what changes from now on.
func (l *Longhorn) serveWatch(w http.ResponseWriter, r *http.Request) {
	resource := r.PathValue("resource")
	before := l.byName(resource)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	if flusher, can := w.(http.Flusher); can {
		flusher.Flush()
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		now := l.byName(resource)
		if !tell(w, before, now) {
			return
		}
		before = now
	}
}

// tell writes the events between two moments, and reports whether it could.
func tell(w http.ResponseWriter, before, now map[string]any) bool {
	event := func(kind string, object any) bool {
		return json.NewEncoder(w).Encode(map[string]any{"type": kind, "object": object}) == nil
	}
	going := true
	for name, object := range now {
		switch was, there := before[name]; {
		case !there:
			going = going && event("ADDED", object)
		case !reflect.DeepEqual(was, object):
			going = going && event("MODIFIED", object)
		}
	}
	for name, object := range before {
		if _, there := now[name]; !there {
			going = going && event("DELETED", object)
		}
	}
	if flusher, can := w.(http.Flusher); can {
		flusher.Flush()
	}
	return going
}

// byName returns the objects of a resource as they are encoded.
func (l *Longhorn) byName(resource string) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	named := make(map[string]any)
	for _, object := range l.resources(resource) {
		text, err := json.Marshal(object)
		if err != nil {
			continue // the resource's own types can be encoded
		}
		name, _ := object["metadata"].(map[string]any)["name"].(string)
		named[name] = json.RawMessage(text)
	}
	return named
}
