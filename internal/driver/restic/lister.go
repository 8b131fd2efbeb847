package restic

import (
	"context"
	"io"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
)

// List implements [driver.Lister].
//
// It runs restic twice, `snapshots` and then `cat config`, and once more the
// first time and after a failure: each run costs a key derivation, half a second
// of one core and 60 MiB by restic's design. The identity read after the listing
// must be the one known from before it, so that a listing that a change of
// repositories fell into proves nothing, nor one of a repository that was being
// removed.
func (d *Driver) List(ctx context.Context, into driver.Listing) (string, error) {
	program, err := d.program(ctx)
	if err != nil {
		return "", err
	}
	before := d.identitySeen()
	if before == "" {
		if before, err = cli.Identity(ctx, program); err != nil {
			return "", err
		}
	}
	joined, notes := newJoiner(d.cfg, into.Backup), []note.Note(nil)
	if err := listSnapshots(ctx, program, nil, func(s snapshot) {
		if n, is := s.note(); is {
			notes = append(notes, n)
			return
		}
		joined.add(s)
	}); err != nil {
		d.see("")
		return "", err
	}
	after, err := cli.Identity(ctx, program)
	if err != nil {
		d.see("")
		return "", err
	}
	d.see(after)
	if after != before {
		return "", backup.Errorf(backup.RepositoryChanged,
			"the repository at %s is %.12s and was %.12s when the listing began", d.location.Text, after, before)
	}
	d.keepNotes(notes)
	joined.end()
	into.Strays(joined.strays, Strays)
	return after, nil
}

func (d *Driver) identitySeen() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastSeen
}

func (d *Driver) see(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastSeen = id
}

// listSnapshots yields every snapshot in the repository that restic's filter lets
// through.
func listSnapshots(ctx context.Context, program cli.Program, filter []string, each func(snapshot)) error {
	return cli.RunWhole(ctx, program, cli.Invocation{
		Args:      append([]string{"snapshots", "--json", "--no-lock"}, filter...),
		Stdout:    func(stdout io.Reader) error { return readSnapshots(stdout, each) },
		Otherwise: backup.Unavailable,
	}, "the list of snapshots")
}
