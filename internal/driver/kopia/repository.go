package kopia

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/format"
	"github.com/kopia/kopia/repo/manifest"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// repository is an open repository. It is used by one goroutine at a time.
type repository struct {
	view *view
	// description is the kopia.repository that it was opened with, by password.
	description []byte
	password    secret.String
	id          string
	format      *format.Manager

	// The rest is nil until a listing read the index.
	shared    *content.SharedManager
	contents  *content.WriteManager
	manifests *manifest.Manager
	// listed is what was found at this revision of the index.
	revision int64
	listed   *holding
}

// describe reads kopia.repository.
func describe(ctx context.Context, from store) ([]byte, error) {
	var description buffer
	err := from.GetBlob(ctx, format.KopiaRepositoryBlobID, 0, -1, &description)
	switch {
	case errors.Is(err, blob.ErrBlobNotFound):
		return nil, backup.Errorf(backup.RepositoryAbsent,
			"there is no Kopia repository in %s: it has no kopia.repository; is the volume mounted, and is this the right place?", from.Where())
	case err != nil:
		return nil, err
	}
	return description.Bytes(), nil
}

// unlock opens a repository. It derives a key from the password, which takes half
// a second of one core, see relock.
func unlock(ctx context.Context, from store, description []byte, password secret.String) (*repository, error) {
	parsed, err := format.ParseKopiaRepositoryJSON(description)
	if err != nil || len(parsed.UniqueID) == 0 {
		return nil, backup.Errorf(backup.Unavailable, "kopia.repository in %s is damaged", from.Where())
	}
	r := &repository{
		view:        &view{store: from, description: description},
		description: description, password: password, id: hex.EncodeToString(parsed.UniqueID),
	}
	opensWith := password.Reveal()
	if parsed.KeyDerivationAlgorithm == byScrypt {
		r.view.description, opensWith, err = relock(*parsed, opensWith)
	}
	if err == nil {
		r.format, err = format.NewManager(ctx, r.view, "", format.DefaultRepositoryBlobCacheDuration, opensWith, time.Now)
	}
	switch {
	case errors.Is(err, format.ErrInvalidPassword):
		return nil, backup.Errorf(backup.Credentials, "the password does not open the Kopia repository in %s", from.Where())
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "opening the Kopia repository in %s: %w", from.Where(), err)
	}
	return r, r.usable(ctx)
}

// understood are the features of repositories that this version of kopia knows.
var understood = map[string]bool{"index-v1": true, "index-v2": true}

// usable checks that the repository may be read by this version of kopia.
func (r *repository) usable(ctx context.Context) error {
	required, err := r.format.RequiredFeatures(ctx)
	if err != nil {
		return backup.Errorf(backup.Unavailable, "reading what the Kopia repository requires: %w", err)
	}
	for _, f := range required {
		if !understood[string(f.Feature)] && !f.IfNotUnderstood.Warn {
			return backup.Errorf(backup.Unavailable, "the Kopia repository in %s requires %q, which this version of Soteria cannot do", r.view.DisplayName(), f.Feature)
		}
	}
	lock, err := r.format.UpgradeLockIntent(ctx)
	if err != nil {
		return backup.Errorf(backup.Unavailable, "reading whether the Kopia repository is being upgraded: %w", err)
	}
	if locked, _ := lock.IsLocked(time.Now()); locked {
		return backup.Errorf(backup.Unavailable, "the Kopia repository in %s is being upgraded", r.view.DisplayName())
	}
	return nil
}

// is reports whether this is the repository with the description and password.
func (r *repository) is(description []byte, password secret.String) bool {
	return bytes.Equal(r.description, description) && r.password.Equal(password.Reveal())
}

// list tells what the repository holds now. An error of the store is given as it
// is, one of kopia's without a kind.
func (r *repository) list(ctx context.Context, cfg Config) (holding, error) {
	ctx, done := r.view.during(ctx)
	defer done()
	found, err := r.look(ctx, cfg)
	if err != nil && ctx.Err() != nil {
		return holding{}, context.Cause(ctx)
	}
	return found, err
}

func (r *repository) look(ctx context.Context, cfg Config) (holding, error) {
	if err := r.open(ctx); err != nil {
		return holding{}, err
	}
	running, err := r.looked(ctx)
	if err != nil {
		return holding{}, err
	}
	if r.listed == nil || r.revision != r.contents.Revision() {
		if running, err = r.lookAgain(ctx, cfg); err != nil {
			r.listed = nil
			return holding{}, err
		}
	}
	found := *r.listed
	doubts, strays := running.doubts(cfg)
	found.doubts, found.strays = slices.Concat(doubts, found.doubts), slices.Concat(strays, found.strays)
	return found, nil
}

// looked reads which backups are running and brings the index to what the store
// holds, in this order: one that ends meanwhile is seen as running rather than
// not at all.
func (r *repository) looked(ctx context.Context) (sessions, error) {
	running, err := r.contents.ListActiveSessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading which backups are running: %w", err)
	}
	return running, r.contents.Refresh(ctx)
}

// lookAgain reads what a changed index says. The packs are listed before
// everything else: each is then of a backup that runs, or in the index.
func (r *repository) lookAgain(ctx context.Context, cfg Config) (sessions, error) {
	packs, err := blob.ListAllBlobs(ctx, r.view, content.PackBlobIDPrefixSpecial)
	if err != nil {
		return nil, fmt.Errorf("listing packs of metadata: %w", err)
	}
	running, err := r.looked(ctx)
	if err != nil {
		return nil, err
	}
	revision := r.contents.Revision()
	listed, err := r.readManifests(ctx, cfg)
	if err != nil {
		return nil, err
	}
	lost, lostStrays, err := r.searchLost(ctx, cfg, packs, running)
	if err != nil {
		return nil, err
	}
	r.listed = &holding{
		repository: r.id, backups: listed.backups, doubts: append(listed.doubts, lost...), strays: append(listed.strays, lostStrays...),
	}
	r.revision = revision
	if len(lost)+len(lostStrays) > 0 {
		r.revision = never // until it is mended
	}
	return running, nil
}

// hasSettled reports whether what was found can change only with the blobs that say it: no
// backup is running, and none is lost.
func (r *repository) hasSettled(found holding) bool {
	return r.revision != never && len(found.doubts) == len(r.listed.doubts) && len(found.strays) == len(r.listed.strays)
}

// never is the revision of no index.
const never = -1

// open reads the index for the first time.
func (r *repository) open(ctx context.Context) error {
	if r.contents != nil {
		return nil
	}
	shared, err := content.NewSharedManager(ctx, r.view, r.format, nil, nil, nil, nil)
	if err != nil {
		return err
	}
	contents := content.NewWriteManager(ctx, shared, content.SessionOptions{}, "")
	manifests, err := manifest.NewManager(ctx, contents, manifest.ManagerOptions{}, nil)
	if err != nil {
		return err
	}
	r.shared, r.contents, r.manifests = shared, contents, manifests
	return nil
}
