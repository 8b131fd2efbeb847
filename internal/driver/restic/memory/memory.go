package memory

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/expectation"
)

const (
	// lockPatience is how long a copy waits for another's exclusive lock, such as
	// that of a prune.
	lockPatience = "10m"
	// tidyPatience is how long the removal of old copies waits for an exclusive
	// lock. It is short: a backup may run for hours, and the next copy comes soon.
	tidyPatience = "10s"
	// kept is how many superseded copies of each instance stay.
	kept = 4
	// untidy is how many more there must be before any is removed, since that keeps
	// others out of the repository for a moment.
	untidy = 8
)

// Owner is whose copies are meant.
type Owner struct {
	// Cluster is the cluster's name, "" where it has none.
	Cluster string
	// Instance identifies this installation of Soteria.
	Instance string
}

// Reader reads copies, each once. The zero value is ready. It is safe for concurrent
// use.
type Reader struct {
	mu sync.Mutex
	// read holds what each head holds, by id.
	read map[string]expectation.Claims
}

// Read returns what the copies in the repository remember, of those clusters of whose
// names wanted returns true; "" is that of clusters without one. It is empty without
// an error only where the whole repository was listed and holds no such copy: one that
// is there and cannot be read is an error.
func (r *Reader) Read(ctx context.Context, restic cli.Runner, wanted func(cluster string) bool) (expectation.Copies, error) {
	notes, err := note.List(ctx, restic, note.Expectations)
	if err != nil {
		return nil, err
	}
	return r.ReadNotes(ctx, restic, notes, wanted)
}

// ReadNotes is Read where it is known already which notes the whole repository holds. It
// runs restic for each copy that was not read before.
func (r *Reader) ReadNotes(ctx context.Context, restic cli.Runner, notes []note.Note, wanted func(cluster string) bool) (expectation.Copies, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	heads, copies := make(map[string]struct{}), make(expectation.Copies)
	for _, cluster := range note.Clusters(notes, note.Expectations) {
		if !wanted(cluster) {
			continue
		}
		for _, head := range note.Heads(note.Of(notes, note.Expectations, cluster)) {
			claims, known := r.read[head.ID]
			if !known {
				var err error
				if claims, err = readOne(ctx, restic, head); err != nil {
					return nil, err
				}
			}
			// At once: a reading that ends early need not begin at the first again.
			r.keep(head.ID, claims)
			heads[head.ID] = struct{}{}
			copies[cluster] = expectation.Union(copies[cluster], claims)
		}
	}
	maps.DeleteFunc(r.read, func(id string, _ expectation.Claims) bool { _, is := heads[id]; return !is })
	return copies, nil
}

// keep keeps what a copy holds. The caller holds the lock.
func (r *Reader) keep(id string, claims expectation.Claims) {
	if r.read == nil {
		r.read = make(map[string]expectation.Claims)
	}
	r.read[id] = claims
}

// readOne reads one copy.
func readOne(ctx context.Context, restic cli.Runner, n note.Note) (expectation.Claims, error) {
	content, err := note.Read(ctx, restic, n)
	if err != nil {
		return nil, err
	}
	claims, err := expectation.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable,
			"snapshot %s, which holds what Soteria remembers of the backups, cannot be understood: %w; if it is damaged, remove it with `restic forget %s`, and the one before it is read",
			backup.ShortID(n.ID), err, n.ID)
	}
	return claims, nil
}

// Written is what became of a copy.
type Written struct {
	// ID is the snapshot that holds it now.
	ID string
	// Claims is how many claims it remembers.
	Claims int
	// Untidy is why old copies could not be removed, nil where there was nothing to
	// remove or it worked. Nothing depends on it.
	Untidy error
}

// Write writes what is remembered beside the backups, joined with all that is there
// already: it reads that first, and writes nothing if it cannot be read. Where a
// copy holds all of it, that one stays. It may be repeated at will, and done by
// several at once.
func Write(ctx context.Context, restic cli.Runner, owner Owner, claims expectation.Claims, now time.Time) (Written, error) {
	notes, err := note.List(ctx, restic, note.Expectations)
	if err != nil {
		return Written{}, err
	}
	return WriteOver(ctx, restic, owner, claims, notes, now)
}

// WriteOver is Write where it is known already which notes there are. One that is there
// and not among them is not superseded: both are read then, and the next copy joins them.
func WriteOver(ctx context.Context, restic cli.Runner, owner Owner, claims expectation.Claims, notes []note.Note, now time.Time) (Written, error) {
	notes = note.Of(notes, note.Expectations, owner.Cluster)
	heads := note.Heads(notes)
	joined := claims
	alike := len(heads) == 1 && heads[0].Instance == owner.Instance
	for _, head := range heads {
		there, err := readOne(ctx, restic, head)
		if err != nil {
			return Written{}, err
		}
		joined = expectation.Union(joined, there)
		alike = alike && reflect.DeepEqual(joined, there)
	}
	written := Written{Claims: len(joined)}
	if alike {
		written.ID = heads[0].ID
	} else {
		n, err := write(ctx, restic, owner, joined, notes, now)
		if err != nil {
			return Written{}, err
		}
		written.ID, notes = n.ID, append(notes, n)
	}
	if outdated := note.Outdated(notes, kept); len(outdated) >= untidy {
		written.Untidy = note.Forget(ctx, restic, outdated, tidyPatience)
	}
	return written, nil
}

// write writes one copy that supersedes the heads among the notes.
func write(ctx context.Context, restic cli.Runner, owner Owner, claims expectation.Claims, notes []note.Note, now time.Time) (note.Note, error) {
	var content bytes.Buffer
	if err := expectation.Encode(&content, claims); err != nil {
		return note.Note{}, err
	}
	draft := note.Draft{
		Kind: note.Expectations, Cluster: owner.Cluster, Instance: owner.Instance,
		Since: firstOf(notes, owner.Instance, now),
	}
	for _, head := range note.Heads(notes) {
		draft.Over = append(draft.Over, head.ID)
	}
	slices.Sort(draft.Over)
	id, err := note.Write(ctx, restic, draft, content.Bytes(), lockPatience)
	return note.Note{ID: id, At: now, Draft: draft}, err
}

// firstOf is when the instance wrote its first copy, as far as the notes tell.
func firstOf(notes []note.Note, instance string, now time.Time) time.Time {
	first := now
	for _, n := range notes {
		if n.Instance == instance && !n.Since.IsZero() && n.Since.Before(first) {
			first = n.Since
		}
	}
	return first
}
