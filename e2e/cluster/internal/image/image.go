package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// File is a file of an image. Without From, Content or Link it is a folder.
type File struct {
	// Path is absolute, in the image.
	Path string
	// From is the file on this machine with the content.
	From string
	// Content is the content itself.
	Content []byte
	// Link is what a symbolic link points to.
	Link string
	// Mode holds the permissions and the setuid, setgid and sticky bits.
	// Zero means 0755 for folders and programs from this machine, else 0644.
	Mode fs.FileMode
	// UID and GID own the file.
	UID, GID int
}

// Image describes an image of a single layer.
type Image struct {
	Files  []File
	Config v1.Config
}

// Build makes the image.
func (i Image) Build() (v1.Image, error) {
	files := withParents(i.Files)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { _ = w.CloseWithError(writeLayer(w, files)) }()
		return r, nil
	}, tarball.WithCompressionLevel(gzip.NoCompression))
	if err != nil {
		return nil, fmt.Errorf("make layer: %w", err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, fmt.Errorf("add layer: %w", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read image configuration: %w", err)
	}
	file = file.DeepCopy()
	file.Config = i.Config
	file.OS, file.Architecture = runtime.GOOS, runtime.GOARCH
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, fmt.Errorf("set image configuration: %w", err)
	}
	return img, nil
}

// withParents adds the folders that are missing, sorts by path, and lets the
// last of several files of one path win.
func withParents(files []File) []File {
	byPath := map[string]File{}
	for _, f := range files {
		f.Path = path.Clean("/" + f.Path)
		byPath[f.Path] = f
	}
	for _, f := range files {
		for dir := path.Dir(path.Clean("/" + f.Path)); dir != "/"; dir = path.Dir(dir) {
			if _, there := byPath[dir]; !there {
				byPath[dir] = File{Path: dir}
			}
		}
	}
	delete(byPath, "/")
	all := make([]File, 0, len(byPath))
	for _, f := range byPath {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func writeLayer(w io.Writer, files []File) error {
	tw := tar.NewWriter(w)
	for _, f := range files {
		if err := f.write(tw); err != nil {
			return fmt.Errorf("add %s to the layer: %w", f.Path, err)
		}
	}
	return tw.Close()
}

func (f File) write(tw *tar.Writer) error {
	header := &tar.Header{
		Name:   strings.TrimPrefix(f.Path, "/"),
		Uid:    f.UID,
		Gid:    f.GID,
		Format: tar.FormatPAX,
	}
	var content io.Reader = bytes.NewReader(nil)
	mode := fs.FileMode(0o755)
	switch {
	case f.Link != "":
		header.Typeflag, header.Linkname, mode = tar.TypeSymlink, f.Link, 0o777
	case f.From != "":
		file, err := os.Open(f.From)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		header.Typeflag, header.Size, content = tar.TypeReg, info.Size(), file
		if info.Mode()&0o111 == 0 {
			mode = 0o644
		}
	case f.Content != nil:
		header.Typeflag, header.Size, content = tar.TypeReg, int64(len(f.Content)), bytes.NewReader(f.Content)
		mode = 0o644
	default:
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
	}
	if f.Mode != 0 {
		mode = f.Mode
	}
	header.Mode = tarMode(mode)
	if err := tw.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(tw, content)
	return err
}

func tarMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			mode |= value
		}
	}
	return mode
}
