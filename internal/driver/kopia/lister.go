package kopia

import (
	"context"
	"errors"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// holding is what a listing found.
type holding struct {
	repository string
	backups    []backup.Backup
	doubts     []doubt
	strays     []attribution.Stray
	// mark identifies what was read; "" where it may change by itself.
	mark string
}

// doubt is a claim that may have other backups than those that were found.
type doubt struct {
	claim backup.Claim
	why   error
}

// List implements [driver.Lister]. Listings take turns. One whose context ends
// while the store hangs leaves its turn to the reading, which nobody can
// interrupt; those that follow wait for that to end.
func (d *Driver) List(ctx context.Context, into driver.Listing) (string, error) {
	found, err := inTurn(ctx, d, func() (holding, error) { return d.read(ctx) })
	if err != nil {
		return "", err
	}
	for _, b := range found.backups {
		into.Backup(b)
	}
	for _, doubted := range found.doubts {
		into.Doubt(doubted.claim, doubted.why)
	}
	into.Strays(found.strays, Strays(d.Name()))
	into.Mark(found.mark)
	return found.repository, nil
}

func (d *Driver) late(ctx context.Context) error {
	return backup.Errorf(backup.Unavailable, "reading the Kopia repository in %s took too long: %w", d.store.Where(), context.Cause(ctx))
}

// read reads the repository, which is opened before if that was not done or it
// is another one by now.
func (d *Driver) read(ctx context.Context) (holding, error) {
	password, err := d.password()
	if err != nil {
		return holding{}, err
	}
	before, err := describe(ctx, d.store)
	if err != nil {
		return holding{}, err
	}
	if d.open == nil || !d.open.is(before, password) {
		d.open = nil
		if d.open, err = unlock(ctx, d.store, before, password); err != nil {
			return holding{}, err
		}
	}
	names, err := look(ctx, d.store)
	if err != nil {
		return holding{}, err
	}
	found, err := d.open.list(ctx, d.cfg)
	if err != nil {
		return holding{}, err
	}
	if d.open.hasSettled(found) && d.open.view.read(names) {
		found.mark = names.mark(before)
	}
	switch after, err := describe(ctx, d.store); {
	case err != nil:
		return holding{}, err
	case !d.open.is(after, password):
		return holding{}, backup.Errorf(backup.RepositoryChanged, "the Kopia repository in %s was replaced or changed while it was listed", d.store.Where())
	}
	return found, nil
}

// explain gives an error a kind: one of kopia's has none.
func (d *Driver) explain(ctx context.Context, err error) error {
	var typed *backup.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return d.late(ctx)
	case errors.As(err, &typed):
		return err
	default:
		return backup.Errorf(backup.Unavailable, "the Kopia repository in %s cannot be read whole, it may be damaged: %w", d.store.Where(), err)
	}
}
