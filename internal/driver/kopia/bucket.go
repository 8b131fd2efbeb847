package kopia

import (
	"context"
	"errors"
	"strings"

	"github.com/kopia/kopia/repo/blob"
	"github.com/minio/minio-go/v7"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

// bucket is a store in S3.
type bucket struct {
	reading *objectstore.Reading
	// prefix is put before the names of blobs.
	prefix string
	where  string
}

func newBucket(cfg Config) (*bucket, error) {
	reading, err := cfg.Bucket.OpenWithOwnKeys()
	if err != nil {
		return nil, err
	}
	return &bucket{
		reading: reading, prefix: cfg.Prefix, where: "bucket " + cfg.Bucket.Bucket + "/" + cfg.Prefix + " at " + cfg.Bucket.Host(),
	}, nil
}

// Where implements [store].
func (b *bucket) Where() string { return b.where }

// GetBlob implements [store].
func (b *bucket) GetBlob(ctx context.Context, id blob.ID, offset, length int64, output blob.OutputBuffer) error {
	output.Reset()
	err := b.reading.Copy(ctx, output, b.prefix+string(id), offset, length)
	switch {
	case errors.Is(err, objectstore.ErrNoObject):
		return blob.ErrBlobNotFound
	case err != nil:
		return b.reading.Explain(err, "")
	case length > 0 && int64(output.Length()) != length:
		return backup.Errorf(backup.Unavailable, "%s in %s is cut off: it ends before byte %d", id, b.where, offset+length)
	}
	return nil
}

// ListBlobs implements [store].
func (b *bucket) ListBlobs(ctx context.Context, prefix blob.ID, each func(blob.Metadata) error) error {
	listing := b.reading.List(ctx, minio.ListObjectsOptions{Prefix: b.prefix + string(prefix), Recursive: true})
	for object, err := range listing {
		if err != nil {
			return b.reading.Explain(err, "")
		}
		id := strings.TrimPrefix(object.Key, b.prefix)
		if err := each(blob.Metadata{BlobID: blob.ID(id), Length: object.Size, Timestamp: object.LastModified}); err != nil {
			return err
		}
	}
	return nil
}
