package console

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// codings are the compressed forms of a file, best first, by the extensions that
// they have.
var codings = []struct{ name, extension string }{{"br", ".br"}, {"gzip", ".gz"}}

// file is one that is served, in all its forms.
type file struct {
	contentType string
	// forms are the ways to send it, best first; the last one is uncompressed.
	forms []form
}

type form struct {
	// coding is the Content-Encoding; "" for none.
	coding string
	// tag is the entity tag.
	tag  string
	body []byte
}

// readFiles reads all files of a folder but hidden ones, by their names.
func readFiles(folder fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") || isCompressed(name) {
			return err
		}
		files[name], err = readFile(folder, name)
		return err
	})
	return files, err
}

func isCompressed(name string) bool {
	for _, coding := range codings {
		if path.Ext(name) == coding.extension {
			return true
		}
	}
	return false
}

func readFile(folder fs.FS, name string) (*file, error) {
	plain, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	read := &file{contentType: mime.TypeByExtension(path.Ext(name))}
	if read.contentType == "" {
		read.contentType = http.DetectContentType(plain)
	}
	for _, coding := range codings {
		// Only what becomes smaller was compressed.
		if body, err := fs.ReadFile(folder, name+coding.extension); err == nil {
			read.forms = append(read.forms, newForm(coding.name, body))
		}
	}
	read.forms = append(read.forms, newForm("", plain))
	return read, nil
}

func newForm(coding string, body []byte) form {
	sum := sha256.Sum256(body)
	return form{coding: coding, tag: `"` + hex.EncodeToString(sum[:16]) + `"`, body: body}
}

// choose gives the best form that a client takes, by its Accept-Encoding.
func (f *file) choose(accepted []string) form {
	for _, offered := range f.forms {
		if offered.coding == "" || accepts(accepted, offered.coding) {
			return offered
		}
	}
	return f.forms[len(f.forms)-1]
}

// accepts reports whether Accept-Encoding names a coding, and not to rule it out
// (q=0). What a wildcard may stand for is not guessed.
func accepts(accepted []string, coding string) bool {
	for entry := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, parameter, weighted := strings.Cut(entry, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		_, text, _ := strings.Cut(parameter, "=")
		weight, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
		return !weighted || err == nil && weight > 0
	}
	return false
}
