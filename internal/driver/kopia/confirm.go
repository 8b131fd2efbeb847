package kopia

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/content/indexblob"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

var _ driver.Confirmer = (*Driver)(nil)

// changing are what the names of all blobs begin with of which some come or go whenever a
// snapshot is written or deleted: those of both sorts of index, of what the older sort
// compacts, and of the sessions that write.
var changing = []blob.ID{epoch, indexblob.V0IndexBlobPrefix, indexblob.V0CompactionLogBlobPrefix, content.BlobIDPrefixSession}

// names are the blobs of a repository that change, with their sizes. A blob is never
// written twice under one name.
type names map[blob.ID]int64

// look lists the blobs that change.
func look(ctx context.Context, from store) (names, error) {
	found := names{}
	for _, prefix := range changing {
		err := from.ListBlobs(ctx, prefix, func(b blob.Metadata) error {
			if !strings.HasPrefix(string(b.BlobID), string(prefix)) {
				return backup.Errorf(backup.Unavailable, "the store %s lists %.80q below %q", from.Where(), b.BlobID, prefix)
			}
			found[b.BlobID] = b.Length
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// below returns those whose names begin so.
func (n names) below(prefix blob.ID) names {
	some := names{}
	for id, size := range n {
		if strings.HasPrefix(string(id), string(prefix)) {
			some[id] = size
		}
	}
	return some
}

// mark identifies the repository with this description and these blobs; "" without any
// index: its absence confirms nothing.
func (n names) mark(description []byte) string {
	if len(n.below(epoch))+len(n.below(indexblob.V0IndexBlobPrefix)) == 0 {
		return ""
	}
	text, err := json.Marshal(n) // in the order of the names
	if err != nil {
		return ""
	}
	sum := sha256.New()
	sum.Write([]byte(hex.EncodeToString(description)))
	sum.Write(text)
	return hex.EncodeToString(sum.Sum(nil))
}

// Confirm implements [driver.Confirmer], with four lists of names and one read of
// kopia.repository. It takes turns with listings.
func (d *Driver) Confirm(ctx context.Context, mark string) (bool, error) {
	return inTurn(ctx, d, func() (bool, error) {
		password, err := d.password()
		if err != nil {
			return false, err
		}
		now, err := look(ctx, d.store)
		if err != nil {
			return false, err
		}
		description, err := describe(ctx, d.store)
		if err != nil {
			return false, err
		}
		return mark != "" && d.open != nil && d.open.is(description, password) && now.mark(description) == mark, nil
	})
}

// inTurn does what only one may do at a time. A caller whose context ends while the store
// hangs leaves its turn to the reading, which nobody can interrupt.
func inTurn[T any](ctx context.Context, d *Driver, do func() (T, error)) (T, error) {
	var none T
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return none, d.late(ctx)
	}
	type outcome struct {
		found T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-d.turn }()
		found, err := do()
		done <- outcome{found, d.explain(ctx, err)}
	}()
	select {
	case <-ctx.Done():
		return none, d.late(ctx)
	case o := <-done:
		return o.found, o.err
	}
}
