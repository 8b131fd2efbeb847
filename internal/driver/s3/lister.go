package s3

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/attribution"
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

// Driver looks backups up. It is safe for concurrent use.
type Driver struct {
	config Config
	reader client.Reader
	clock  clock.PassiveClock
	seen   seen
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
	began, l := d.clock.Now(), d.newListing(store)
	if err := l.read(ctx, d.config.Concurrency); err != nil {
		return "", store.Explain(err, remedy)
	}
	d.seen.noteAll(l.folders, began)
	d.tell(l, into)
	return d.identity(), nil
}

func (d *Driver) identity() string { return d.config.Bucket.Bucket + "@" + d.config.Bucket.Host() }

func (d *Driver) newListing(store *objectstore.Reading) *listing {
	return &listing{store: store, layout: d.config.Layout, folders: make(map[backup.Claim]*folder), strayed: repositories{}}
}

// tell tells of what was found in the claims' folders, and of the repositories there that
// are no claim's.
func (d *Driver) tell(l *listing, into driver.Listing) {
	now := d.clock.Now()
	for claim, folder := range l.folders {
		backups, doubt := folder.backups(claim, d.address(folder.path), now)
		for _, b := range backups {
			into.Backup(b)
		}
		if doubt != nil {
			into.Doubt(claim, doubt)
		}
	}
	var strays []attribution.Stray
	for at := range l.strayed {
		if s, counts := d.config.stray(at); counts {
			strays = append(strays, s)
		}
	}
	into.Strays(strays, words{layout: d.config.Layout, bucket: d.config.Bucket.Bucket})
}

// address says where a folder is.
func (d *Driver) address(folder string) string {
	return "s3:" + d.config.Bucket.Host() + "/" + d.config.Bucket.Bucket + "/" + folder
}

// listing reads the bucket once.
type listing struct {
	store  *objectstore.Reading
	layout attribution.Layout

	mu      sync.Mutex
	folders map[backup.Claim]*folder
	// strayed are the repositories in folders that are no claim's.
	strayed repositories
}

// read goes down to the folders that claims' are in, reads each of them, and each
// claim's of those that are too large to be read as a whole. Of folders that lead
// to no claim it reads a page.
func (l *listing) read(ctx context.Context, concurrency int) error {
	parents, aside, err := l.descend(ctx, concurrency)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var large []string
	err = each(ctx, concurrency, parents, func(ctx context.Context, parent string) error {
		folders, others, err := l.parent(ctx, parent)
		mu.Lock()
		defer mu.Unlock()
		large, aside = append(large, folders...), append(aside, others...)
		return err
	})
	if err == nil {
		err = each(ctx, concurrency, large, l.claim)
	}
	if err != nil {
		return err
	}
	return each(ctx, concurrency, aside, func(ctx context.Context, folder string) error {
		_, _, err := l.page(ctx, folder)
		return err
	})
}

