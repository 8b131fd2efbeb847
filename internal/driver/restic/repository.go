package restic

import (
	"context"
	"errors"
	"fmt"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// Identity reads the repository's id, with which the catalog pins it. Errors
// are those of [driver.Lister].
func (d *Driver) Identity(ctx context.Context) (string, error) {
	program, err := d.program(ctx)
	if err != nil {
		return "", err
	}
	return cli.Identity(ctx, program)
}

// InitRepository makes the repository and gives its new id, which then belongs
// into SOTERIA_RESTIC_REPOSITORY_ID. It does so only where it is proved that
// there is none: one that exists is a Conflict that names its id, and whatever
// else keeps the place from answering is that error. In the whole cluster one
// call at a time gets that far; the others are a Conflict.
func (d *Driver) InitRepository(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, initPatience)
	defer cancel()
	release, err := d.lockRepository(ctx)
	if err != nil {
		return "", err
	}
	defer release()

	program, err := d.program(ctx)
	if err != nil {
		return "", err
	}
	id, err := cli.Identity(ctx, program)
	switch {
	case err == nil:
		return "", backup.Errorf(backup.Conflict, "there is a repository at %s already, with the id %s", d.location.Text, id)
	case !errors.Is(err, cli.ErrNoRepository):
		return "", err
	}
	return initialize(ctx, program)
}

// initialize runs `restic init`, which itself refuses where a config exists, and
// reads back the id that the repository has now.
func initialize(ctx context.Context, program cli.Program) (string, error) {
	err := program.Run(ctx, cli.Invocation{Args: []string{"init", "--json"}, Otherwise: backup.DriverFailed})
	if err != nil {
		return "", fmt.Errorf("making the repository: %w", err)
	}
	return cli.Identity(ctx, program)
}
