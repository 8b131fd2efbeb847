package longhorn_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
)

// taken is a backup that Soteria took.
func taken(volume, name string, claim backup.Claim, at time.Time) longhorntest.Stored {
	s := stored(volume, name, at, ours(claim))
	s.Snapshot = longhorn.SnapshotName(claim, at)
	return s
}

// notTaken are backups that are known to be of the claim and that Soteria did not
// take.
func notTaken(volume string, claim backup.Claim, at time.Time) []longhorntest.Stored {
	byHand := taken(volume, "backup-byhand", claim, at)
	byHand.Snapshot = "before-the-upgrade"
	recurring := taken(volume, "backup-recurring", claim, at)
	recurring.Labels = maps.Clone(recurring.Labels)
	recurring.Labels["RecurringJob"] = "nightly"
	ofLonghorn := taken(volume, "backup-longhorn", claim, at)
	ofLonghorn.Labels = status(claim)
	// Without any label, as system backups are: attributed by its siblings.
	ofTheSystem := taken(volume, "backup-system", claim, at)
	ofTheSystem.Labels = nil
	alike := taken(volume, "backup-alike", claim, at)
	alike.Snapshot = longhorn.SnapshotName(backup.Claim{Namespace: claim.Namespace, Name: claim.Name + "-2"}, at)
	return []longhorntest.Stored{byHand, recurring, ofLonghorn, ofTheSystem, alike}
}

func TestItForgetsAsADriverMust(t *testing.T) {
	drivertest.PrunerSuite{New: func(t *testing.T) drivertest.Forgetting {
		w, n := newWorld(t), 0
		d := w.driver(t, "a")
		return drivertest.Forgetting{
			Repository: drivertest.Repository{Lister: d, Add: func(_ *testing.T, claim backup.Claim, at time.Time) string {
				n++
				b := taken("pvc-"+claim.Name, fmt.Sprintf("backup-%016d", n), claim, at)
				w.Store(b)
				return b.Name
			}},
			Pruner: d,
			AddForeign: func(_ *testing.T, claim backup.Claim, at time.Time) []string {
				all := notTaken("pvc-"+claim.Name, claim, at)
				w.Store(all...)
				var names []string
				for _, b := range all {
					names = append(names, b.Name)
				}
				return names
			},
			Settle: func(t *testing.T) { w.settle(t) },
		}
	}}.Run(t)
}

// settle waits until Longhorn has deleted what it was asked to.
func (w *world) settle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return !w.Deleting() }, 10*time.Second, time.Millisecond)
}

// plexWithTwo is a world in which plex has two backups, newest first.
func plexWithTwo(t *testing.T) (*world, *longhorn.Driver, []backup.Backup) {
	t.Helper()
	w := newWorld(t)
	newest := taken("pvc-2", "backup-2", plex, hour(1))
	newest.Size = 4 << 20
	w.Store(taken("pvc-1", "backup-1", plex, noon), newest)
	d := w.driver(t, "a")
	known := list(t, d).Backups
	require.Len(t, known, 2)
	if known[0].ID != "backup-2" {
		known[0], known[1] = known[1], known[0]
	}
	return w, d, known
}

func TestABackupTellsWhoTookItAndHowMuchItHolds(t *testing.T) {
	_, _, known := plexWithTwo(t)
	assert.True(t, known[0].Own)
	assert.EqualValues(t, 4<<20, known[0].DataBytes, "its blocks, not the volume's size")
}

func TestABackupThatLonghornKeepsDeletingIsForgotten(t *testing.T) {
	w, d, known := plexWithTwo(t)
	w.Change(func(f *longhorntest.Faults) { f.DeletionsPause = true })
	req := driver.ForgetRequest{Claim: plex, Backups: known[1:], Stays: known[0]}
	require.NoError(t, d.Forget(t.Context(), req))
	require.NoError(t, d.Forget(t.Context(), req))
	assert.Equal(t, 1, w.Calls("action=backupDelete"), "it is asked for once")
	listing := list(t, d)
	assert.Equal(t, []string{"backup-2"}, ids(listing, plex))
	assert.ErrorContains(t, listing.Doubts[plex], "Longhorn is deleting backup backup-1")
}

func TestADeletionThatLonghornDoesNotBeginIsAnError(t *testing.T) {
	w, d, known := plexWithTwo(t)
	w.Change(func(f *longhorntest.Faults) { f.DeletionsLost = true })
	err := d.Forget(t.Context(), driver.ForgetRequest{Claim: plex, Backups: known[1:], Stays: known[0]})
	assert.Equal(t, backup.DriverFailed, backup.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "backup backup-1 of media/plex-config")
}

func TestADeletionThatLonghornRefusesIsAnError(t *testing.T) {
	w, d, known := plexWithTwo(t)
	w.Change(func(f *longhorntest.Faults) {
		f.Answer = func(string) (int, string) {
			return 500, `{"type":"error","message":"failed to find a ready node with default engine image"}`
		}
	})
	err := d.Forget(t.Context(), driver.ForgetRequest{Claim: plex, Backups: known[1:], Stays: known[0]})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "ready node")
}

func TestNothingIsForgottenWhileTheOneThatStaysIsBeingDeleted(t *testing.T) {
	w, d, known := plexWithTwo(t)
	w.Delete("backup-2")
	err := d.Forget(t.Context(), driver.ForgetRequest{Claim: plex, Backups: known[1:], Stays: known[0]})
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
	assert.Zero(t, w.Calls("action=backupDelete"))
}

func TestABackupWhoseAddressNamesNoVolumeIsNotForgotten(t *testing.T) {
	w, d, known := plexWithTwo(t)
	for _, locator := range []string{"", "s3://b@r/?backup=backup-1", "s3://b@r/?backup=backup-9&volume=pvc-1", "%"} {
		doomed := known[1]
		doomed.Locator = locator
		err := d.Forget(t.Context(), driver.ForgetRequest{Claim: plex, Backups: []backup.Backup{doomed}, Stays: known[0]})
		assert.Equal(t, backup.Invalid, backup.KindOf(err), "%q: %v", locator, err)
	}
	assert.Zero(t, w.Calls("action=backupDelete"))
}
