package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/batch"
)

func TestABackupOfABatchIsFollowedByWhatIsLeftOfIt(t *testing.T) {
	noon := time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	listed := backup.FoundBackups([]backup.Backup{{Claim: claim, Driver: "longhorn", ID: "backup-1"}})
	refused := backup.Errorf(backup.Unavailable, "no answer")
	type seen struct {
		result backupjob.Result
		text   string
		over   bool
		err    error
	}
	for name, test := range map[string]struct {
		started batch.Outcome
		job     seen
		listed  backup.Answer
		passed  time.Duration
		want    batch.EndResult // "" for one that goes on
		err     error
	}{
		"a Job that runs":                    {started: batch.Outcome{Job: "job"}},
		"a Job that failed":                  {started: batch.Outcome{Job: "job"}, job: seen{result: backupjob.Failed, over: true}, want: batch.EndFailed},
		"a Job of which nothing is left":     {started: batch.Outcome{Job: "job"}, job: seen{over: true}, want: batch.EndUnknown},
		"a Job that cannot be seen":          {started: batch.Outcome{Job: "job"}, job: seen{err: refused}, err: refused},
		"a backup that is listed":            {started: batch.Outcome{Backup: "backup-1"}, listed: listed, want: batch.EndSucceeded},
		"a backup that is not listed yet":    {started: batch.Outcome{Backup: "backup-2"}, listed: listed, passed: time.Hour},
		"a backup that never was listed":     {started: batch.Outcome{Backup: "backup-2"}, listed: listed, passed: 25 * time.Hour, want: batch.EndUnknown},
		"a backup that got no name":          {listed: listed, passed: time.Hour},
		"a backup that could not be told of": {started: batch.Outcome{Backup: "backup-1"}, listed: backup.UnknownBecause(refused), passed: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			started := test.started
			started.At = noon
			f := follower{
				job: func(_ context.Context, of backup.Claim, name string, since time.Time) (backupjob.Result, string, bool, error) {
					assert.Equal(t, claim, of)
					assert.Equal(t, "job", name)
					assert.Equal(t, noon, since)
					return test.job.result, test.job.text, test.job.over, test.job.err
				},
				last:  func(backup.Claim, string) backup.Answer { return test.listed },
				clock: testingclock.NewFakePassiveClock(noon.Add(test.passed)),
			}
			end, err := f.follow(t.Context(), batch.Record{Kind: batch.Backup, Namespace: "media", Driver: "longhorn"}, batch.Member{Source: "photos", Outcome: &started})
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want != "", end != nil)
			if end != nil {
				assert.Equal(t, test.want, end.Result)
			}
		})
	}
}
