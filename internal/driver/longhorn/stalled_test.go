package longhorn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
	"github.com/soteria-dr/soteria/internal/stall"
)

func TestABackupThatDoesNotComeFurtherIsToldInLonghornsWords(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*world)
		cause stall.Cause
		says  string
	}{
		"an upload that hangs": {
			func(w *world) { w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true }) }, stall.BackupSystem, "is InProgress at 40 %",
		},
		"a snapshot that is not made": {
			func(w *world) {
				w.Change(func(f *longhorntest.Faults) { f.SnapshotsNever, f.SnapshotError = true, "engine does not answer" })
			}, stall.BackupSystem, "engine does not answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := plexWorld(t)
			test.spoil(w)
			d := w.driver(t, "a")
			start(t, d)
			_, err := request(t, d, driver.BackupRequest{Claim: plex})
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(w.ended.stalls()) > 0 }, soon, time.Millisecond)
			told := w.ended.stalls()[0]
			assert.Equal(t, test.cause, told.Cause)
			assert.Contains(t, told.Message, test.says)
			assert.Contains(t, told.Remedy, "volume vol-1")
			lease := leases(t, w)[0]
			claim, mark, stalled := longhorn.Stalled(&lease)
			assert.True(t, stalled, "every replica can show it")
			assert.Equal(t, plex, claim)
			assert.Equal(t, told, mark)

			w.Change(func(f *longhorntest.Faults) { *f = longhorntest.Faults{} })
			assert.NoError(t, idle(t, w, 1)[0].err)
			assert.Len(t, w.ended.stalls(), 1, "it is told once")
		})
	}
}

func TestABackupPastItsDeadlineThatHangsIsGivenUp(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	d := w.driver(t, "a", func(c *longhorn.Config) { c.Deadline = 4 * time.Minute })
	start(t, d)
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(w.ended.told()) == 1 && len(leases(t, w)) == 0 }, soon, 5*time.Millisecond)
	ended := w.ended.told()[0]
	assert.Equal(t, backup.DriverFailed, backup.KindOf(ended.err))
	assert.ErrorContains(t, ended.err, "was given up: it is older than 4m0s and did not come further for 4m0s")
	assert.ErrorContains(t, ended.err, "InProgress at 40 %")
}

func TestABackupThatHangsKeepsNoOtherOneWaiting(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	d := w.driver(t, "a")
	start(t, d)
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	lease := leases(t, w)[0]
	renewed := lease.Spec.RenewTime.Time
	mark := stall.Mark{Cause: stall.BackupSystem, Message: "its replica is gone", Since: renewed}
	marked := lease.DeepCopy()
	marked.Annotations["soteria.dev/stalled"] = mark.Text()
	driven := marked.DeepCopy()
	driven.Spec.RenewTime.Time = renewed.Add(30 * time.Minute)
	for name, test := range map[string]struct {
		lease *coordinationv1.Lease
		after time.Duration
		says  string
	}{
		"it runs":                  {&lease, time.Minute, ""},
		"it has hung for a moment": {marked, 3 * time.Minute, ""},
		"it hangs":                 {driven, 16 * time.Minute, "its replica is gone"},
		"no replica drives it":     {&lease, 6 * time.Minute, "no replica of Soteria drives"},
		"it is past its deadline":  {&lease, 25 * time.Hour, "SOTERIA_JOB_DEADLINE"},
		"it is no record of any":   {&coordinationv1.Lease{}, 25 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			why := longhorn.Stuck(test.lease, 24*time.Hour, renewed.Add(test.after))
			assert.Contains(t, why, test.says)
			assert.Equal(t, test.says == "", why == "", why)
		})
	}
}
