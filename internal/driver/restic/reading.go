package restic

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
)

const (
	// mostNew is how many new snapshots are read by their ids; more are read as
	// fast with all others.
	mostNew = 200
	// connections is how many requests restic makes at once while it reads snapshots,
	// each of which is a small file: over a slow line 20,000 of them take seconds
	// instead of minutes.
	connections = "64"
)

// reading is all that restic told of a repository. It never changes once made. A
// snapshot takes about 300 bytes in it, for as long as the store can be looked at.
type reading struct {
	identity  string
	snapshots []snapshot
	// store is what the repository was looked at through, with the credentials of
	// then; nil where it could not be, and then nothing follows.
	store *store.Store
	// config is the digest of the config that has this identity.
	config [sha256.Size]byte
	// mark identifies the snapshots and the config; "" where nothing does.
	mark string
	// wholeAt is when the whole was read, and secret what identified the Secret then.
	wholeAt time.Time
	secret  string
	// handed is true where another replica read the whole, and this one did not yet.
	handed bool
}

// isRecent reports whether the whole was read not long ago, by either clock.
func (r *reading) isRecent(now time.Time) bool {
	return driver.Within(driver.WholeEvery, r.wholeAt, now)
}

// Confirm implements [driver.Confirmer]: two requests, and one more for each further
// thousand snapshots of an S3 store.
func (d *Driver) Confirm(ctx context.Context, mark string) (bool, error) {
	program, err := d.program(ctx)
	if err != nil {
		return false, err
	}
	kept, opened := d.keptReading(), d.open(program)
	began := d.cluster.Clock.Now()
	if mark == "" || opened == nil || kept == nil || kept.store != opened || kept.mark != mark || !kept.isRecent(began) {
		return false, nil
	}
	now, err := opened.Look(ctx)
	if err != nil || now.Mark() != mark {
		return false, err
	}
	d.proved(kept, began)
	return true, nil
}

// read reads the repository, and of it no more than has changed since the last listing,
// or since another replica read it where this one has not yet. One call at a time does it,
// so that of two at a start the second finds what the first has read.
func (d *Driver) read(ctx context.Context, program cli.Program, secret string) (*reading, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, backup.Errorf(backup.Unavailable, "the repository at %s was being read for something else: %w", d.location.Text, ctx.Err())
	}
	opened, before := d.open(program), d.keptReading()
	kept := before
	var now store.Contents
	if opened != nil {
		var err error
		if now, err = opened.Look(ctx); err != nil {
			opened = nil // restic says what is wrong
		}
	}
	if opened != nil && !d.hasRead() {
		kept = d.handedOver(ctx, program, secret, opened, now)
	}
	if opened != nil && kept != nil && kept.store == opened && kept.isRecent(d.cluster.Clock.Now()) {
		if read, whole := kept.extend(ctx, program, now); whole {
			d.keepOver(before, read)
			return read, nil
		}
	}
	read, err := d.readWhole(ctx, program, opened, now)
	if read != nil {
		read.secret = secret
	}
	d.keep(read)
	return read, err
}

// extend returns the reading with the snapshots that are new, and reports whether that
// is all that the store holds now. Nothing follows from a snapshot that is gone, nor
// from an error: the whole is to be read.
func (r *reading) extend(ctx context.Context, program cli.Program, now store.Contents) (*reading, bool) {
	if r.config != now.Config || len(now.Snapshots) == 0 {
		return nil, false
	}
	known := make(map[string]struct{}, len(r.snapshots))
	for _, s := range r.snapshots {
		known[s.ID] = struct{}{}
	}
	var added []string
	for _, id := range now.Snapshots {
		if _, old := known[id]; !old {
			added = append(added, id)
		}
	}
	gone := len(known) + len(added) - len(now.Snapshots)
	switch {
	case gone > 0, len(added) > mostNew:
		return nil, false
	case len(added) == 0:
		return r, true
	}
	gathered := newGatherer()
	if err := listSnapshots(ctx, program, added, gathered.add); err != nil || !slices.Equal(idsOf(gathered.snapshots), added) {
		return nil, false
	}
	extended := *r
	extended.snapshots, extended.mark = slices.Concat(r.snapshots, gathered.snapshots), now.Mark()
	return &extended, true
}

// readWhole reads every snapshot, with the identity before and after it. Where the
// store was looked at before (now is what it held), the config of a repository that was
// read before stands for its identity, and a snapshot whose file was there before, or that
// was read before, and is there after must be among those read.
func (d *Driver) readWhole(ctx context.Context, program cli.Program, opened *store.Store, now store.Contents) (*reading, error) {
	known, there := "", now
	if kept := d.keptReading(); kept != nil && !kept.handed && kept.store == opened && kept.config == now.Config {
		known, there.Snapshots = kept.identity, slices.Concat(now.Snapshots, idsOf(kept.snapshots))
		slices.Sort(there.Snapshots)
		there.Snapshots = slices.Compact(there.Snapshots)
	}
	before := cmp.Or(known, d.identitySeen(opened))
	if before == "" {
		var err error
		if before, err = cli.Identity(ctx, program); err != nil {
			return nil, err
		}
	}
	gathered := newGatherer()
	if err := listSnapshots(ctx, program, faster(program.Location.Kind), gathered.add); err != nil {
		return nil, err
	}
	read, err := d.newReading(ctx, opened, there, gathered.snapshots)
	if err != nil {
		return nil, err
	}
	if read.identity = known; known == "" || read.config != now.Config {
		var err error
		if read.identity, err = cli.Identity(ctx, program); err != nil {
			return nil, err
		}
	}
	if read.identity != before {
		return nil, backup.Errorf(backup.RepositoryChanged,
			"the repository at %s is %.12s and was %.12s when the listing began", d.location.Text, read.identity, before)
	}
	if last := d.seen(); last != "" && last != read.identity {
		return nil, backup.Errorf(backup.RepositoryChanged,
			"the repository at %s is %.12s and was %.12s when it was listed last", d.location.Text, read.identity, last)
	}
	return read, nil
}

