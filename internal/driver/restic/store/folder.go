package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/soteria-dr/soteria/internal/backup"
)

// folder is a repository in a folder of this machine, which may be a share.
type folder struct {
	path string
	// turn is held by the one reading that is under way. A share that hangs keeps it,
	// and with it one goroutine, until the kernel gives the reading up.
	turn chan struct{}
}

func newFolder(path string) *folder { return &folder{path: path, turn: make(chan struct{}, 1)} }

func (f *folder) names(ctx context.Context, folder string, each func(string)) error {
	entries, err := inTurn(ctx, f, func() ([]os.DirEntry, error) { return os.ReadDir(filepath.Join(f.path, folder)) })
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			return backup.Errorf(backup.Unavailable, "reading the repository in %s: %s/%.80q is a folder", f.path, folder, entry.Name())
		}
		each(entry.Name())
	}
	return nil
}

func (f *folder) config(ctx context.Context) ([]byte, error) {
	return inTurn(ctx, f, func() ([]byte, error) {
		file, err := os.Open(filepath.Join(f.path, "config"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		return io.ReadAll(io.LimitReader(file, maxConfig+1))
	})
}

// inTurn reads something of a folder, and stops waiting for it when ctx ends. A folder
// or a file that is not there is an error: the share may not be mounted.
func inTurn[T any](ctx context.Context, f *folder, read func() (T, error)) (T, error) {
	var none T
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return none, backup.Errorf(backup.Unavailable, "reading the repository in %s: an earlier reading hangs: %w", f.path, ctx.Err())
	}
	type outcome struct {
		read T
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-f.turn }()
		found, err := read()
		done <- outcome{found, err}
	}()
	select {
	case o := <-done:
		var of *os.PathError
		if errors.As(o.err, &of) {
			o.err = of.Err // its own words repeat the path
		}
		if o.err != nil {
			return none, backup.Errorf(backup.Unavailable, "reading the repository in %s: %w", f.path, o.err)
		}
		return o.read, nil
	case <-ctx.Done():
		return none, backup.Errorf(backup.Unavailable, "reading the repository in %s: it hangs: %w", f.path, ctx.Err())
	}
}

func (f *folder) close() {}
