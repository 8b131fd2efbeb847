package batch

import (
	"context"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// mostEnds bounds how many ends are kept until they are written down, and holdEnds
	// for how long: most backups are of no batch.
	mostEnds = 4096
	holdEnds = 2 * time.Minute
	// clockSlack is how much later a Job may be dated than the member that it was made
	// for was called started, or earlier.
	clockSlack = 5 * time.Second
)

// Ended reports that a backup has ended, of a batch or not. Job, Made and Again are of
// the Job that took it, for systems with Jobs: its name, when it was made, and whether it
// took the place of another. Backup is the backup's name, where that is known.
type Ended struct {
	Claim  backup.Claim
	Driver string
	Job    string
	Made   time.Time
	Again  bool
	Backup string
	End    End
}

// Tell takes down that a backup has ended: the batch that it is of says so within
// seconds. It does not block. What is lost with the process is found again by Follow.
func (r *Runner) Tell(e Ended) {
	if e.End.At.IsZero() {
		e.End.At = r.Clock.Now().UTC()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ends) == mostEnds {
		r.ends = slices.Delete(r.ends, 0, 1)
	}
	r.ends = append(r.ends, e)
}

// writeEnds writes the ends that are told, every few seconds, until ctx ends.
func (r *Runner) writeEnds(ctx context.Context) {
	ticker := r.Clock.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalSave)
			defer cancel()
			r.writeEndsOnce(last)
			return
		case <-ticker.C():
			r.writeEndsOnce(ctx)
		}
	}
}

// writeEndsOnce writes the ends that are told. Those of batches of which members are
// still being started wait, since another one writes these; so do those that could not be
// written.
func (r *Runner) writeEndsOnce(ctx context.Context) {
	r.mu.Lock()
	ends := r.ends
	r.ends = nil
	r.mu.Unlock()
	if len(ends) == 0 {
		return
	}
	left := r.settleEnds(ctx, ends)
	now := r.Clock.Now()
	left = slices.DeleteFunc(left, func(e Ended) bool { return now.Sub(e.End.At) > holdEnds })
	r.mu.Lock()
	r.ends = append(left, r.ends...)
	r.ends = r.ends[max(0, len(r.ends)-mostEnds):]
	r.mu.Unlock()
}

// settleEnds writes the ends that batches wait for and returns those that may still be
// waited for.
func (r *Runner) settleEnds(ctx context.Context, ends []Ended) (left []Ended) {
	list, err := r.Store.List(ctx)
	if err != nil {
		r.Log.Warn("how backups of batches ended could not be written down; it is tried again", "error", err)
		return ends
	}
	waits := make([]bool, len(ends))
	for i := range list {
		record := &list[i]
		if record.Kind != Backup {
			continue
		}
		if record.Ended() {
			if !record.settle(ends) {
				continue
			}
			_, err := r.Store.Save(ctx, *record)
			if err == nil {
				continue
			}
			r.Log.Warn("how backups of a batch ended could not be written down; it is tried again", "batch", record.ID, "error", err)
		}
		for at, e := range ends {
			waits[at] = waits[at] || record.concerns(e.Claim)
		}
	}
	for at, e := range ends {
		if waits[at] {
			left = append(left, e)
		}
	}
	return left
}

// concerns reports whether a claim is a member of a batch of backups.
func (r *Record) concerns(claim backup.Claim) bool {
	return r.Namespace == claim.Namespace && slices.ContainsFunc(r.Members, func(m Member) bool { return m.Source == claim.Name })
}

// settle puts ends where members wait for them, and reports whether there is such.
func (r *Record) settle(ends []Ended) (changed bool) {
	for i := range r.Members {
		m := &r.Members[i]
		for _, e := range ends {
			if m.FollowsEnd() && e.Claim == (backup.Claim{Namespace: r.Namespace, Name: m.Source}) && e.Driver == r.Driver && m.Outcome.is(e) {
				m.End, changed = &e.End, true
			}
		}
	}
	return changed
}

// FollowsEnd reports whether a member is a backup that was started and whose end was not
// seen yet.
func (m *Member) FollowsEnd() bool {
	return m.Outcome != nil && m.Outcome.Refusal == nil && (m.End == nil || m.End.Result == EndUnknown)
}

// is reports whether what ended is what was started. A claim has one backup of a system
// at a time: a Job that was made again since took the place of the first, and a backup
// without a Job is the one that was started unless both have names, and others.
func (o *Outcome) is(e Ended) bool {
	switch {
	case o.Job != "":
		return e.Job == o.Job || e.Again && e.Made.After(o.At.Add(-clockSlack))
	case o.Backup != "" && e.Backup != "":
		return o.Backup == e.Backup
	default:
		return !e.End.At.Before(o.At)
	}
}

// followEnds asks, for each backup whose end was not seen, how it ended: what ended while
// no replica was there to hear of it. It is the leader's.
func (r *Runner) followEnds(ctx context.Context, list []Record) {
	if r.Follow == nil {
		return
	}
	for _, record := range list {
		if record.Kind != Backup || !record.Ended() {
			continue
		}
		changed := false
		for i := range record.Members {
			m := &record.Members[i]
			if m.Outcome == nil || m.Outcome.Refusal != nil || m.End != nil {
				continue
			}
			end, err := r.Follow(ctx, record, *m)
			if err != nil {
				r.Log.Warn("how a backup of a batch goes on could not be seen; it is tried again", "batch", record.ID, "claim", record.Namespace+"/"+m.Source, "error", err)
				continue
			}
			if end != nil {
				m.End, changed = end, true
			}
		}
		if !changed {
			continue
		}
		if _, err := r.Store.Save(ctx, record); err != nil {
			r.Log.Warn("how backups of a batch ended could not be written down; it is tried again", "batch", record.ID, "error", err)
		}
	}
}
