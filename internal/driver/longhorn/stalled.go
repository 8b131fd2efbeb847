package longhorn

import (
	"cmp"
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
	"github.com/soteria-dr/soteria/internal/stall"
)

const (
	// inspectEvery is how often it is looked for what holds a backup up.
	inspectEvery = 30 * time.Second
	// repeatStalled is how often that is told: Kubernetes forgets events after an hour.
	repeatStalled = time.Hour
	// slowest is a rate, in bytes per second, at which an upload still comes further.
	// Longhorn counts in percent of the volume, so that one step of a large volume
	// takes longer than [stall.Patience].
	slowest = 10 << 20
	// idleFor is how long a backup that does not come further keeps others waiting, and
	// unrenewedFor how long one does that no replica drives.
	idleFor      = 15 * time.Minute
	unrenewedFor = 5 * time.Minute
	// lastPatience is how long a backup past its deadline may not come further before
	// it is given up; the deadline itself is the most.
	lastPatience = time.Hour
)

// progress is how far a run was seen to come. It is used by drive alone.
type progress struct {
	// key is how far it is, and movedAt since when.
	key     string
	movedAt time.Time
	// inspectedAt is when it was last looked for what holds it up.
	inspectedAt time.Time
	mark        stall.Mark
	// patience is how long a backup of this volume may take to come further.
	patience time.Duration
}

// key identifies how far a backup is.
func (t ticket) key(b *backupRecord) string {
	if b == nil {
		return t.stage
	}
	return fmt.Sprintf("%s %s %d", t.stage, b.Status.State, b.Status.Progress)
}

// watch reports a backup that does not come further, with who holds it up.
func (r *run) watch(ctx context.Context) {
	now := r.cluster.Clock.Now()
	if key := r.ticket.key(r.last); key != r.progress.key || r.progress.movedAt.IsZero() {
		r.progress.key, r.progress.movedAt = key, now
		r.unmark(ctx)
		return
	}
	if now.Sub(r.progress.movedAt) < stall.Patience || now.Sub(r.progress.inspectedAt) < inspectEvery {
		return
	}
	r.progress.inspectedAt = now
	found, patience := r.inspect(ctx)
	r.progress.patience = patience
	if now.Sub(r.progress.movedAt) < patience {
		r.unmark(ctx)
		return
	}
	next, news := r.progress.mark.Next(found, r.progress.movedAt, now, repeatStalled)
	if !news {
		return
	}
	r.progress.mark = next
	_ = r.keepMark(ctx, next.Text()) // those who show it miss it, not the event
	if r.cluster.Outcomes != nil {
		r.cluster.Outcomes.BackupStalled(ctx, r.ticket.claim, r.ticket.backup, next)
	}
}

// unmark removes the mark of a backup that comes further; one that could not be removed
// is removed the next time.
func (r *run) unmark(ctx context.Context) {
	if r.progress.mark.Cause != "" && r.keepMark(ctx, "") == nil {
		r.progress.mark = stall.Mark{}
	}
}

// keepMark writes the mark to the Lease; "" removes it.
func (r *run) keepMark(ctx context.Context, text string) error {
	err := r.update(ctx, func(lease *coordinationv1.Lease) {
		if text == "" {
			delete(lease.Annotations, v1alpha1.StalledAnnotation)
			return
		}
		lease.Annotations[v1alpha1.StalledAnnotation] = text
	})
	if err != nil && ctx.Err() == nil {
		r.note("what holds a backup up is not recorded", err)
	}
	return err
}

// inspect asks Longhorn what holds the backup up, and returns how long a backup of
// that volume may take to come further.
func (r *run) inspect(ctx context.Context) (stall.Stall, time.Duration) {
	patience := stall.Patience
	volume, err := r.api.Volume(ctx, r.ticket.volume)
	if err != nil {
		return holdup(r.ticket, nil, r.last, nil, err), patience
	}
	if r.last != nil {
		patience += time.Duration(int64(volume.Size)/100/slowest) * time.Second
	}
	target := r.checkTarget(ctx, cmp.Or(volume.BackupTargetName, defaultTarget))
	return holdup(r.ticket, &volume, r.last, target, r.trouble), patience
}

