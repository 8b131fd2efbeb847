package kopia

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/manifest"

	"github.com/soteria-dr/soteria/internal/backup"
)

// sessions are the programs that are writing to the repository, or were and
// crashed.
type sessions map[content.SessionID]*content.SessionInfo

// doubts tells of the claims that are being backed up.
func (s sessions) doubts() []doubt {
	var out []doubt
	for _, id := range slices.Sorted(maps.Keys(s)) {
		if claim, ok := claimOf(s[id].User, s[id].Host); ok {
			out = append(out, doubt{claim, backup.Errorf(backup.Unavailable,
				"a backup of %s by Kopia is running since %s, or was cut off", claim, s[id].StartTime.UTC().Format(time.RFC3339))})
		}
	}
	return out
}

// maxSearched bounds how many packs are searched for lost snapshots.
const maxSearched = 256

// searchLost tells of the claims whose snapshots are in the packs, while no index
// tells of them.
func (r *repository) searchLost(ctx context.Context, packs []blob.Metadata, running sessions) ([]doubt, error) {
	unknown, err := r.unknown(ctx, packs, running)
	if err != nil || len(unknown) == 0 {
		return nil, err
	}
	everybody := func(format string, args ...any) []doubt {
		return []doubt{{backup.Claim{}, backup.Errorf(backup.Unavailable, format, args...)}}
	}
	if len(unknown) > maxSearched {
		return everybody("the index of the Kopia repository in %s tells nothing of %d packs of metadata; see `kopia index recover`", r.view.DisplayName(), len(unknown)), nil
	}
	// What the packs themselves say that they hold is put over the index, in memory.
	patched := content.NewWriteManager(ctx, r.shared, content.SessionOptions{}, "")
	for _, pack := range unknown {
		_, err := patched.RecoverIndexFromPackBlob(ctx, pack.BlobID, pack.Length, true)
		switch {
		case errors.Is(err, blob.ErrBlobNotFound): // tidied up since
		case ctx.Err() != nil:
			return nil, err
		case err != nil:
			return everybody("the index of the Kopia repository in %s tells nothing of the pack %s, which cannot be read either: %w", r.view.DisplayName(), pack.BlobID, err), nil
		}
	}
	lost, err := r.onlyIn(ctx, patched)
	if err != nil && ctx.Err() == nil {
		return everybody("the index of the Kopia repository in %s tells nothing of %d packs of metadata, which cannot be read either: %w", r.view.DisplayName(), len(unknown), err), nil
	}
	return lost, err
}

// unknown gives the packs that no index and no session explains.
func (r *repository) unknown(ctx context.Context, packs []blob.Metadata, running sessions) ([]blob.Metadata, error) {
	known := map[blob.ID]bool{}
	err := r.contents.IteratePacks(ctx, content.IteratePackOptions{
		IncludePacksWithOnlyDeletedContent: true,
		Prefixes:                           []blob.ID{content.PackBlobIDPrefixSpecial},
	}, func(p content.PackInfo) error {
		known[p.PackID] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading which packs the index tells of: %w", err)
	}
	return slices.DeleteFunc(packs, func(pack blob.Metadata) bool {
		_, writing := running[content.SessionIDFromBlobID(pack.BlobID)]
		return known[pack.BlobID] || writing
	}), nil
}

// onlyIn tells of the claims that have complete snapshots in the patched index and
// not in the repository's own.
func (r *repository) onlyIn(ctx context.Context, patched *content.WriteManager) ([]doubt, error) {
	manifests, err := manifest.NewManager(ctx, patched, manifest.ManagerOptions{}, nil)
	if err != nil {
		return nil, err
	}
	all, err := manifests.Find(ctx, map[string]string{manifest.TypeLabelKey: typeSnapshot})
	if err != nil {
		return nil, err
	}
	lost := map[backup.Claim]manifest.ID{}
	for _, m := range all {
		claim, ok := claimOf(m.Labels["username"], m.Labels["hostname"])
		if !ok {
			continue
		}
		if _, err := r.manifests.GetMetadata(ctx, m.ID); !errors.Is(err, manifest.ErrNotFound) {
			if err != nil {
				return nil, err
			}
			continue
		}
		var s snapshot
		if _, err := manifests.Get(ctx, m.ID, &s); err != nil {
			return nil, err
		}
		if s.Incomplete == "" {
			lost[claim] = m.ID
		}
	}
	var out []doubt
	for _, claim := range slices.SortedFunc(maps.Keys(lost), func(a, b backup.Claim) int { return strings.Compare(a.String(), b.String()) }) {
		out = append(out, doubt{claim, backup.Errorf(backup.Unavailable,
			"the Kopia repository in %s holds the snapshot %s of %s, of which its index does not tell; see `kopia index recover`", r.view.DisplayName(), lost[claim], claim)})
	}
	return out, nil
}
