package mover_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// created says when the Job of a mover was created.
func (v volume) created(t *testing.T, at time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "SOTERIA_JOB_CREATED"), []byte(at.UTC().Format(time.RFC3339)), 0o400))
}

// taken returns when a snapshot was taken.
func (v volume) taken(t *testing.T, id string) time.Time {
	t.Helper()
	var snapshots []struct {
		ID   string
		Time time.Time
	}
	require.NoError(t, json.Unmarshal(v.repository.Run(t, "snapshots", "--json", id), &snapshots))
	require.Len(t, snapshots, 1)
	return snapshots[0].Time
}

// wrongClock is a Job that was created at another time than the node's clock shows,
// how its backup is to be dated, and what is noted.
type wrongClock struct {
	created, dated time.Time
	note           string
}

func TestABackupOnANodeWhoseClockIsBehindIsDatedByTheAPIServer(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	cases := map[string]wrongClock{
		"behind the API server's by a year":   {created: now.AddDate(1, 0, 0), dated: now.AddDate(1, 0, 0), note: " behind the API server's"},
		"behind it by what clocks may differ": {created: now.Add(9 * time.Minute), dated: now},
		"right, in a Job that was suspended":  {created: now.AddDate(0, 0, -5), dated: now},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { backsUpWith(t, restictest.Restic(t), c) })
	}
	t.Run("with restic 0.16", func(t *testing.T) {
		backsUpWith(t, restictest.Versions["restic 0.16"](t), cases["behind the API server's by a year"])
	})
}

func backsUpWith(t *testing.T, restic string, c wrongClock) {
	t.Helper()
	t.Setenv("TZ", "America/New_York")
	v := newVolume(t, restic)
	v.repository.Init(t)
	v.created(t, c.created)
	status, result, output := v.backup(t)
	require.Zero(t, status, result.Error)
	assert.WithinDuration(t, c.dated, v.taken(t, result.Snapshot), time.Minute)
	require.NotNil(t, result.Backup)
	if c.note == "" {
		assert.Empty(t, result.Backup.Notes)
		return
	}
	require.Len(t, result.Backup.Notes, 1)
	assert.Contains(t, result.Backup.Notes[0], c.note)
	assert.Contains(t, output, result.Backup.Notes[0], "the log says so, too")
}

func TestABackupOnANodeWhoseClockIsBehindIsHeldAgainstTheOneBefore(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	big := filepath.Join(v.data, "big")
	require.NoError(t, os.WriteFile(big, make([]byte, 4<<20), 0o600))
	ahead := time.Now().AddDate(1, 0, 0) // of this node, by which nothing of that year has happened yet
	v.created(t, ahead)
	status, _, _ := v.backup(t)
	require.Zero(t, status)
	require.NoError(t, os.Remove(big))
	v.credentials = v.clone(t).credentials
	v.created(t, ahead.Add(24*time.Hour))
	status, result, _ := v.backup(t, "--shrink-percent", "50")
	require.Zero(t, status)
	require.NotNil(t, result.Backup)
	assert.NotEmpty(t, result.Backup.Void, "the empty volume does not count")
}

func TestWhatSaysNoTimeChangesNone(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "SOTERIA_JOB_CREATED"), []byte("yesterday"), 0o400))
	status, result, _ := v.backup(t)
	require.Zero(t, status)
	assert.WithinDuration(t, time.Now(), v.taken(t, result.Snapshot), time.Minute)
	assert.Empty(t, result.Backup.Notes)
}

func TestWhenABackupWasBegunIsRecordedBesideIt(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	begun := time.Now().Add(-6 * time.Hour).UTC().Truncate(time.Second)
	v.created(t, begun)
	status, result, _ := v.backup(t)
	require.Zero(t, status)
	records, _ := v.snapshots(t)
	require.Len(t, records[result.Snapshot], 1)
	assert.Equal(t, begun, records[result.Snapshot][0].Begun)
	assert.WithinDuration(t, time.Now(), v.taken(t, result.Snapshot), time.Minute, "a Job may have waited")
}
