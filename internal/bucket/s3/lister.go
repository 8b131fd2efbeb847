package s3

import (
	"context"
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

// remedy is for keys that may not list.
const remedy = "the keys must be allowed to list the bucket and its versions"

// Lister implements [bucket.Lister]. It is safe for concurrent use.
type Lister struct {
	config Config
	reader client.Reader
	clock  clock.PassiveClock
}

// New makes a lister. The configuration must be valid; the reader reads the
// Secret and must not be a cache.
func New(config Config, reader client.Reader, clock clock.PassiveClock) *Lister {
	return &Lister{config: config, reader: reader, clock: clock}
}

// List implements [bucket.Lister]: all versions, or the objects alone where the
// store does not list versions.
func (l *Lister) List(ctx context.Context) (bucket.Figures, error) {
	store, err := l.config.Open(ctx, l.reader)
	if err != nil {
		return bucket.Figures{}, err
	}
	defer store.Close()
	began := l.clock.Now()
	tally, err := l.sum(ctx, store, true)
	if noVersions(err) {
		tally, err = l.sum(ctx, store, false)
	}
	if err != nil {
		return bucket.Figures{}, store.Explain(err, remedy)
	}
	return tally.Figures(began, l.clock.Now()), nil
}

// sum lists once.
func (l *Lister) sum(ctx context.Context, store *objectstore.Reading, versions bool) (*bucket.Tally, error) {
	tally := bucket.NewTally(l.config.Prefix, versions)
	listing := store.List(ctx, minio.ListObjectsOptions{Prefix: l.config.Prefix, Recursive: true, WithVersions: versions})
	for object, err := range listing {
		if err != nil {
			return nil, err
		}
		err := tally.Add(bucket.Object{
			Key: object.Key, Size: object.Size,
			Noncurrent: versions && !object.IsLatest, DeleteMarker: object.IsDeleteMarker,
		})
		if err != nil {
			return nil, err
		}
	}
	return tally, nil
}

// noVersions reports whether an error says that the store does not list
// versions.
func noVersions(err error) bool {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return true
	default:
		return answer.Code == minio.NotImplemented || answer.Code == minio.MethodNotAllowed
	}
}
