package mover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// judgement is what a backup of a claim is held against once it is made.
type judgement struct {
	claim backup.Claim
	// shrinkPercent is by how much it may hold less than the one before it; with
	// 100 it may hold nothing.
	shrinkPercent int
	// accept is the id of a void backup that a person says is right, or the
	// beginning of it; empty is none.
	accept string
	// since, when not zero, is when the claim started empty on purpose: backups
	// from before are not compared with.
	since time.Time
	// cluster is the cluster whose backups are compared with.
	cluster string
}

// listed is a snapshot of the claim, or a record of one.
type listed struct {
	ID       string    `json:"id"`
	Original string    `json:"original"`
	Time     time.Time `json:"time"`
	Host     string    `json:"hostname"`
	Tags     []string  `json:"tags"`
	Summary  *struct {
		Files int64 `json:"total_files_processed"`
		Bytes int64 `json:"total_bytes_processed"`
	} `json:"summary"`
}

const clusterTag = "cluster="

// recordOutcome judges the backup that result tells of and writes, beside it, how
// it ended. That this could not be done is no failure of the backup, which is
// saved: its outcome stays unknown, and the result says so.
func (w backupWork) recordOutcome(ctx context.Context, p Process, program cli.Program, result *report.Result) {
	before, found, err := w.before(ctx, p, program, result)
	if err == nil {
		made := outcome.Record{
			Of: result.Snapshot, Claim: w.judged.claim, Files: result.Backup.Files, Bytes: result.Backup.Bytes, Partial: result.Partial,
		}
		made.Begun, _ = w.repository.jobCreated()
		if found && lostMost(made, before, w.judged.shrinkPercent) {
			made.Void = true
			result.Backup.Voided("%d files and %d bytes, where backup %s of %s holds %d files and %d bytes",
				made.Files, made.Bytes, backup.ShortID(before.ID), before.TakenAt.UTC().Format(time.RFC3339), before.Files, before.DataBytes)
		}
		err = w.write(ctx, p, program, made)
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "the outcome of the backup is not recorded: %s\n", backup.Message(err))
		result.Backup.Void = "" // what is not recorded does not hold
		result.Backup.NotRecorded(err)
	}
}

func lostMost(made outcome.Record, before backup.Backup, percent int) bool {
	return backup.LostMost(backup.Backup{Files: made.Files, DataBytes: made.Bytes}, before, percent)
}

// earlier reads the claim's snapshots and the records of their outcomes, which takes a
// request for each snapshot of the repository that restic's cache does not hold.
func (w backupWork) earlier(ctx context.Context, p Process, program cli.Program) ([]listed, outcome.Records, error) {
	claim := w.judged.claim
	complaint := ""
	var all []listed
	err := program.Run(ctx, cli.Invocation{
		Args: []string{
			"snapshots", "--json", "--no-lock",
			"--tag", "namespace=" + claim.Namespace + ",pvc=" + claim.Name,
			"--tag", outcome.Tag + "," + outcome.ClaimTag(claim),
		},
		Stdout: func(stdout io.Reader) error { return json.NewDecoder(stdout).Decode(&all) },
		Stderr: func(line string) {
			tell(p)(line)
			if complaint == "" && !cli.Harmless(line) {
				complaint = cli.Words(line)
			}
		},
		Otherwise: backup.Unavailable,
	})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("listing the earlier backups of %s: %w", claim, err)
	case complaint != "":
		return nil, nil, backup.Errorf(backup.Unavailable, "the list of the earlier backups of %s may not be whole; restic said: %s", claim, complaint)
	}
	records := outcome.Records{}
	snapshots := slices.DeleteFunc(all, func(s listed) bool {
		if r, ok := outcome.Parse(s.Host, s.Tags); ok && r.Claim == claim {
			records.Add(r)
		}
		return s.Host != w.host || outcome.IsOwn(s.Host, s.Tags)
	})
	return redated(snapshots, records, claim), records, nil
}

// redated sets the time of the snapshots that are dated ahead to when they were begun.
func redated(snapshots []listed, records outcome.Records, claim backup.Claim) []listed {
	starts := make([]backup.Start, 0, len(snapshots))
	for _, s := range snapshots {
		if r, recorded := records.For(claim, s.ID, s.Original); recorded {
			starts = append(starts, backup.Start{ID: s.ID, Claim: claim, Cluster: s.backup(records, claim).Cluster, Begun: r.Begun, Dated: s.Time})
		}
	}
	for id, begun := range backup.Ahead(starts) {
		snapshots[slices.IndexFunc(snapshots, func(s listed) bool { return s.ID == id })].Time = begun
	}
	return snapshots
}

