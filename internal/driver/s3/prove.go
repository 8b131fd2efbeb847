package s3

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

var _ driver.Prover = (*Driver)(nil)

// seen is what the driver knows of the bucket from looks before.
type seen struct {
	mu sync.Mutex
	// store is what single claims are looked at through; nil before the first time.
	store *objectstore.Reading
	// claims are those whose folders held anything, and whether that was snapshots.
	claims map[backup.Claim]bool
	// full is when a request began that found anything in the bucket.
	full time.Time
	// crowded are the folders that hold more than a page.
	crowded map[string]struct{}
}

// note takes in what was found in claims' folders by requests that began then.
func (s *seen) note(folders map[backup.Claim]*folder, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == nil {
		s.claims = make(map[backup.Claim]bool)
	}
	for claim, f := range folders {
		s.claims[claim] = len(f.snapshots) > 0
	}
	if len(folders) > 0 {
		s.full = began
	}
}

// sawAny takes in that a request that began then found anything.
func (s *seen) sawAny(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = began
}

// noteAll is note for all that the bucket holds.
func (s *seen) noteAll(folders map[backup.Claim]*folder, began time.Time) {
	s.mu.Lock()
	s.claims, s.crowded = make(map[backup.Claim]bool, len(folders)), nil
	s.mu.Unlock()
	s.note(folders, began)
}

// of returns what is known of a claim's folder.
func (s *seen) of(claim backup.Claim) (held, snapshots bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshots, held = s.claims[claim]
	return held, snapshots
}

// witness returns a claim, other than those, whose folder holds anything; false where none
// is known.
func (s *seen) witness(others ...backup.Claim) (backup.Claim, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for claim := range s.claims {
		if !slices.Contains(others, claim) {
			return claim, true
		}
	}
	return backup.Claim{}, false
}

// isFull reports whether a request that began at most so long ago found anything in the
// bucket.
func (s *seen) isFull(within time.Duration, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.full.IsZero() && driver.Within(within, s.full, now)
}

// Prove implements [driver.Prover]: one request for each claim, of which the first
// thousand objects of its folder come back; a second one where it holds more and no
// snapshots are known in it, and one more for each further thousand snapshots. An empty
// folder proves that there is no backup only in a bucket that still holds the folders of
// others; where none was seen lately, one of the claims is looked for in the folder that
// its own would be in, among those of others, see [proving.beside]. Where that settles nothing,
// as in a folder of more than a thousand, one more request looks at another claim's.
func (d *Driver) Prove(ctx context.Context, claims []backup.Claim, within time.Duration, into driver.Listing) (string, []backup.Claim, error) {
	if _, listed := d.seen.witness(); !listed {
		return d.identity(), nil, nil
	}
	store, err := d.reopen(ctx)
	if err != nil {
		return "", nil, err
	}
	began := d.clock.Now()
	p := proving{listing: d.newListing(store), seen: &d.seen, proved: make(map[backup.Claim]bool)}
	lately, full := d.seen.isFull(within, began), false
	if !lately {
		if full, err = p.beside(ctx, claims); err != nil {
			return "", nil, store.Explain(err, remedy)
		}
	}
	left := slices.DeleteFunc(slices.Clone(claims), func(claim backup.Claim) bool { return p.proved[claim] })
	if err := each(ctx, d.config.Concurrency, left, p.claim); err != nil {
		return "", nil, store.Explain(err, remedy)
	}
	d.seen.note(p.folders, began)
	if full = full || len(p.folders) > 0; !full && !lately {
		if full, err = p.lookElsewhere(ctx, claims); err != nil {
			return "", nil, store.Explain(err, remedy)
		}
		if !full {
			return d.identity(), nil, nil
		}
	}
	if full {
		d.seen.sawAny(began)
	}
	d.tell(p.listing, into)
	return d.identity(), slices.Collect(maps.Keys(p.proved)), nil
}

// reopen returns the store with the keys as they are now. It keeps its connections, and
// what it knows of the store's region, for as long as those are the same.
func (d *Driver) reopen(ctx context.Context) (*objectstore.Reading, error) {
	d.seen.mu.Lock()
	last := d.seen.store
	d.seen.mu.Unlock()
	store, err := d.config.Bucket.Reopen(ctx, d.reader, last)
	if err != nil {
		return nil, err
	}
	d.seen.mu.Lock()
	defer d.seen.mu.Unlock()
	d.seen.store = store
	return store, nil
}

// proving looks at single claims.
type proving struct {
	*listing
	seen   *seen
	proved map[backup.Claim]bool
}

// claim looks at one claim's folder. Where it is empty and was not, or the layout has no
// folder for the claim, nothing is proved.
func (p *proving) claim(ctx context.Context, claim backup.Claim) error {
	at, has := p.layout.Folder(claim)
	if !has {
		return nil
	}
	held, snapshots := p.seen.of(claim)
	if snapshots {
		if err := p.snapshots(ctx, at); err != nil {
			return err
		}
	} else if err := p.folder(ctx, at); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.folders[claim]
	if vanished := held && f == nil || snapshots && len(f.snapshots) == 0; !vanished {
		p.proved[claim] = true
	}
	return nil
}

// folder reads a claim's folder from one page, if that holds all of it.
func (p *proving) folder(ctx context.Context, at string) error {
	objects, whole, err := p.page(ctx, at)
	if err != nil {
		return err
	}
	if !whole {
		return p.listing.claim(ctx, at)
	}
	p.keep(objects)
	return nil
}

// snapshots reads the snapshots of a claim's folder alone.
func (p *proving) snapshots(ctx context.Context, at string) error {
	objects, err := p.look(ctx, prefixOf(at), minio.ListObjectsOptions{Prefix: prefixOf(at) + "snapshots/", Recursive: true})
	if err != nil {
		return err
	}
	p.findStrays(objects)
	p.keep(objects)
	return nil
}

// lookElsewhere reports whether the folder of another claim still holds anything.
func (p *proving) lookElsewhere(ctx context.Context, claims []backup.Claim) (bool, error) {
	claim, known := p.seen.witness(claims...)
	at, has := p.layout.Folder(claim)
	if !known || !has {
		return false, nil
	}
	for _, err := range p.store.List(ctx, minio.ListObjectsOptions{Prefix: prefixOf(at), Recursive: true, MaxKeys: 1}) {
		return err == nil, err
	}
	return false, nil
}
