package kopia

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kopia/kopia/repo/manifest"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// snapshot is a manifest of type snapshot.
type snapshot struct {
	Source     source            `json:"source"`
	StartTime  time.Time         `json:"startTime"`
	Incomplete string            `json:"incomplete"`
	RootEntry  *entry            `json:"rootEntry"`
	Tags       map[string]string `json:"tags"`
}

// source is what a snapshot is of.
type source struct {
	Host     string `json:"host"`
	UserName string `json:"userName"`
	Path     string `json:"path"`
}

// entry is the folder that was backed up.
type entry struct {
	Object  string `json:"obj"`
	Summary *struct {
		Bytes    int64 `json:"size"`
		Files    int64 `json:"files"`
		Symlinks int64 `json:"symlinks"`
		Folders  int64 `json:"dirs"`
	} `json:"summ"`
}

// typeSnapshot is the type of manifests that are snapshots.
const typeSnapshot = "snapshot"

// userSuffix is what the names of users have after that of the claim.
const userSuffix = "-backup"

// SourceOf names who makes the snapshots of a claim, as user@host.
func SourceOf(claim backup.Claim) string { return claim.Name + userSuffix + "@" + claim.Namespace }

// claimOf gives the claim that a user of a host backs up, if it is one.
func claimOf(user, host string) (backup.Claim, bool) {
	name, ok := strings.CutSuffix(user, userSuffix)
	claim := backup.Claim{Namespace: host, Name: name}
	return claim, ok && claim.Validate() == nil
}

// readManifests reads every snapshot that is in the index.
func (r *repository) readManifests(ctx context.Context, cfg Config) (holding, error) {
	all, err := r.manifests.Find(ctx, nil)
	if err != nil {
		return holding{}, err
	}
	if len(all) == 0 {
		return holding{}, backup.Errorf(backup.Unavailable,
			"the Kopia repository in %s has no manifest, not even the policy that Kopia writes when it makes a repository; its index may be lost, see `kopia index recover`", r.view.DisplayName())
	}
	var found holding
	for _, m := range all {
		if m.Labels[manifest.TypeLabelKey] != typeSnapshot {
			continue
		}
		var s snapshot
		if _, err := r.manifests.Get(ctx, m.ID, &s); err != nil {
			return holding{}, err
		}
		facts := factsOf(m.Labels)
		facts[attribution.KeyTag] = tagsOf(s.Tags)
		claim, owned, stray := cfg.attribute(facts)
		switch {
		case s.Incomplete != "":
		case stray != nil:
			found.strays = append(found.strays, as(stray, m.ID, s.StartTime))
		case !owned:
		case s.RootEntry == nil || s.StartTime.IsZero():
			found.doubts = append(found.doubts, doubt{claim, backup.TakenBy(backup.Errorf(backup.Unavailable, "the Kopia snapshot %s of %s cannot be read", m.ID, claim), s.StartTime)})
		default:
			found.backups = append(found.backups, s.backup(claim, cfg.Name(), string(m.ID)))
		}
	}
	return found, nil
}

// backup puts a complete snapshot into Soteria's words.
func (s snapshot) backup(claim backup.Claim, driver, id string) backup.Backup {
	b := backup.Backup{
		Claim: claim, Driver: driver, ID: id, TakenAt: s.StartTime, SizeBytes: -1, Files: -1, DataBytes: -1,
		Locator: cmp.Or(s.RootEntry.Object, id), Tags: tagsOf(s.Tags),
	}
	if sum := s.RootEntry.Summary; sum != nil {
		b.SizeBytes, b.DataBytes = sum.Bytes, sum.Bytes
		b.Files = sum.Files + sum.Symlinks + sum.Folders
	}
	return b
}

func tagsOf(tags map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, strings.TrimPrefix(key, "tag:")+"="+tags[key])
	}
	return out
}
