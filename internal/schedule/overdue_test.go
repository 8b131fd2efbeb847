package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// notStarted are the events about backups of the claim that were not started.
func (l *lab) notStarted(claim backup.Claim) []string {
	var told []string
	for _, e := range l.events {
		if strings.HasPrefix(e, claim.String()+" BackupNotStarted: ") {
			told = append(told, e)
		}
	}
	return told
}

func TestABackupThatIsDueAndNotStartedIsToldEachHour(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
	l.repository = func(r *schedule.Repository) {
		r.ListedAt, r.Failure, r.Of = time.Time{}, backup.Errorf(backup.Credentials, "wrong password"), func(backup.Claim) []backup.Backup { return nil }
	}
	l.run(5 * time.Minute)
	assert.Empty(t, l.notStarted(photos), "the process has only begun")
	l.run(24 * time.Hour)
	told := l.notStarted(photos)
	require.NotEmpty(t, told)
	assert.InDelta(t, 24, len(told), 2, "at most once an hour")
	for _, words := range []string{"The backup that was due at 2026-0", "wrong password", "correct that, and it starts by itself", "GET /v1/status"} {
		assert.Contains(t, told[0], words)
	}
	assert.Equal(t, map[string]int{"backups_unknown": 1, "no_driver": 0, "no_slot": 0}, l.leader.Overdue())
	assert.Equal(t, policy.BackupsUnknown, l.standing(photos).Overdue.Reason)

	l.repository = nil
	l.run(time.Hour)
	assert.Len(t, l.notStarted(photos), len(told), "it was started")
	assert.Equal(t, map[string]int{"backups_unknown": 0, "no_driver": 0, "no_slot": 0}, l.leader.Overdue())
	assert.Zero(t, l.standing(photos).Overdue)
}

func TestABackupThatWaitsForOthersForAWhileIsTold(t *testing.T) {
	l := newLab(t)
	l.cfg.Concurrency, l.takes = 1, 48*time.Hour
	l.restart()
	a, b := l.claim("media", "a"), l.claim("media", "b")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 1})
	l.run(20 * time.Minute)
	assert.Empty(t, l.events, "that claims are backed up one after the other is as it should be")
	l.run(20 * time.Minute)
	assert.Len(t, l.events, 1, "the one that runs has done so for half an hour")
	l.run(6 * time.Hour)
	waits := a
	if len(l.startsOf(a)) > 0 {
		waits = b
	}
	told := l.notStarted(waits)
	require.NotEmpty(t, told)
	assert.LessOrEqual(t, len(told), 7)
	assert.Contains(t, told[0], "1 restic backups run, and no more may at once; all of them began more than 30 minutes ago")
	assert.Contains(t, told[0], "BackupStalled")
	assert.Contains(t, told[0], "SOTERIA_BACKUP_CONCURRENCY")
	assert.Len(t, l.events, len(told), "the one that runs is not told of here")
	assert.Equal(t, 1, l.leader.Overdue()["no_slot"])
}

// allOf makes many claims of namespace media.
func (l *lab) allOf(number int) []backup.Claim {
	var all []backup.Claim
	for i := range number {
		all = append(all, l.claim("media", fmt.Sprintf("c%02d", i)))
	}
	return all
}

func TestAQueueOfBackupsThatMovesIsNotOverdue(t *testing.T) {
	for name, led := range map[string]time.Duration{"of a leader that is new": 0, "of a policy that is new": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.cfg.Concurrency, l.takes = 4, 5*time.Minute
			l.restart()
			all := l.allOf(60)
			l.run(led)
			l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
			for range 9 {
				l.run(10 * time.Minute)
				assert.Zero(t, l.leader.Overdue()["no_slot"])
				report, err := l.leader.Report(t.Context())
				require.NoError(t, err)
				for _, c := range all {
					standing, known := report.Of(c)
					require.True(t, known)
					require.Zero(t, standing.Overdue)
				}
			}
			assert.Empty(t, l.events)
			assert.Len(t, l.starts, len(all), "all had their turn")
		})
	}
}

func TestAQueueThatIsTooLongForItsPoliciesIsTold(t *testing.T) {
	l := newLab(t)
	l.cfg.Concurrency, l.takes = 1, 20*time.Minute
	l.restart()
	l.allOf(12)
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 1})
	l.run(55 * time.Minute)
	assert.Empty(t, l.events, "none has missed a whole interval")
	l.run(3 * time.Hour)
	require.NotEmpty(t, l.events)
	for _, words := range []string{"BackupNotStarted: The backup that was due at", "and the next one is due", "other restic backups end", "with 1 at once",
		"Raise SOTERIA_BACKUP_CONCURRENCY, or spread the policies"} {
		assert.Contains(t, l.events[0], words)
	}
	assert.NotContains(t, l.events[0], "hang")
	assert.Positive(t, l.leader.Overdue()["no_slot"])
}

func TestAReplicaThatTakesOverDoesNotCountTheTimeBefore(t *testing.T) {
	l := newLab(t)
	l.cfg.Concurrency, l.takes = 1, 48*time.Hour
	l.restart()
	a, b := l.claim("media", "a"), l.claim("media", "b")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 1})
	follower := schedule.New(l.cfg)
	for range 12 {
		l.run(10 * time.Minute)
		_, err := follower.Report(t.Context())
		require.NoError(t, err)
	}
	waits := a
	if len(l.startsOf(a)) > 0 {
		waits = b
	}
	report, err := follower.Report(t.Context())
	require.NoError(t, err)
	standing, _ := report.Of(waits)
	assert.Equal(t, policy.NoSlot, standing.Overdue.Reason, "a follower reports what it sees")
	l.leader, l.events = follower, nil
	l.run(20 * time.Minute)
	assert.Empty(t, l.events, "it has only begun to lead")
	l.run(20 * time.Minute)
	assert.Len(t, l.notStarted(waits), 1)
}

func TestAPolicyWhoseDriverTakesNoBackupsIsTold(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 24, Driver: lease})
	delete(l.cfg.Backupers, lease)
	l.restart()
	l.run(time.Hour)
	told := l.notStarted(photos)
	require.NotEmpty(t, told)
	assert.Contains(t, told[0], `The claim is not backed up: no driver called "longhorn" takes backups here; correct the driver of its policy`)
	assert.Equal(t, 1, l.leader.Overdue()["no_driver"])
}

func TestBackupsThatAreNotWantedOrNotDueAreNotOverdue(t *testing.T) {
	l := newLab(t)
	l.claim("media", "scheduled")
	unbound := l.claim("media", "unbound", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending })
	off := l.policy(policy.Policy{Namespace: "off", IntervalHours: 1})
	l.claim("off", "never")
	off.Enabled = false
	_, _, err := l.leader.Put(t.Context(), off)
	require.NoError(t, err)
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
	l.run(72 * time.Hour)
	assert.Empty(t, l.events)
	assert.Zero(t, l.standing(unbound).Overdue, "that it has no volume is told by who makes that")
	assert.Equal(t, map[string]int{"backups_unknown": 0, "no_driver": 0, "no_slot": 0}, l.leader.Overdue())
}
