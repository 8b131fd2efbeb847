package kopia

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/kopia/kopia/repo/blob"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// attempts is how often a request is made until the listing is given up.
const attempts = 2

// bucket is a store in S3.
type bucket struct {
	cfg    Config
	host   string
	client *minio.Client
}

func newBucket(cfg Config) (*bucket, error) {
	host, secure, err := cfg.endpoint()
	if err != nil {
		return nil, backup.Errorf(backup.Invalid, "SOTERIA_KOPIA_S3_ENDPOINT: %w", err)
	}
	client, err := minio.New(host, &minio.Options{
		Creds:  credentials.NewStaticV4(cfg.AccessKey.Reveal(), cfg.SecretKey.Reveal(), ""),
		Secure: secure, Region: cfg.Region, MaxRetries: attempts,
	})
	if err != nil {
		return nil, backup.Errorf(backup.Invalid, "SOTERIA_KOPIA_S3_ENDPOINT: %w", err)
	}
	return &bucket{cfg: cfg, host: host, client: client}, nil
}

// Where implements [store].
func (b *bucket) Where() string {
	return "bucket " + b.cfg.Bucket + "/" + b.cfg.Prefix + " at " + b.host
}

// GetBlob implements [store].
func (b *bucket) GetBlob(ctx context.Context, id blob.ID, offset, length int64, output blob.OutputBuffer) error {
	output.Reset()
	var options minio.GetObjectOptions
	if length == 0 {
		return nil
	}
	if length > 0 {
		if err := options.SetRange(offset, offset+length-1); err != nil {
			return backup.Errorf(backup.Unavailable, "reading %s: %w", id, err)
		}
	}
	object, err := b.client.GetObject(ctx, b.cfg.Bucket, b.cfg.Prefix+string(id), options)
	if err != nil {
		return b.explain(err)
	}
	defer func() { _ = object.Close() }() // it was only read
	if _, err := io.Copy(output, object); err != nil {
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			return blob.ErrBlobNotFound
		}
		return b.explain(err)
	}
	if length > 0 && int64(output.Length()) != length {
		return backup.Errorf(backup.Unavailable, "%s in %s is cut off: it ends before byte %d", id, b.Where(), offset+length)
	}
	return nil
}

// ListBlobs implements [store].
func (b *bucket) ListBlobs(ctx context.Context, prefix blob.ID, each func(blob.Metadata) error) error {
	listing := b.client.ListObjectsIter(ctx, b.cfg.Bucket, minio.ListObjectsOptions{Prefix: b.cfg.Prefix + string(prefix), Recursive: true})
	for object := range listing {
		if object.Err != nil {
			return b.explain(object.Err)
		}
		id := strings.TrimPrefix(object.Key, b.cfg.Prefix)
		if err := each(blob.Metadata{BlobID: blob.ID(id), Length: object.Size, Timestamp: object.LastModified}); err != nil {
			return err
		}
	}
	// A listing whose context ends between two pages ends without an error.
	return ctx.Err()
}

// explain gives an error of the store its kind, in words that hold no key. The
// cause is dropped for the same reason.
func (b *bucket) explain(err error) error {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		// The address of a request is long and tells nobody anything.
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err
		}
		return backup.Errorf(backup.Unavailable, "reading %s: %s", b.Where(), b.redact(err.Error()))
	}
	kind := backup.Unavailable
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = backup.Credentials
	case http.StatusNotFound:
		kind = backup.RepositoryAbsent
	}
	return backup.Errorf(kind, "reading %s: %s", b.Where(), b.redact(answer.Code+": "+answer.Message))
}

// redact takes the keys out of a text of somebody else's, and bounds it.
func (b *bucket) redact(text string) string {
	for _, key := range []secret.String{b.cfg.SecretKey, b.cfg.AccessKey} {
		if !key.IsEmpty() {
			text = strings.ReplaceAll(text, key.Reveal(), secret.Redacted)
		}
	}
	return backup.Clip(text, 300)
}
