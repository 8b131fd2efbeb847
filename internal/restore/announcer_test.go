package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestAnEventIsToldOnceAndAgainWhenItChangedOrIsOld(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	look := func() int {
		_, err := w.tick()
		require.NoError(t, err)
		return len(w.events.about("BackupsUnknown"))
	}
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "no answer") }
	assert.Equal(t, 2, look())
	assert.Equal(t, 2, look(), "the same again is not news")
	w.answers = func() backup.Answer { return unknown(backup.Credentials, "wrong password") }
	assert.Equal(t, 4, look(), "another cause is")
	w.clock.Step(restore.RepeatEvents + time.Second)
	assert.Equal(t, 6, look(), "and so is one that Kubernetes soon forgets")
}

func TestAnEventIsNoLongerThanKubernetesTakesItHoweverMuchABackupSystemSays(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, strings.Repeat("no answer ", 200)) }
	_, err := w.tick()
	require.NoError(t, err)
	told := w.events.about("BackupsUnknown")
	require.Len(t, told, 2)
	for _, event := range told {
		_, note, _ := strings.Cut(event, ": ")
		assert.LessOrEqual(t, len(note), backup.MaxNote)
		assert.Contains(t, note, "The claim waits and is not started empty: ")
	}
}

func TestTheKillPointsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, point := range restore.KillPoints() {
		assert.False(t, seen[point], point)
		seen[point] = true
	}
	assert.Len(t, seen, 12)
}