// before returns the backup that this one is held against, as it was known when the
// Job was made, or as the repository's list says.
func (w backupWork) before(ctx context.Context, p Process, program cli.Program, result *report.Result) (backup.Backup, bool, error) {
	if w.known.BeforeKnown && w.judged.accept == "" {
		if w.known.Before == nil {
			return backup.Backup{}, false, nil
		}
		return *w.known.Before, true, nil
	}
	earlier, records, err := w.earlier(ctx, p, program)
	if err != nil {
		return backup.Backup{}, false, err
	}
	if err := w.acceptVoid(ctx, p, program, earlier, records, result.Backup); err != nil {
		return backup.Backup{}, false, err
	}
	newest, found := w.newest(earlier, records, result.Snapshot, p.Clock.Now())
	return newest, found, nil
}

// newest returns the newest of the earlier backups that this one is held against.
func (w backupWork) newest(earlier []listed, records outcome.Records, made string, now time.Time) (backup.Backup, bool) {
	all := make([]backup.Backup, 0, len(earlier))
	for _, s := range earlier {
		all = append(all, s.backup(records, w.judged.claim))
	}
	return backup.Precedent{Cluster: w.judged.cluster, Since: w.judged.since, Now: now, Made: made}.Newest(all)
}

// backup returns as much of the snapshot as is compared.
func (s listed) backup(records outcome.Records, claim backup.Claim) backup.Backup {
	b := backup.Backup{ID: s.ID, TakenAt: s.Time, Files: -1, DataBytes: -1}
	if r, ok := records.For(claim, s.ID, s.Original); ok {
		b.Outcome, b.Files, b.DataBytes = r.Outcome(), r.Files, r.Bytes
	}
	if s.Summary != nil {
		b.Files, b.DataBytes = s.Summary.Files, s.Summary.Bytes
	}
	for _, tag := range s.Tags {
		if name, ok := strings.CutPrefix(tag, clusterTag); ok {
			b.Cluster = name
		}
	}
	return b
}

// acceptVoid records that a void backup is right, as a person said. It is done
// before the new backup is judged, which is then compared with that one.
func (w backupWork) acceptVoid(ctx context.Context, p Process, program cli.Program, earlier []listed, records outcome.Records, made *report.Backup) error {
	wanted := w.judged.accept
	if len(wanted) < backup.MinIDPrefix {
		if wanted != "" {
			made.Note("nothing is accepted: %q is shorter than %d characters of an id", wanted, backup.MinIDPrefix)
		}
		return nil
	}
	var hits []listed
	for _, s := range earlier {
		if strings.HasPrefix(s.ID, wanted) {
			hits = append(hits, s)
		}
	}
	if len(hits) != 1 {
		made.Note("nothing is accepted: %d backups of %s have an id that begins with %q", len(hits), w.judged.claim, wanted)
		return nil
	}
	r, known := records.For(w.judged.claim, hits[0].ID, hits[0].Original)
	if !known || r.Outcome() != backup.OutcomeVoid {
		return nil // it counts already
	}
	r.Accepted = true
	if err := w.write(ctx, p, program, r); err != nil {
		return err
	}
	records.Add(r)
	made.Note("backup %s is accepted and counts from now on", backup.ShortID(hits[0].ID))
	return nil
}

// write makes the small snapshot that a record is.
func (w backupWork) write(ctx context.Context, p Process, program cli.Program, r outcome.Record) error {
	args := []string{
		"backup", "--json", "--retry-lock", lockPatience, "--host", outcome.Host, "--time", outcome.Time,
		"--stdin", "--stdin-filename", outcome.Filename,
	}
	for _, tag := range r.Tags() {
		args = append(args, "--tag", tag)
	}
	var summary savedSummary
	recording := cli.Invocation{
		Args: args, Input: outcome.Content,
		Stdout: func(stdout io.Reader) error {
			return readMessages(stdout, p.printer(io.Discard), &summary)
		},
		Stderr: tell(p), Otherwise: backup.DriverFailed,
	}
	_, err := unlessLockStays(ctx, recording, summary.saved.Load, func(ctx context.Context, in cli.Invocation) error {
		return besideOthers(ctx, p, program, in)
	})
	switch {
	case err != nil:
		return fmt.Errorf("recording the outcome: %w", err)
	case summary.SnapshotID == "":
		return backup.Errorf(backup.DriverFailed, "recording the outcome: restic made no snapshot")
	}
	return nil
}