// holdup says what holds a backup up, in Longhorn's words. The volume is nil where it
// could not be read, and trouble says why then; the backup is nil until it shows.
func holdup(t ticket, volume *api.Volume, b *backupRecord, target, trouble error) stall.Stall {
	ui := fmt.Sprintf("see volume %s in Longhorn's UI", t.volume)
	switch {
	case volume == nil:
		return stall.Stall{Cause: stall.BackupSystem, Message: "Longhorn does not say how its volume " + t.volume + " is: " + backup.Message(trouble),
			Remedy: "see that Longhorn's manager works and that SOTERIA_LONGHORN_URL reaches it"}
	case target != nil:
		return stall.Stall{Cause: stall.BackupSystem, Message: backup.Message(target), Remedy: "make Longhorn's backup target reachable; see Setting, Backup Target in Longhorn's UI"}
	case volume.Robustness == api.RobustnessFaulted:
		return stall.Stall{Cause: stall.BackupSystem, Message: "Longhorn volume " + t.volume + " is faulted: none of its replicas works", Remedy: "salvage a replica, or bring the replicas' nodes back; " + ui}
	case volume.CurrentImage != "" && volume.Image != "" && volume.CurrentImage != volume.Image:
		return stall.Stall{Cause: stall.BackupSystem, Message: fmt.Sprintf("Longhorn volume %s is being upgraded from engine %s to %s", t.volume, volume.CurrentImage, volume.Image),
			Remedy: "let the upgrade end, or undo it; " + ui}
	}
	if words := conditions(*volume); words != "" {
		return stall.Stall{Cause: stall.BackupSystem, Message: fmt.Sprintf("Longhorn volume %s is %s: %s", t.volume, volume.State, words), Remedy: "correct what is named; " + ui}
	}
	if b == nil && volume.State != api.StateAttached {
		message := fmt.Sprintf("Longhorn volume %s is %s, and Longhorn has to attach it for the backup", t.volume, cmp.Or(volume.State, "in no state"))
		if trouble != nil {
			message += ": " + backup.Message(trouble)
		}
		return stall.Stall{Cause: stall.Attacher, Message: message, Remedy: "see that a node can attach it: its attachments and Longhorn's instance managers; " + ui}
	}
	what := "the backup has not begun, at stage " + t.stage
	if b != nil {
		what = fmt.Sprintf("backup %s is %s at %d %%", b.name(), cmp.Or(b.Status.State, "in no state"), b.Status.Progress)
	}
	if trouble != nil {
		what += ": " + backup.Message(trouble)
	}
	return stall.Stall{Cause: stall.BackupSystem, Message: fmt.Sprintf("Longhorn volume %s: %s, and Longhorn does not go on", t.volume, what),
		Remedy: "see that the volume's replicas and the backup target work, and the log of Longhorn's manager; " + ui}
}

// conditions returns Longhorn's words on what is wrong with a volume; "" where it says
// nothing. They are quoted in short: a Lease keeps them.
func conditions(v api.Volume) string {
	words := v.NotReadyMessage
	for _, wrong := range []struct{ kind, status string }{{"Scheduled", "False"}, {"TooManySnapshots", "True"}} {
		if c := v.Conditions[wrong.kind]; c.Status == wrong.status {
			words = cmp.Or(words, c.Message, c.Reason)
		}
	}
	return backup.Clip(words, backup.MaxNote/2)
}

// givenUp is the error for a backup past its deadline that does not come further; nil
// where it may go on. One that comes further may take as long as it takes.
func (r *run) givenUp() error {
	now, patience := r.cluster.Clock.Now(), max(min(lastPatience, r.cfg.deadline()), r.progress.patience)
	if now.Sub(r.ticket.started) < r.cfg.deadline() || r.progress.movedAt.IsZero() || now.Sub(r.progress.movedAt) < patience {
		return nil
	}
	return finalError{backup.Errorf(backup.DriverFailed, "Longhorn's backup of volume %s was given up: it is older than %s and did not come further for %s (%s); look at it in Longhorn's UI, and delete it there if it still shows",
		r.ticket.volume, r.cfg.deadline(), patience, cmp.Or(r.progress.mark.Message, "Longhorn does not say why"))}
}

// Stuck says why a running backup, by its Lease, keeps no other one waiting: it does
// not come further, it is past its deadline, or no replica drives it. It is "" where
// the backup may be coming further.
func Stuck(lease *coordinationv1.Lease, deadline time.Duration, now time.Time) string {
	t, err := readTicket(lease)
	if err != nil {
		return ""
	}
	mark, marked := stall.ReadMark(lease.Annotations)
	switch {
	case marked && now.Sub(mark.Since) > idleFor:
		return mark.Says()
	case now.Sub(t.started) > deadline:
		return fmt.Sprintf("Longhorn's backup of volume %s runs for longer than SOTERIA_JOB_DEADLINE, %s; look at it in Longhorn's UI", t.volume, deadline)
	case lease.Spec.RenewTime != nil && now.Sub(lease.Spec.RenewTime.Time) > unrenewedFor:
		return fmt.Sprintf("no replica of Soteria drives the backup of Longhorn volume %s since %s; look at the replicas' logs", t.volume, lease.Spec.RenewTime.UTC().Format(time.RFC3339))
	}
	return ""
}

// Stalled returns what holds the backup up whose Lease this is; false where nothing
// does, or for any other Lease.
func Stalled(lease *coordinationv1.Lease) (claim backup.Claim, mark stall.Mark, stalled bool) {
	claim, _, running := Running(lease)
	mark, marked := stall.ReadMark(lease.Annotations)
	return claim, mark, running && marked
}
