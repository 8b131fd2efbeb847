package restic

import (
	"context"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/past"
)

const (
	// pastAge is how old what was read of the repository may be, for a mover to be told
	// of a claim's earlier backups by it.
	pastAge = time.Hour
	// pastPatience is how long the maker of a Job looks for what to tell the mover, who
	// can find it out.
	pastPatience = 10 * time.Second
	// settledAfter is how long after a Job's end the repository must have been read to
	// hold what came of it, whatever the clocks of the two say.
	settledAfter = 2 * time.Minute
)

// pastArgs tell a mover what its backup is held against, and what is known of the
// earlier ones. A dry run asks no store.
func (d *Driver) pastArgs(ctx context.Context, claim *corev1.PersistentVolumeClaim, jobs []batchv1.Job, dryRun bool) []string {
	judged := judgementOf(claim)
	if dryRun {
		return d.judgementArgs(judged)
	}
	ctx, cancel := context.WithTimeout(ctx, pastPatience)
	defer cancel()
	known := d.pastOf(ctx, claim, jobs, judged)
	if known.BeforeKnown {
		judged.accept = "" // it counts already
	}
	return append(d.judgementArgs(judged), known.Args()...)
}

// pastOf returns what is known of a claim's earlier backups, by what was read of the
// repository after the last of the claim's backup Jobs ended. Where that is not known
// the mover reads the list itself, so trouble is no error.
func (d *Driver) pastOf(ctx context.Context, claim *corev1.PersistentVolumeClaim, jobs []batchv1.Job, judged judgement) past.Known {
	now := d.cluster.Clock.Now()
	since := now.Add(-pastAge)
	for _, at := range append(endsOf(jobs), claim.CreationTimestamp.Time) {
		if at = at.Add(settledAfter); at.After(since) {
			since = at
		}
	}
	read := d.readSince(ctx, since, now)
	if read == nil {
		return past.Known{}
	}
	of := backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
	backups := d.cfg.backupsOf(read.snapshots, of)
	known := past.Known{Parent: parentAmong(backups, now)}
	if accepts(judged.accept, backups) {
		return known // the mover records it, and reads the list for that
	}
	known.BeforeKnown = true
	precedent := backup.Precedent{Cluster: d.cfg.Clusters.Own, Since: judged.since, Now: now}
	if before, found := precedent.Newest(backups); found {
		known.Before = &before
	}
	return known
}

// endsOf returns when each of the Jobs that have ended did.
func endsOf(jobs []batchv1.Job) []time.Time {
	var ends []time.Time
	for i := range jobs {
		for _, c := range jobs[i].Status.Conditions {
			if _, finished := moverjob.Finished(&jobs[i]); finished {
				ends = append(ends, c.LastTransitionTime.Time)
			}
		}
	}
	return ends
}

// readSince returns what was read of the repository at since or later; nil where that
// takes more than a look at its store and a run of restic for the snapshots that are
// new. What has not happened yet, by since, cannot have been read: now is late enough.
func (d *Driver) readSince(ctx context.Context, since, now time.Time) *reading {
	kept, at := d.provedReading()
	if kept == nil || !at.Before(since) && !at.After(now) { // later than now: the clock was set back
		return kept
	}
	program, err := d.program(ctx)
	if err != nil {
		return nil
	}
	opened := d.open(program)
	if opened == nil || kept.store != opened {
		return nil
	}
	contents, err := opened.Look(ctx)
	if err != nil {
		return nil
	}
	read, whole := kept.extend(ctx, program, contents)
	if !whole {
		return nil
	}
	d.proved(read, now)
	return read
}

// proved notes that the repository held what was read, and nothing else, at a moment.
// What its store cannot prove is not kept.
func (d *Driver) proved(read *reading, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case at.Before(d.provedAt) && !d.provedAt.After(d.cluster.Clock.Now()):
	case read.store == nil:
		d.provedRead = nil
	default:
		d.provedRead, d.provedAt = read, at
	}
}

// provedReading returns what was read last, and when the repository held just that.
func (d *Driver) provedReading() (*reading, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.provedRead, d.provedAt
}

// backupsOf returns a claim's backups that Soteria's Jobs made, each with what is
// recorded of it.
func (c Config) backupsOf(snapshots []snapshot, claim backup.Claim) []backup.Backup {
	var backups []backup.Backup
	joined := newJoiner(c, func(b backup.Backup) {
		if b.Claim == claim {
			backups = append(backups, b)
		}
	})
	host, record := claim.String(), outcome.ClaimTag(claim)
	for _, s := range snapshots {
		if s.Host == host && s.isOwn() || s.Host == outcome.Host && slices.Contains(s.Tags, record) {
			joined.add(s)
		}
	}
	joined.end()
	return backups
}

// parentAmong returns the id of the newest of a claim's backups that this cluster took
// of the whole volume; [past.None] where there is none. No backup of another claim or
// cluster is compared with, nor one that is dated ahead.
func parentAmong(backups []backup.Backup, now time.Time) string {
	var newest backup.Backup
	for _, b := range backups {
		if b.Own && b.Locator == dataFolder && !b.TakenAt.After(now) && (newest.ID == "" || b.TakenAt.After(newest.TakenAt)) {
			newest = b
		}
	}
	if newest.ID == "" {
		return past.None
	}
	return newest.ID
}

// accepts reports whether the id that a person accepts, or the beginning of it, may
// name a backup that does not count yet.
func accepts(id string, backups []backup.Backup) bool {
	if id == "" {
		return false
	}
	var hits []backup.Backup
	for _, b := range backups {
		if strings.HasPrefix(b.ID, id) {
			hits = append(hits, b)
		}
	}
	return len(hits) != 1 || len(id) < backup.MinIDPrefix || hits[0].Outcome == backup.OutcomeVoid
}
