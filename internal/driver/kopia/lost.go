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

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// sessions are the programs that are writing to the repository, or were and
// crashed.
type sessions map[content.SessionID]*content.SessionInfo

// doubts reports the claims that are being backed up, and of the sessions that may
// be of any claim: of what a session will be is known by whom it is alone.
func (s sessions) doubts(cfg Config) (out []doubt, strays []attribution.Stray) {
	for _, id := range slices.Sorted(maps.Keys(s)) {
		began := s[id].StartTime.UTC()
		claim, owned, stray := cfg.attribute(factsOf(map[string]string{userLabel: s[id].User, hostLabel: s[id].Host}))
		switch {
		case owned:
			out = append(out, doubt{claim, backup.UnderWay(backup.Errorf(backup.Unavailable,
				"a backup of %s by Kopia is running since %s, or was cut off", claim, began.Format(time.RFC3339)))})
		case stray != nil:
			strays = append(strays, as(stray, manifest.ID("session "+id), began))
		}
	}
	return out, strays
}

// maxSearched bounds how many packs are searched for lost snapshots.
const maxSearched = 256

// searchLost tells of the claims whose snapshots are in the packs, while no index
// tells of them, and of such snapshots of no known claim.
func (r *repository) searchLost(ctx context.Context, cfg Config, packs []blob.Metadata, running sessions) ([]doubt, []attribution.Stray, error) {
	unknown, err := r.unknown(ctx, packs, running)
	if err != nil || len(unknown) == 0 {
		return nil, nil, err
	}
	everybody := func(format string, args ...any) []doubt {
		return []doubt{{backup.Claim{}, backup.Errorf(backup.Unavailable, format, args...)}}
	}
	if len(unknown) > maxSearched {
		return everybody("the index of the Kopia repository in %s tells nothing of %d packs of metadata; see `kopia index recover`", r.view.DisplayName(), len(unknown)), nil, nil
	}
	// What the packs themselves say that they hold is put over the index, in memory.
	patched := content.NewWriteManager(ctx, r.shared, content.SessionOptions{}, "")
	for _, pack := range unknown {
		_, err := patched.RecoverIndexFromPackBlob(ctx, pack.BlobID, pack.Length, true)
		switch {
		case errors.Is(err, blob.ErrBlobNotFound): // tidied up since
		case ctx.Err() != nil:
			return nil, nil, err
		case err != nil:
			return everybody("the index of the Kopia repository in %s tells nothing of the pack %s, which cannot be read either: %w", r.view.DisplayName(), pack.BlobID, err), nil, nil
		}
	}
	lost, strays, err := r.onlyIn(ctx, cfg, patched)
	if err != nil && ctx.Err() == nil {
		return everybody("the index of the Kopia repository in %s tells nothing of %d packs of metadata, which cannot be read either: %w", r.view.DisplayName(), len(unknown), err), nil, nil
	}
	return lost, strays, err
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
// not in the repository's own, and of such snapshots of no known claim.
func (r *repository) onlyIn(ctx context.Context, cfg Config, patched *content.WriteManager) ([]doubt, []attribution.Stray, error) {
	manifests, err := manifest.NewManager(ctx, patched, manifest.ManagerOptions{}, nil)
	if err != nil {
		return nil, nil, err
	}
	all, err := manifests.Find(ctx, map[string]string{manifest.TypeLabelKey: typeSnapshot})
	if err != nil {
		return nil, nil, err
	}
	type snapshotAt struct {
		id manifest.ID
		at time.Time
	}
	lost := map[backup.Claim]snapshotAt{} // the newest of each
	var strays []attribution.Stray
	for _, m := range all {
		if _, err := r.manifests.GetMetadata(ctx, m.ID); !errors.Is(err, manifest.ErrNotFound) {
			if err != nil {
				return nil, nil, err
			}
			continue
		}
		var s snapshot
		if _, err := manifests.Get(ctx, m.ID, &s); err != nil {
			return nil, nil, err
		}
		facts := factsOf(m.Labels)
		facts[attribution.KeyTag] = tagsOf(s.Tags)
		claim, owned, stray := cfg.attribute(facts)
		switch {
		case s.Incomplete != "":
		case owned:
			if other, known := lost[claim]; !known || !other.at.IsZero() && (s.StartTime.IsZero() || s.StartTime.After(other.at)) {
				lost[claim] = snapshotAt{m.ID, s.StartTime}
			}
		case stray != nil:
			strays = append(strays, as(stray, m.ID, s.StartTime))
		}
	}
	var out []doubt
	for _, claim := range slices.SortedFunc(maps.Keys(lost), func(a, b backup.Claim) int { return strings.Compare(a.String(), b.String()) }) {
		out = append(out, doubt{claim, backup.TakenBy(backup.Errorf(backup.Unavailable,
			"the Kopia repository in %s holds the snapshot %s of %s, of which its index does not tell; see `kopia index recover`", r.view.DisplayName(), lost[claim].id, claim), lost[claim].at)})
	}
	return out, strays, nil
}
