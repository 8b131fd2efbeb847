package kopia

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/blob/sharded"

	"github.com/soteria-dr/soteria/internal/backup"
)

// folder is a store in a folder. Which blob is in which file is kopia's to know.
type folder struct {
	sharded.Storage
	path string
}

func newFolder(path string) *folder {
	return &folder{path: path, Storage: sharded.New(files{}, path, sharded.Options{}, false)}
}

// Where implements [store].
func (f *folder) Where() string { return f.path }

// files reads files for [sharded.Storage] and refuses to write any.
type files struct{}

var _ sharded.Impl = files{}

// GetBlobFromPath implements [sharded.Impl].
func (files) GetBlobFromPath(ctx context.Context, _, path string, offset, length int64, output blob.OutputBuffer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	output.Reset()
	file, err := os.Open(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return blob.ErrBlobNotFound
	}
	if err != nil {
		return unreadable(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if length < 0 {
		_, err = io.Copy(output, file)
		return unreadable(err)
	}
	if _, err = io.Copy(output, io.NewSectionReader(file, offset, length)); err != nil {
		return unreadable(err)
	}
	if int64(output.Length()) != length {
		return backup.Errorf(backup.Unavailable, "%s is cut off: it ends before byte %d", path, offset+length)
	}
	return nil
}

// ReadDir implements [sharded.Impl].
func (files) ReadDir(ctx context.Context, path string) ([]fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, unreadable(err)
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return nil, unreadable(err)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// GetMetadataFromPath implements [sharded.Impl]. Nothing that is called asks for
// it.
func (files) GetMetadataFromPath(context.Context, string, string) (blob.Metadata, error) {
	return blob.Metadata{}, errReadOnly
}

// PutBlobInPath implements [sharded.Impl]. Kopia would put down how it shards
// where that is missing, and goes on without.
func (files) PutBlobInPath(context.Context, string, string, blob.Bytes, blob.PutOptions) error {
	return errReadOnly
}

// DeleteBlobInPath implements [sharded.Impl].
func (files) DeleteBlobInPath(context.Context, string, string) error { return errReadOnly }

// unreadable gives an error of a file or folder its kind. The errors of package
// os name the path.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return backup.Errorf(backup.Unavailable, "reading the repository: %w", err)
}
