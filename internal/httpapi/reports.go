package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
)

// Reports are the answers about all claims at once. They are written once, when
// they are published, and only copied to each request. It is safe for concurrent
// use.
type Reports struct {
	inventory, plan atomic.Pointer[document]
}

// document is an answer that is written already.
type document struct {
	body []byte
	// tag is the entity tag: the same for the same body alone.
	tag string
}

// Publish puts an inventory and its plan in the place of the last ones. It is an
// [inventory.Publish].
func (p *Reports) Publish(known *inventory.Inventory, plan *inventory.Plan) {
	p.inventory.Store(newDocument(inventoryReport(known)))
	p.plan.Store(newDocument(planReport(plan)))
}

func newDocument(body any) *document {
	text, err := json.Marshal(body)
	if err != nil {
		// No type of package wire can fail to be written.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return &document{body: append(text, '\n'), tag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

func (s *Server) reportRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/inventory", handle: s.report(func(p *Reports) *document { return p.inventory.Load() }),
		summary: "How well every claim is backed up",
		answers: answers{http.StatusOK: wire.Inventory{}},
	}, {
		method: http.MethodGet, path: "/v1/plan", handle: s.report(func(p *Reports) *document { return p.plan.Load() }),
		summary: "What would become of every claim if the cluster were rebuilt now",
		answers: answers{http.StatusOK: wire.Plan{}},
	}}
}

// report answers with one of the reports. A client that has it already is told
// so: reports change at intervals, and consoles ask all the time.
func (s *Server) report(of func(*Reports) *document) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		latest := of(s.services.Reports)
		if latest == nil {
			s.fail(w, r, inventory.NotYet())
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Etag", latest.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(latest.body))
	}
}
