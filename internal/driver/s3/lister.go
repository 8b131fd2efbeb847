package s3

import (
	"context"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

const (
	// remedy is for keys that may not list.
	remedy = "the keys must be allowed to list the bucket"
	// page is how many objects a store lists at once, at most. A namespace with
	// fewer is listed as a whole.
	page = 1000
)

// Driver looks backups up. It implements [driver.Lister].
type Driver struct {
	config Config
	reader client.Reader
	clock  clock.PassiveClock
}

var _ driver.Lister = (*Driver)(nil)

// New makes a driver. The configuration must be valid; the reader reads the
// Secret with the keys, must not be a cache, and may be nil where the
// configuration has the keys.
func New(config Config, reader client.Reader, clock clock.PassiveClock) *Driver {
	return &Driver{config: config, reader: reader, clock: clock}
}

// Name implements [driver.Lister].
func (d *Driver) Name() string { return Name }

// List implements [driver.Lister]. The identity of the repository is the
// bucket's name and its store's.
func (d *Driver) List(ctx context.Context, into driver.Listing) (string, error) {
	store, err := d.config.Bucket.Open(ctx, d.reader)
	if err != nil {
		return "", err
	}
	defer store.Close()
	l := listing{store: store, folders: make(map[backup.Claim]*folder)}
	if err := l.read(ctx, d.config.Concurrency); err != nil {
		return "", store.Explain(err, remedy)
	}
	now := d.clock.Now()
	for claim, folder := range l.folders {
		backups, doubt := folder.backups(claim, d.address(claim), now)
		for _, b := range backups {
			into.Backup(b)
		}
		if doubt != nil {
			into.Doubt(claim, doubt)
		}
	}
	return d.config.Bucket.Bucket + "@" + d.config.Bucket.Host(), nil
}

// address says where a claim's folder is.
func (d *Driver) address(claim backup.Claim) string {
	return "s3:" + d.config.Bucket.Host() + "/" + d.config.Bucket.Bucket + "/" + claim.String()
}

// listing reads the bucket once.
type listing struct {
	store *objectstore.Reading

	mu      sync.Mutex
	folders map[backup.Claim]*folder
}

// read looks at the namespaces, at each of them, and at each claim of those that
// are too large to be read as a whole.
func (l *listing) read(ctx context.Context, concurrency int) error {
	namespaces, err := l.below(ctx, "")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var large []backup.Claim
	err = each(ctx, concurrency, namespaces, func(ctx context.Context, namespace string) error {
		whole, err := l.namespace(ctx, namespace)
		if whole || err != nil {
			return err
		}
		names, err := l.below(ctx, namespace+"/")
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			large = append(large, backup.Claim{Namespace: namespace, Name: name})
		}
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, concurrency, large, l.claim)
}

// each does something with every item, so many at once. Without an error it was
// done with all of them.
func each[T any](ctx context.Context, concurrency int, items []T, do func(context.Context, T) error) error {
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for _, item := range items {
		if going.Err() != nil {
			break
		}
		group.Go(func() error { return do(going, item) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// below names the folders at a prefix.
func (l *listing) below(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	for object, err := range l.store.List(ctx, minio.ListObjectsOptions{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		if name, folder := strings.CutSuffix(strings.TrimPrefix(object.Key, prefix), "/"); folder && name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// namespace reads the claims of a namespace from one page, if that holds all of
// it.
func (l *listing) namespace(ctx context.Context, namespace string) (whole bool, err error) {
	prefix := namespace + "/"
	folders := make(map[backup.Claim]*folder)
	objects := 0
	for object, err := range l.store.List(ctx, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if err != nil {
			return false, err
		}
		if objects++; objects == page {
			return false, nil
		}
		name, path, within := strings.Cut(strings.TrimPrefix(object.Key, prefix), "/")
		if !within {
			continue
		}
		claim := backup.Claim{Namespace: namespace, Name: name}
		if folders[claim] == nil {
			folders[claim] = &folder{}
		}
		folders[claim].add(entry{path: path, modified: object.LastModified})
	}
	for claim, folder := range folders {
		if possible(claim) {
			l.keep(claim, folder)
		}
	}
	return true, nil
}

// claim reads one claim's folder: its snapshots and, if there are none, as much
// as it takes to tell what it is. Names that no claim can have are nobody's.
func (l *listing) claim(ctx context.Context, claim backup.Claim) error {
	if !possible(claim) {
		return nil
	}
	f, at := &folder{}, claim.String()+"/"
	if err := l.look(ctx, f, at, minio.ListObjectsOptions{Prefix: at + "snapshots/", Recursive: true}); err != nil {
		return err
	}
	if len(f.snapshots) == 0 {
		if err := l.look(ctx, f, at, minio.ListObjectsOptions{Prefix: at}); err != nil {
			return err
		}
		next := minio.ListObjectsOptions{Prefix: at + "locks/", Recursive: true}
		if f.foreign {
			next.Prefix = at
		}
		if err := l.look(ctx, f, at, next); err != nil {
			return err
		}
	}
	l.keep(claim, f)
	return nil
}

// look adds to a claim's folder what is listed, of all that is below it only the
// first page.
func (l *listing) look(ctx context.Context, f *folder, at string, options minio.ListObjectsOptions) error {
	objects := 0
	for object, err := range l.store.List(ctx, options) {
		if err != nil {
			return err
		}
		f.add(entry{path: strings.TrimPrefix(object.Key, at), modified: object.LastModified})
		if objects++; objects == page && options.Recursive && options.Prefix == at {
			break
		}
	}
	return nil
}

func possible(claim backup.Claim) bool { return claim.Validate() == nil }

// keep remembers a claim's folder.
func (l *listing) keep(claim backup.Claim, f *folder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.folders[claim] = f
}
