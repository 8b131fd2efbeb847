package main

import (
	"context"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// unlisted is a driver that takes backups and is not looked at for restores. A claim
// whose only backups are its own must not start empty, so it is recorded that there
// are some before the first is taken: no claim is then proved to have none, as for a
// backup system that was dropped.
type unlisted struct {
	driver.Backuper
	name   string
	record func(ctx context.Context, driver string) error
}

// Backup implements [driver.Backuper]. Where it cannot be recorded, no backup is
// taken and the error is of kind Unavailable.
func (u unlisted) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	if !req.DryRun {
		if err := u.record(ctx, u.name); err != nil {
			return driver.BackupStarted{}, backup.Errorf(backup.Unavailable, "recording that %s, which SOTERIA_RESTORE_DRIVERS does not name, holds backups: %w", u.name, err)
		}
	}
	return u.Backuper.Backup(ctx, req)
}
