package longhorn

import (
	"context"
	"net/url"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// How long Longhorn is waited for until it says that it is deleting a backup, and
// how often it is looked at.
const (
	forgetPatience = 20 * time.Second
	forgetLook     = 500 * time.Millisecond
)

// Forget implements [driver.Pruner].
//
// It looks at Longhorn's records of the volumes that the backups are of, and asks
// Longhorn for each deletion by itself. It returns once Longhorn says of each that
// it is deleting it or has: freeing what no other backup needs goes on afterwards,
// and while the backup target cannot be reached it waits.
//
// Snapshots are left alone. Soteria keeps but the newest one of a volume, which
// the next backup deletes (see [expendable]).
func (d *Driver) Forget(ctx context.Context, req driver.ForgetRequest) error {
	if len(req.Backups) == 0 {
		return nil
	}
	if err := req.Claim.Validate(); err != nil {
		return err
	}
	volumes, err := volumesOf(append([]backup.Backup{req.Stays}, req.Backups...))
	if err != nil {
		return err
	}
	doomed, err := d.doomed(ctx, req, volumes)
	if err != nil {
		return err
	}
	for _, b := range doomed {
		if err := d.api.DeleteBackup(ctx, volumes[b.ID], b.ID); err != nil {
			return err
		}
	}
	return d.awaitDeletion(ctx, req, volumes)
}

// doomed gives the backups that are to be removed and that Longhorn is not
// deleting yet.
func (d *Driver) doomed(ctx context.Context, req driver.ForgetRequest, volumes map[string]string) ([]backup.Backup, error) {
	there := map[string]backup.Backup{}
	read := map[string]bool{}
	for _, volume := range volumes {
		if read[volume] {
			continue
		}
		read[volume] = true
		records, err := d.records.backupsOf(ctx, volume)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if stateOf(r) != usableBackup {
				continue
			}
			own, _ := ownerByLabels(r.label)
			there[r.name()] = found(r, own, d.cfg.Clusters)
		}
	}
	return req.Check(there)
}

// awaitDeletion waits until Longhorn is deleting the backups, or has.
func (d *Driver) awaitDeletion(ctx context.Context, req driver.ForgetRequest, volumes map[string]string) error {
	began := d.cluster.Clock.Now()
	for {
		doomed, err := d.doomed(ctx, req, volumes)
		switch {
		case err != nil:
			return err
		case len(doomed) == 0:
			return nil
		case d.cluster.Clock.Since(began) > forgetPatience:
			return backup.Errorf(backup.DriverFailed, "Longhorn was asked to delete backup %s of %s and %d more, which are still there",
				doomed[0].ID, req.Claim, len(doomed)-1)
		}
		if !d.sleep(ctx, forgetLook) {
			return backup.Errorf(backup.Unavailable, "waiting for Longhorn to delete backups of %s: %w", req.Claim, ctx.Err())
		}
	}
}

// volumesOf reads off their locators which volumes backups are of, by id. The
// error is of kind Invalid.
func volumesOf(backups []backup.Backup) (map[string]string, error) {
	volumes := make(map[string]string, len(backups))
	for _, b := range backups {
		address, err := url.Parse(b.Locator)
		if err != nil || address.Query().Get("volume") == "" || address.Query().Get("backup") != b.ID {
			return nil, backup.Errorf(backup.Invalid, "the address of Longhorn backup %s does not name it and its volume", b.ID)
		}
		volumes[b.ID] = address.Query().Get("volume")
	}
	return volumes, nil
}