// descend returns the folders that claims' are in, and those that lead to none.
func (l *listing) descend(ctx context.Context, concurrency int) (parents, aside []string, err error) {
	parents = []string{""}
	for range l.layout.Depth() - 1 {
		var mu sync.Mutex
		var next []string
		err := each(ctx, concurrency, parents, func(ctx context.Context, parent string) error {
			folders, err := l.below(ctx, parent)
			mu.Lock()
			defer mu.Unlock()
			for _, f := range folders {
				if l.layout.Leads(f) {
					next = append(next, f)
				} else {
					aside = append(aside, f)
				}
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		parents = next
	}
	return parents, aside, nil
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

// prefixOf is what the keys in a folder begin with.
func prefixOf(folder string) string {
	if folder == "" {
		return ""
	}
	return folder + "/"
}

// below returns the folders in a folder. If that is a repository, they are not those
// that it consists of.
func (l *listing) below(ctx context.Context, parent string) ([]string, error) {
	var folders []string
	isRepository := false
	prefix := prefixOf(parent)
	for found, err := range l.store.List(ctx, minio.ListObjectsOptions{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		name, isFolder := strings.CutSuffix(strings.TrimPrefix(found.Key, prefix), "/")
		switch {
		case isFolder && name != "":
			folders = append(folders, prefix+name)
		case name == "config":
			isRepository = true
		}
	}
	if isRepository {
		l.stray(parent)
		folders = slices.DeleteFunc(folders, func(f string) bool { return slices.Contains(resticNames, strings.TrimPrefix(f, prefix)) })
	}
	return folders, nil
}

// page reads the first page of a folder with all that is below it, tells of the
// repositories there that are no claim's, and reports whether that was all of it.
func (l *listing) page(ctx context.Context, folder string) (objects []object, whole bool, err error) {
	for found, err := range l.store.List(ctx, minio.ListObjectsOptions{Prefix: prefixOf(folder), Recursive: true}) {
		if err != nil {
			return nil, false, err
		}
		objects = append(objects, object{key: found.Key, modified: found.LastModified})
		if len(objects) == page {
			break
		}
	}
	l.findStrays(objects)
	return objects, len(objects) < page, nil
}

// findStrays notes the repositories in folders that are no claim's.
func (l *listing) findStrays(objects []object) {
	for at := range findRepositories(objects, l.layout.Depth()) {
		if _, isClaim := l.layout.Claim(at); !isClaim {
			l.stray(at)
		}
	}
}

func (l *listing) stray(at string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strayed[at] = struct{}{}
}

// parent reads the claims' folders in a folder from one page, if that holds all of
// it; else it gives them, and those in it that are no claim's. Of a folder that is
// part of a repository nothing is read but the page.
func (l *listing) parent(ctx context.Context, parent string) (large, aside []string, err error) {
	objects, whole, err := l.page(ctx, parent)
	if err != nil {
		return nil, nil, err
	}
	if whole {
		l.keep(objects)
		return nil, nil, nil
	}
	found := findRepositories(objects, l.layout.Depth())
	within := func(o object) bool {
		at, part := found.of(o.key)
		return part && depthOf(at) < depthOf(parent)
	}
	if !slices.ContainsFunc(objects, func(o object) bool { return !within(o) }) {
		return nil, nil, nil
	}
	folders, err := l.below(ctx, parent)
	for _, f := range folders {
		if _, isClaim := l.layout.Claim(f); isClaim {
			large = append(large, f)
		} else {
			aside = append(aside, f)
		}
	}
	return large, aside, err
}

// claim reads one claim's folder: its snapshots and, if there are none, as much
// as it takes to tell what it is.
func (l *listing) claim(ctx context.Context, at string) error {
	claim, _ := l.layout.Claim(at)
	prefix := prefixOf(at)
	var objects []object
	look := func(options minio.ListObjectsOptions) (*folder, error) {
		more, err := l.look(ctx, prefix, options)
		objects = append(objects, more...)
		f := l.sort(objects)[claim]
		if f == nil {
			f = &folder{path: at}
		}
		return f, err
	}
	f, err := look(minio.ListObjectsOptions{Prefix: prefix + "snapshots/", Recursive: true})
	if err == nil && len(f.snapshots) == 0 {
		if f, err = look(minio.ListObjectsOptions{Prefix: prefix}); err != nil {
			return err
		}
		next := minio.ListObjectsOptions{Prefix: prefix + "locks/", Recursive: true}
		if f.foreign {
			next.Prefix = prefix
		}
		f, err = look(next)
	}
	if err != nil {
		return err
	}
	l.findStrays(objects)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.folders[claim] = f
	return nil
}

// look lists objects of a claim's folder, of all that is below it only the first
// page.
func (l *listing) look(ctx context.Context, prefix string, options minio.ListObjectsOptions) ([]object, error) {
	var objects []object
	for found, err := range l.store.List(ctx, options) {
		if err != nil {
			return nil, err
		}
		objects = append(objects, object{key: found.Key, modified: found.LastModified})
		if len(objects) == page && options.Recursive && options.Prefix == prefix {
			break
		}
	}
	return objects, nil
}

// sort returns the claims' folders that objects are in. What is of a repository that
// is no claim's is left out, and so are folders in a claim's that hold such a one.
func (l *listing) sort(objects []object) map[backup.Claim]*folder {
	depth := l.layout.Depth()
	found := findRepositories(objects, depth)
	nested := map[backup.Claim]bool{}
	for at := range found {
		if parts := strings.Split(at, "/"); len(parts) > depth {
			if claim, isClaim := l.layout.Claim(strings.Join(parts[:depth], "/")); isClaim {
				nested[claim] = true
			}
		}
	}
	folders := make(map[backup.Claim]*folder)
	for _, o := range objects {
		parts := strings.SplitN(o.key, "/", depth+1)
		if len(parts) <= depth {
			continue
		}
		at := strings.Join(parts[:depth], "/")
		claim, isClaim := l.layout.Claim(at)
		if !isClaim {
			continue
		}
		if of, part := found.of(o.key); part && of != at {
			continue
		}
		first, isFolder := strings.CutSuffix(parts[depth], "/")
		if isFolder && o.modified.IsZero() && nested[claim] && !slices.Contains(resticNames, first) {
			continue
		}
		if folders[claim] == nil {
			folders[claim] = &folder{path: at}
		}
		folders[claim].add(entry{path: parts[depth], modified: o.modified})
	}
	return folders
}

// keep remembers the claims' folders that objects are in.
func (l *listing) keep(objects []object) {
	sorted := l.sort(objects)
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(l.folders, sorted)
}
