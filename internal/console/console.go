package console

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// built is what pack.mjs made, and a file that Git keeps the folder by.
//
//go:embed all:dist
var built embed.FS

//go:embed placeholder
var placeholder embed.FS

const (
	indexName = "index.html"
	// assets is the folder of the files that have a hash of their content in
	// their names.
	assets = "assets/"
)

// policy lets a page run and fetch what Soteria itself serves, and nothing that
// is written into a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Console serves the files of the console and, at every path that is no file's,
// the page that finds its way by itself. It is safe for concurrent use.
type Console struct {
	files map[string]*file
}

// New makes the console that was built in, or the page that stands in for it.
func New() (*Console, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("opening the console's files: %w", err)
	}
	if _, err := fs.Stat(dist, indexName); err == nil {
		return open(dist)
	}
	standIn, err := fs.Sub(placeholder, "placeholder")
	if err != nil {
		return nil, fmt.Errorf("opening the console's placeholder: %w", err)
	}
	return open(standIn)
}

// open reads a folder, which must have an index.html.
func open(folder fs.FS) (*Console, error) {
	files, err := readFiles(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the console's files: %w", err)
	}
	if files[indexName] == nil {
		return nil, fmt.Errorf("reading the console's files: %w: %s", fs.ErrNotExist, indexName)
	}
	return &Console{files: files}, nil
}

// ServeHTTP answers GET and HEAD.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	name := strings.TrimPrefix(r.URL.Path, "/")
	served, found := c.files[name]
	switch {
	case !found && ofAFile(name):
		h.Set("Cache-Control", "no-store")
		http.Error(w, "There is no such file; a newer Soteria may have taken its place. Load the page anew.", http.StatusNotFound)
		return
	case !found:
		served, name = c.files[indexName], indexName
	}
	// What has its hash in its name never changes. The rest is asked for each
	// time, and sent only if it has changed.
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, assets) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", served.contentType)
	h.Add("Vary", "Accept-Encoding")
	chosen := served.choose(r.Header.Values("Accept-Encoding"))
	if chosen.coding != "" {
		h.Set("Content-Encoding", chosen.coding)
	}
	h.Set("Etag", chosen.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(chosen.body))
}

// ofAFile reports whether a path can only be a file's: below assets/, or in the
// root with an extension. A claim's name, which may have a dot, is further down.
func ofAFile(name string) bool {
	return strings.HasPrefix(name, assets) || !strings.Contains(name, "/") && path.Ext(name) != ""
}
