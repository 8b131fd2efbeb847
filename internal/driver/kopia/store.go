package kopia

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/content/indexblob"
	"github.com/kopia/kopia/repo/format"

	"github.com/soteria-dr/soteria/internal/backup"
)

// store is where a repository's blobs are. There is no way to write to one. A
// blob that is not there is [blob.ErrBlobNotFound]; other errors are of a kind.
type store interface {
	blob.Lister
	GetBlob(ctx context.Context, id blob.ID, offset, length int64, output blob.OutputBuffer) error
	// Where names the place for people.
	Where() string
}

// errReadOnly is never seen: nothing that is called writes.
var errReadOnly = errors.New("the repository is only read")

// view is what kopia is shown of a store: its blobs, except that the blobs which
// describe the repository are those that it was opened with.
type view struct {
	blob.DefaultProviderImplementation
	store store
	// description stands for kopia.repository.
	description []byte

	mu sync.Mutex
	// failed is told of an error of the store. Kopia would ask again, for minutes,
	// and then not say why.
	failed context.CancelCauseFunc
	// listed is what the last list of each prefix held since during was called.
	listed map[blob.ID]names
}

var _ blob.Storage = (*view)(nil)

// during ends ctx with the first error that the store gives, until done.
func (v *view) during(ctx context.Context) (watched context.Context, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	v.mu.Lock()
	v.listed = make(map[blob.ID]names)
	v.mu.Unlock()
	v.tell(cancel)
	return watched, func() {
		v.tell(nil)
		cancel(nil)
	}
}

func (v *view) tell(failed context.CancelCauseFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failed = failed
}

func (v *view) saw(err error) error {
	if err == nil || errors.Is(err, blob.ErrBlobNotFound) || backup.KindOf(err) == backup.Internal {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failed != nil {
		v.failed(err)
	}
	return err
}

// GetBlob implements [blob.Reader].
func (v *view) GetBlob(ctx context.Context, id blob.ID, offset, length int64, output blob.OutputBuffer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	output.Reset()
	switch id {
	case format.KopiaRepositoryBlobID:
		_, err := output.Write(v.description)
		return err
	case format.KopiaBlobCfgBlobID: // says how blobs are written
		return blob.ErrBlobNotFound
	}
	err := v.store.GetBlob(ctx, id, offset, length, output)
	if errors.Is(err, blob.ErrBlobNotFound) && isIndex(id) {
		// Kopia would look for it again and again, for a minute.
		err = backup.Errorf(backup.Unavailable, "the index blob %s in %s was there and is gone", id, v.store.Where())
	}
	return v.saw(err)
}

// isIndex tells the blobs of both sorts of index from others.
func isIndex(id blob.ID) bool {
	return strings.HasPrefix(string(id), epoch) || strings.HasPrefix(string(id), indexblob.V0IndexBlobPrefix)
}

// epoch is what the names of the blobs of an index by epochs begin with.
const epoch = "x"

// ListBlobs implements [blob.Lister].
func (v *view) ListBlobs(ctx context.Context, prefix blob.ID, each func(blob.Metadata) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	listed := names{}
	err := v.saw(v.store.ListBlobs(ctx, prefix, func(b blob.Metadata) error {
		listed[b.BlobID] = b.Length
		return each(b)
	}))
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.listed, prefix)
	if err == nil && v.listed != nil {
		v.listed[prefix] = listed
	}
	return err
}

// read reports whether the blobs that kopia was told of since during was called are those
// of these names, as far as kopia asked.
func (v *view) read(all names) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	asked := false
	for prefix, listed := range v.listed {
		if !slices.ContainsFunc(changing, func(c blob.ID) bool { return strings.HasPrefix(string(prefix), string(c)) }) {
			continue // of packs, which are not read by their names
		}
		asked = asked || prefix != content.BlobIDPrefixSession
		if !maps.Equal(listed, all.below(prefix)) {
			return false
		}
	}
	return asked
}

// GetMetadata implements [blob.Reader]. Nothing that is called asks for it.
func (v *view) GetMetadata(context.Context, blob.ID) (blob.Metadata, error) {
	return blob.Metadata{}, errReadOnly
}

// PutBlob implements [blob.Storage].
func (v *view) PutBlob(context.Context, blob.ID, blob.Bytes, blob.PutOptions) error {
	return errReadOnly
}

// DeleteBlob implements [blob.Storage].
func (v *view) DeleteBlob(context.Context, blob.ID) error { return errReadOnly }

// IsReadOnly implements [blob.Storage]: kopia tidies up where it may write.
func (v *view) IsReadOnly() bool { return true }

// ConnectionInfo implements [blob.Reader]. It is for files of configuration.
func (v *view) ConnectionInfo() blob.ConnectionInfo { return blob.ConnectionInfo{} }

// DisplayName implements [blob.Reader].
func (v *view) DisplayName() string { return v.store.Where() }

// buffer is a [blob.OutputBuffer].
type buffer struct{ bytes.Buffer }

// Length implements [blob.OutputBuffer].
func (b *buffer) Length() int { return b.Len() }
