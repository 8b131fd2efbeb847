// Package proxy stands in front of the API and makes its answers misbehave.
package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
)

const (
	// passed marks a request that has been through: the API forwards some to itself by the address of its pod, and no
	// fault shall hit, or be counted, twice.
	passed = "X-Standin-Passed"
	// maxBody is the longest answer that is changed, in bytes.
	maxBody = 64 << 20
)

// errCut ends a body in the middle.
var errCut = errors.New("cut by a fault")

// New makes a handler that answers as the API does, apart from faults.
func New(api *url.URL, faults *fault.Set, logger *slog.Logger) http.Handler {
	h := &handler{faults: faults, logger: logger}
	h.plain = forward(api, logger)
	h.changing = forward(api, logger)
	h.changing.ModifyResponse = h.change
	return h
}

func forward(api *url.URL, logger *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(api)
			// The API writes its links with the host it is asked as, and knows by it whether a request is for itself.
			r.Out.Host = r.In.Host
			r.Out.Header.Set(passed, "1")
			// So that answers can be changed.
			r.Out.Header.Del("Accept-Encoding")
		},
		// A body that is cut is seen as far as it goes.
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

type handler struct {
	faults          *fault.Set
	logger          *slog.Logger
	plain, changing *httputil.ReverseProxy
}

// ServeHTTP delays and refuses; what reaches the API is changed on its way back.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(passed) != "" {
		h.plain.ServeHTTP(w, r)
		return
	}
	request := describe(r)
	if hit, ok := h.hits(fault.Slow, request); ok {
		select {
		case <-time.After(time.Duration(hit.Delay)):
		case <-r.Context().Done():
			return
		}
	}
	if hit, ok := h.hits(fault.Status500, request); ok {
		refuse(w, hit.Or("fault injected"))
		return
	}
	if _, ok := h.hits(fault.LargeBlock, request); ok {
		words, err := blockRefusal(r)
		if err != nil || words != "" {
			refuse(w, cmp.Or(words, fmt.Sprint(err)))
			return
		}
	}
	h.changing.ServeHTTP(w, r)
}

func describe(r *http.Request) string {
	return r.Method + " " + r.URL.RequestURI()
}

func (h *handler) hits(kind fault.Kind, request string) (fault.Fault, bool) {
	hit, ok := h.faults.Request(kind, request)
	if ok {
		h.logger.Info("a fault hits", "fault", kind, "request", request)
	}
	return hit, ok
}

// refuse answers as Longhorn does when anything but a lookup fails.
func refuse(w http.ResponseWriter, message string) {
	body, err := json.Marshal(map[string]any{
		"actions": nil, "links": nil, "type": "error", "detail": "",
		"status": http.StatusInternalServerError, "code": http.StatusText(http.StatusInternalServerError), "message": message,
	})
	if err != nil {
		panic(fmt.Sprintf("encode an error: %v", err))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(body)
}

// change applies the faults of answers.
func (h *handler) change(response *http.Response) error {
	request := describe(response.Request)
	if _, ok := h.hits(fault.APIMaster, request); ok {
		if err := rewrite(response, addNewest); err != nil {
			return err
		}
	}
	if _, ok := h.hits(fault.WrongTypes, request); ok {
		if err := rewrite(response, swapTypes); err != nil {
			return err
		}
	}
	if _, ok := h.hits(fault.Half, request); ok {
		return cut(response)
	}
	return nil
}

// rewrite changes an answer that is JSON; others stay as they are.
func rewrite(response *http.Response, change func(any) any) error {
	body, err := read(response)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) == nil {
		if body, err = json.Marshal(change(value)); err != nil {
			return fmt.Errorf("encode the changed answer: %w", err)
		}
	}
	replace(response, bytes.NewReader(body), len(body))
	return nil
}

// cut promises the whole body and sends half of it.
func cut(response *http.Response) error {
	body, err := read(response)
	if err != nil {
		return err
	}
	replace(response, io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}), len(body))
	return nil
}

type broken struct{}

// Read fails.
func (broken) Read([]byte) (int, error) {
	return 0, errCut
}

func read(response *http.Response) ([]byte, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return body, nil
}

func replace(response *http.Response, body io.Reader, length int) {
	response.Body = io.NopCloser(body)
	response.ContentLength = int64(length)
	response.Header.Set("Content-Length", strconv.Itoa(length))
	response.TransferEncoding = nil
}
