package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/batch"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

// newBatches makes what works on batches. What it does with their members is the HTTP
// server's.
func newBatches(c config, mgr manager.Manager, log *slog.Logger) *batch.Runner {
	return &batch.Runner{
		Store: batch.Store{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: c.Namespace}, Clock: clock.RealClock{}, Log: log,
	}
}

// jobEnded returns what reports to batches how a backup ended that a Job took.
func jobEnded(batches *batch.Runner) func(backupjob.End) {
	return func(e backupjob.End) {
		batches.Tell(batch.Ended{
			Claim: e.Claim, Driver: e.Driver, Job: e.Job, Made: e.Made, Again: e.Again,
			End: batch.End{Result: batch.EndResult(e.Result), Message: e.Text},
		})
	}
}

// followedFor is how long after it was started it is looked for a backup of a system
// without Jobs.
const followedFor = 24 * time.Hour

// follower looks how backups of batches go on.
type follower struct {
	// job looks at a Job that takes a backup.
	job func(ctx context.Context, claim backup.Claim, name string, since time.Time) (backupjob.Result, string, bool, error)
	// last is what the last listings of a system found.
	last  func(claim backup.Claim, driver string) backup.Answer
	clock clock.PassiveClock
}

// follow is a [batch.Runner]'s Follow.
func (f follower) follow(ctx context.Context, record batch.Record, member batch.Member) (*batch.End, error) {
	claim, started := backup.Claim{Namespace: record.Namespace, Name: member.Source}, member.Outcome
	if started.Job != "" {
		result, text, over, err := f.job(ctx, claim, started.Job, started.At)
		if err != nil || !over {
			return nil, err
		}
		if result == "" {
			return f.end(batch.EndUnknown, text+"; GET /v1/backups lists what there is"), nil
		}
		return f.end(batch.EndResult(result), text), nil
	}
	listed := f.last(claim, record.Driver).Backups()
	switch {
	case started.Backup != "" && slices.ContainsFunc(listed, func(b backup.Backup) bool { return b.Driver == record.Driver && b.ID == started.Backup }):
		return f.end(batch.EndSucceeded, fmt.Sprintf("backup %s is complete", started.Backup)), nil
	case f.clock.Since(started.At) > followedFor:
		return f.end(batch.EndUnknown, fmt.Sprintf("how the backup ended was not seen within %s; GET /v1/backups lists what there is", followedFor)), nil
	}
	return nil, nil //nolint:nilnil // it goes on
}

func (f follower) end(result batch.EndResult, message string) *batch.End {
	return &batch.End{At: f.clock.Now().UTC(), Result: result, Message: message}
}

// tellBatches reports to batches how a backup of Longhorn's ended.
func (o *longhornOutcomes) tellBatches(claim backup.Claim, name string, result backupjob.Result, text string) {
	o.batches.Tell(batch.Ended{Claim: claim, Driver: longhorn.Name, Backup: name, End: batch.End{Result: batch.EndResult(result), Message: text}})
}
