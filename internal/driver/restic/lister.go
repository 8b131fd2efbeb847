package restic

import (
	"context"
	"io"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// List implements [driver.Lister].
//
// Where the store can be looked at without restic (package store), restic reads the
// snapshots that are new since the last listing, in one run, and none runs where there
// are none; a run costs a key derivation, half a second of one core and 60 MiB by
// restic's design. Else, and where a snapshot is gone, the whole is read: `snapshots`
// and then `cat config`, and once more the first time and after a failure. The identity
// read after such a listing must be the one known from before it, so that a listing
// that a change of repositories fell into proves nothing, nor one of a repository that
// was being removed.
func (d *Driver) List(ctx context.Context, into driver.Listing) (string, error) {
	program, secret, err := d.programNow(ctx)
	if err != nil {
		return "", err
	}
	began := d.cluster.Clock.Now()
	read, err := d.read(ctx, program, secret)
	if err != nil {
		return "", err
	}
	d.proved(read, began)
	joined := newJoiner(d.cfg, into.Backup)
	for _, s := range read.snapshots {
		if _, is := s.note(); !is {
			joined.add(s)
		}
	}
	d.keepNotes(read.notes())
	joined.end()
	into.Strays(joined.strays, Strays)
	into.Mark(read.mark)
	return read.identity, nil
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
