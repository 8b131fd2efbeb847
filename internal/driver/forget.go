package driver

import (
	"maps"
	"slices"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Check compares the request with what the backup system says of the claim's
// backups right now, see [Pruner], and gives those that are to be removed still.
func (r ForgetRequest) Check(there map[string]backup.Backup) ([]backup.Backup, error) {
	if stays, ok := there[r.Stays.ID]; !ok || stays.Claim != r.Claim || !stays.Own {
		return nil, backup.Errorf(backup.Conflict, "backup %s of %s, which is to stay, is not there; nothing was removed", r.Stays.ID, r.Claim)
	}
	doomed := map[string]backup.Backup{}
	for _, named := range r.Backups {
		found, ok := there[named.ID]
		switch {
		case named.ID == r.Stays.ID:
			return nil, backup.Errorf(backup.Denied, "backup %s of %s is to stay and to be removed; nothing was removed", named.ID, r.Claim)
		case !ok:
		case found.Claim != r.Claim || !found.Own:
			return nil, backup.Errorf(backup.Denied, "backup %s is not one that Soteria took of %s; nothing was removed", named.ID, r.Claim)
		default:
			doomed[named.ID] = found
		}
	}
	return slices.SortedFunc(maps.Values(doomed), backup.NewestFirst), nil
}
