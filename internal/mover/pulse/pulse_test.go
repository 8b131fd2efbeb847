package pulse_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

func TestAMoverIsQuietOnceNothingHasMovedForAMinute(t *testing.T) {
	folder := t.TempDir()
	record, err := pulse.Keep(folder, noon)
	require.NoError(t, err)
	for after, quiet := range map[time.Duration]bool{-time.Hour: false, 0: false, 59 * time.Second: false, time.Minute: true, 24 * time.Hour: true} {
		found, isQuiet := pulse.Look(folder, noon.Add(after))
		assert.Equal(t, quiet, isQuiet, after)
		if quiet {
			assert.Equal(t, "nothing has moved since 2026-04-12T12:00:00Z", found.String())
		}
	}

	require.NoError(t, record.Moved(noon.Add(time.Hour)))
	_, quiet := pulse.Look(folder, noon.Add(time.Hour+30*time.Second))
	assert.False(t, quiet)
}

func TestWhatAMoverWaitsForIsSaidAndIsNoMovement(t *testing.T) {
	folder := t.TempDir()
	record, err := pulse.Keep(folder, noon)
	require.NoError(t, err)
	require.NoError(t, record.Waits("a lock\n", noon))
	found, quiet := pulse.Look(folder, noon.Add(2*time.Minute))
	assert.True(t, quiet)
	assert.Equal(t, "nothing has moved since 2026-04-12T12:00:00Z: a lock", found.String())
}

func TestWhatCannotBeToldIsNotQuiet(t *testing.T) {
	folder := t.TempDir()
	_, quiet := pulse.Look(folder, noon)
	assert.False(t, quiet, "no record")
	_, quiet = pulse.Look(filepath.Join(folder, "nowhere"), noon)
	assert.False(t, quiet, "no folder")
	_, err := pulse.Keep(filepath.Join(folder, "nowhere"), noon)
	require.Error(t, err)
}

func TestARecordIsBegunAgainInAFolderThatHoldsOne(t *testing.T) {
	folder := t.TempDir()
	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		_, err := pulse.Keep(folder, at)
		require.NoError(t, err)
		found, quiet := pulse.Look(folder, at.Add(time.Minute))
		assert.True(t, quiet)
		assert.True(t, found.Since.Equal(at))
	}
}

func TestTheProbeRunsTheBinaryThatTheMoverRuns(t *testing.T) {
	folder := t.TempDir()
	_, err := pulse.Keep(folder, noon)
	require.NoError(t, err)
	command := pulse.Command(folder)
	assert.True(t, pulse.IsCommand(command))
	own, err := os.Executable()
	require.NoError(t, err)
	runs, err := exec.LookPath(command[0])
	require.NoError(t, err)
	target, err := filepath.EvalSymlinks(runs)
	require.NoError(t, err)
	own, err = filepath.EvalSymlinks(own)
	require.NoError(t, err)
	assert.Equal(t, own, target)
}

func TestAProbeOfAnotherIsNotSoterias(t *testing.T) {
	for _, command := range [][]string{nil, {}, {"cat", "/tmp/healthy"}, {"/tmp/soteria", "mover"}, {"/tmp/soteria", "mover", "backup"}, {"sh", "-c", "mover pulse"}} {
		assert.False(t, pulse.IsCommand(command), command)
	}
}

func TestOnlyALongWaitIsQuiet(t *testing.T) {
	folder := t.TempDir()
	record, err := pulse.Keep(folder, noon)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		moved := noon.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "moved")))
		waited := time.Duration(rapid.Int64Range(-int64(time.Minute), int64(time.Hour)).Draw(t, "waited"))
		require.NoError(t, record.Moved(moved))
		_, quiet := pulse.Look(folder, moved.Add(waited))
		assert.Equal(t, waited >= pulse.QuietAfter, quiet)
	})
}