// seen returns the identity that the last listing read; "" where that failed.
func (d *Driver) seen() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastSeen
}

// newReading returns what was just read, with what confirms it where the store, if any,
// can be looked at; now is what that held before. Which repository it is of is for the
// caller to say. A store that lists its files now in whole and now in part fools no one:
// what it listed before and after, and not to restic, is an error.
func (d *Driver) newReading(ctx context.Context, opened *store.Store, now store.Contents, snapshots []snapshot) (*reading, error) {
	read := &reading{snapshots: snapshots, wholeAt: d.cluster.Clock.Now()}
	if opened == nil {
		return read, nil
	}
	later, err := opened.Look(ctx)
	if err != nil {
		return read, nil //nolint:nilerr // what restic read stands; nothing confirms it
	}
	ids := idsOf(snapshots)
	if missed := missing(ids, now.Snapshots, later.Snapshots); len(missed) > 0 && now.Config == later.Config {
		return nil, backup.Errorf(backup.Unavailable,
			"restic read %d snapshots of the repository at %s and not %d others whose files are there, such as %s: the store lists its files in part at times; see to the store",
			len(snapshots), d.location.Text, len(missed), backup.ShortID(missed[0]))
	}
	read.store, read.config = opened, later.Config
	read.mark = store.Contents{Snapshots: ids, Config: later.Config}.Mark()
	return read, nil
}

// missing returns what both lists hold and ids lack. All are sorted.
func missing(ids, before, after []string) []string {
	var missed []string
	for _, id := range before {
		_, stays := slices.BinarySearch(after, id)
		if _, read := slices.BinarySearch(ids, id); stays && !read {
			missed = append(missed, id)
		}
	}
	return missed
}

// identitySeen returns the identity that the last listing read, for one of which the
// store cannot be looked at; else "": which config an identity belongs to is learned
// from two readings of it in one listing.
func (d *Driver) identitySeen(opened *store.Store) string {
	if opened != nil {
		return ""
	}
	return d.seen()
}

// keep keeps what a listing read, for the next one; nil is one that failed. Of what
// cannot be confirmed it keeps the identity alone.
func (d *Driver) keep(read *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnce = d.readOnce || read != nil
	switch {
	case read == nil:
		d.lastSeen = ""
	case read.store == nil:
		d.lastSeen, d.kept = read.identity, nil
	default:
		d.lastSeen, d.kept = read.identity, read
	}
}

// keepOver keeps what a listing read beside what was kept before it. Where the whole was
// read meanwhile, or found that what was kept is wrong, that stands for the next one.
func (d *Driver) keepOver(before, read *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnce, d.lastSeen = true, read.identity
	if d.kept == before {
		d.kept = read
	}
}

// hasRead reports whether this process has read the repository, or taken over what
// another one had.
func (d *Driver) hasRead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.readOnce
}

func (d *Driver) keptReading() *reading {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept
}

// open returns the store, opened with the credentials of now; nil where it is of a kind
// that is not looked at. What was read with others is not built upon, so that a change
// of the credentials counts at once.
func (d *Driver) open(program cli.Program) *store.Store {
	if !store.Can(program.Location.Kind) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store != nil && d.store.OpenedWith(program.Credentials) {
		return d.store
	}
	opened, err := store.Open(program.Location, program.Credentials, program.Region, d.cluster.Observe)
	if err != nil {
		return nil // restic says what is wrong with the address
	}
	if d.store != nil {
		d.store.Close()
	}
	d.store = opened
	return opened
}

// faster returns what has restic make more requests at once.
func faster(kind cli.Kind) []string {
	if kind == cli.Local {
		return nil
	}
	return []string{"-o", string(kind) + ".connections=" + connections}
}

// gatherer keeps one copy of each text that snapshots share: a repository holds many
// snapshots of few claims.
type gatherer struct {
	snapshots []snapshot
	words     map[string]string
}

func newGatherer() *gatherer {
	return &gatherer{words: make(map[string]string)}
}

func (g *gatherer) add(s snapshot) {
	for _, texts := range [][]string{s.Paths, s.Tags} {
		for i, text := range texts {
			texts[i] = g.word(text)
		}
	}
	s.Paths, s.Tags = slices.Clip(s.Paths), slices.Clip(s.Tags)
	s.Host, s.Program = g.word(s.Host), g.word(s.Program)
	g.snapshots = append(g.snapshots, s)
}

func (g *gatherer) word(text string) string {
	if known, there := g.words[text]; there {
		return known
	}
	g.words[text] = text
	return text
}

func idsOf(snapshots []snapshot) []string {
	ids := make([]string, 0, len(snapshots))
	for _, s := range snapshots {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}
