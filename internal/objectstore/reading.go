package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// attempts is how often a request is made until it is given up, together with
// the reading.
const attempts = 5

// ErrNoObject says that there is no such object in the bucket.
var ErrNoObject = errors.New("there is no such object")

// Reading is a look at a bucket, with the keys as they were when it began. It is
// safe for concurrent use.
type Reading struct {
	config      Config
	keys        keys
	store       *minio.Client
	connections *http.Transport
}

// Open begins a reading. The configuration must be valid; the reader reads the
// Secret, must not be a cache, and may be nil where none is named. Errors are of
// kind Credentials or Unavailable.
func (c Config) Open(ctx context.Context, reader client.Reader) (*Reading, error) {
	k, err := c.readKeys(ctx, reader)
	if err != nil {
		return nil, err
	}
	return c.open(k)
}

// Reopen is [Config.Open] where the last reading, if any, was opened with other keys than
// the store has now; else it returns that one, with its connections.
func (c Config) Reopen(ctx context.Context, reader client.Reader, last *Reading) (*Reading, error) {
	k, err := c.readKeys(ctx, reader)
	if err != nil {
		return nil, err
	}
	if last != nil && last.keys.id.Equal(k.id.Reveal()) && last.keys.key.Equal(k.key.Reveal()) {
		return last, nil
	}
	opened, err := c.open(k)
	if err == nil && last != nil {
		last.Close()
	}
	return opened, err
}

// OpenWithOwnKeys begins a reading with the keys that the configuration holds
// itself. It must be valid and name no Secret. Errors are of kind Unavailable.
func (c Config) OpenWithOwnKeys() (*Reading, error) {
	return c.open(keys{id: c.AccessKeyID, key: c.SecretAccessKey})
}

func (c Config) open(k keys) (*Reading, error) {
	host, secure, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	connections, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "setting up TLS: %w", err)
	}
	store, err := minio.New(host, &minio.Options{
		Creds:      credentials.NewStaticV4(k.id.Reveal(), k.key.Reveal(), ""),
		Secure:     secure,
		Region:     c.region(),
		Transport:  &pages{next: c.observed(connections)},
		MaxRetries: attempts,
	})
	r := &Reading{config: c, keys: k, store: store, connections: connections}
	if err != nil {
		return nil, r.Explain(fmt.Errorf("connecting: %w", err), "")
	}
	return r, nil
}

// Close ends a reading and its connections.
func (r *Reading) Close() { r.connections.CloseIdleConnections() }

// List goes through what is in the bucket. An error ends it, and is for
// [Reading.Explain]; without one, all of it was there. The store is asked for the
// next page only when the last one is used up.
func (r *Reading) List(ctx context.Context, options minio.ListObjectsOptions) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		for object := range r.store.ListObjectsIter(newListing(ctx), r.config.Bucket, options) {
			err := object.Err
			if err == nil && !strings.HasPrefix(object.Key, options.Prefix) {
				err = fmt.Errorf("the store lists %.80q below %q", object.Key, options.Prefix)
			}
			if !yield(object, err) || err != nil {
				return
			}
		}
		// A listing whose context ends between two pages ends without an error.
		if err := ctx.Err(); err != nil {
			yield(minio.ObjectInfo{}, err)
		}
	}
}

// Copy copies length bytes of an object, from offset on, or all of it where length
// is negative. An object that ends before is no error. Errors are [ErrNoObject], or
// for [Reading.Explain].
func (r *Reading) Copy(ctx context.Context, into io.Writer, key string, offset, length int64) error {
	if length == 0 {
		return nil
	}
	var options minio.GetObjectOptions
	if length > 0 {
		if err := options.SetRange(offset, offset+length-1); err != nil {
			return err
		}
	}
	object, err := r.store.GetObject(ctx, r.config.Bucket, key, options)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }() // it was only read
	_, err = io.Copy(into, object)
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return ErrNoObject
	}
	return err
}
