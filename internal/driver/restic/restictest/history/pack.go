package history

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"
)

const (
	// root is the folder that is backed up, and file the one file in it.
	root = "data"
	file = "story"
	// fileSize is how large the file is.
	fileSize = 64
)

// id is a hash, and the name of what has it.
type id [sha256.Size]byte

func idOf(content []byte) id { return sha256.Sum256(content) }

// String returns the id as it is in names of files.
func (i id) String() string { return hex.EncodeToString(i[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (i id) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// node is an entry of a folder.
type node struct {
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Mode    uint32    `json:"mode"`
	Time    time.Time `json:"mtime"`
	Size    int       `json:"size,omitempty"`
	Links   int       `json:"links,omitempty"`
	Content []id      `json:"content"`
	Subtree *id       `json:"subtree,omitempty"`
}

// folderMode is the mode of a folder as Go, and so restic, has it.
const folderMode = 1<<31 | 0o755

// blob is a part of a pack. The types are named and numbered by the format.
type blob struct {
	ID     id     `json:"id"`
	Type   string `json:"type"`
	Offset int    `json:"offset"`
	Length int    `json:"length"`
}

var blobTypes = map[string]byte{"data": 0, "tree": 1}

// pack is a pack in an index.
type pack struct {
	ID    id     `json:"id"`
	Blobs []blob `json:"blobs"`
}

// change writes what a backup leaves that found the file changed, and returns the
// snapshot's tree.
func (r *repository) change(content string, at time.Time) (id, error) {
	text := fmt.Appendf(nil, "%-*.*s", fileSize, fileSize, content)
	data := idOf(text)
	inner, err := tree(node{Name: file, Type: "file", Mode: 0o644, Time: at, Size: fileSize, Links: 1, Content: []id{data}})
	if err != nil {
		return id{}, err
	}
	folder := idOf(inner)
	outer, err := tree(node{Name: root, Type: "dir", Mode: folderMode, Time: at, Subtree: &folder})
	if err != nil {
		return id{}, err
	}
	var packs []pack
	for kind, blobs := range map[string][][]byte{"data": {text}, "tree": {inner, outer}} {
		p, err := r.pack(kind, blobs)
		if err != nil {
			return id{}, err
		}
		packs = append(packs, p)
	}
	return idOf(outer), r.sealed("index", map[string]any{"packs": packs})
}

// tree is a folder's blob: JSON with a line end.
func tree(entry node) ([]byte, error) {
	text, err := json.Marshal(map[string][]node{"nodes": {entry}})
	if err != nil {
		return nil, fmt.Errorf("writing a tree: %w", err)
	}
	return append(text, '\n'), nil
}

// pack writes blobs of one type into a pack: the blobs, then what they are, encrypted,
// then how long that is.
func (r *repository) pack(kind string, blobs [][]byte) (pack, error) {
	var p pack
	var content, header []byte
	for _, plain := range blobs {
		sealed, err := r.master.Seal(plain)
		if err != nil {
			return p, err
		}
		b := blob{ID: idOf(plain), Type: kind, Offset: len(content), Length: len(sealed)}
		p.Blobs = append(p.Blobs, b)
		content = append(content, sealed...)
		header = append(header, blobTypes[kind])
		header = binary.LittleEndian.AppendUint32(header, uint32(b.Length))
		header = append(header, b.ID[:]...)
	}
	sealed, err := r.master.Seal(header)
	if err != nil {
		return p, err
	}
	content = append(content, sealed...)
	content = binary.LittleEndian.AppendUint32(content, uint32(len(sealed)))
	p.ID = idOf(content)
	name := p.ID.String()
	return p, r.put(filepath.Join("data", name[:2], name), content)
}
