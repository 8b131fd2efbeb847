package s3

import (
	"context"
	"fmt"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
)

// attempts is how often a request is made until it is given up, together with
// the listing.
const attempts = 5

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
	k, err := l.config.readKeys(ctx, l.reader)
	if err != nil {
		return bucket.Figures{}, err
	}
	store, done, err := l.connect(k)
	if err != nil {
		return bucket.Figures{}, l.explain(err, k)
	}
	defer done()
	began := l.clock.Now()
	tally, err := l.sum(ctx, store, true)
	if noVersions(err) {
		tally, err = l.sum(ctx, store, false)
	}
	if err != nil {
		return bucket.Figures{}, l.explain(err, k)
	}
	return tally.Figures(began, l.clock.Now()), nil
}

// sum lists once.
func (l *Lister) sum(ctx context.Context, store *minio.Client, versions bool) (*bucket.Tally, error) {
	tally := bucket.NewTally(l.config.Prefix, versions)
	listing := store.ListObjectsIter(ctx, l.config.Bucket, minio.ListObjectsOptions{
		Prefix: l.config.Prefix, Recursive: true, WithVersions: versions,
	})
	for object := range listing {
		if object.Err != nil {
			return nil, object.Err
		}
		err := tally.Add(bucket.Object{
			Key: object.Key, Size: object.Size,
			Noncurrent: versions && !object.IsLatest, DeleteMarker: object.IsDeleteMarker,
		})
		if err != nil {
			return nil, err
		}
	}
	// A listing whose context ends between two pages ends without an error.
	return tally, ctx.Err()
}

// connect makes a client for one listing; done closes its connections.
func (l *Lister) connect(k keys) (store *minio.Client, done func(), err error) {
	host, secure, err := l.config.endpoint()
	if err != nil {
		return nil, nil, err
	}
	connections, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, nil, backup.Errorf(backup.Unavailable, "setting up TLS: %w", err)
	}
	store, err = minio.New(host, &minio.Options{
		Creds:      credentials.NewStaticV4(k.id.Reveal(), k.key.Reveal(), ""),
		Secure:     secure,
		Region:     l.config.region(),
		Transport:  &pages{next: connections},
		MaxRetries: attempts,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting: %w", err)
	}
	return store, connections.CloseIdleConnections, nil
}
