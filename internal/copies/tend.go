package copies

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// every is how often the leader looks at the copies.
const every = 30 * time.Second

// rest is how long no pod may have used a copy that one was seen to use as its time came:
// a pod that is replaced, because its node is drained or its app rolled out, is gone for a
// while and comes back for its data.
const rest = 10 * time.Minute

// The reasons of the events on copies.
const (
	EventExpires = "CopyExpires"
	EventExpired = "CopyExpired"
	EventStays   = "CopyNotRemoved"
	EventKept    = "CopyKept"
)

// Start implements controller-runtime's Runnable, for the leader: it looks at the copies
// until ctx ends.
func (k *Keeper) Start(ctx context.Context) error {
	ticker := k.Clock.NewTicker(every)
	defer ticker.Stop()
	var told string
	for {
		err := k.Tend(ctx)
		switch {
		case err == nil:
			told = ""
		case ctx.Err() == nil && err.Error() != told:
			told = err.Error()
			k.Log.WarnContext(ctx, "copies to look at could not be looked after; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// NeedLeaderElection tells controller-runtime that one replica alone does this.
func (k *Keeper) NeedLeaderElection() bool { return true }

// Tend removes the copies whose time has come, says which are about to go, and drops the
// records that have had their use. It may be stopped at any moment and called again: each
// step rests on what is read. One copy that fails keeps no other waiting.
func (k *Keeper) Tend(ctx context.Context) error {
	p, err := k.Book.read(ctx)
	if err != nil {
		return err
	}
	if !p.imported {
		if err := k.importMarked(ctx); err != nil {
			return err
		}
	}
	var failed []error
	for _, r := range p.sorted() {
		if err := k.tend(ctx, r); err != nil {
			failed = append(failed, fmt.Errorf("copy %s: %w", r.Claim, err))
		}
	}
	return errors.Join(failed...)
}

// tend deals with one copy. What the cache has is enough to do nothing; all else rests on
// the API server's own word.
func (k *Keeper) tend(ctx context.Context, r Record) error {
	now := k.Clock.Now()
	seen := look(ctx, k.Cache, r.Claim)
	if state := judge(r, seen); seen.err == nil && !over(r, state, now) && !k.due(r, state, now) {
		return nil
	}
	seen = look(ctx, k.Reader, r.Claim)
	state := judge(r, seen)
	switch {
	case seen.err != nil:
		return seen.err
	case over(r, state, now):
		return k.end(ctx, r, seen, state)
	case !k.due(r, state, now):
		return nil
	case !r.expired(now):
		return k.warn(ctx, r, seen.claim, now)
	}
	return k.expire(ctx, r, seen.claim, now)
}

// due reports whether a copy expires, or is to be told that it will. While the clock is
// in doubt none is.
func (k *Keeper) due(r Record, state State, now time.Time) bool {
	if r.ExpiresAt.IsZero() || !removable(r, state) || k.ClockDoubt() != "" {
		return false
	}
	return r.expired(now) || r.WarnedAt.IsZero() && !now.Before(r.warning())
}

// end drops the record of a copy that is gone, was kept or never came.
func (k *Keeper) end(ctx context.Context, r Record, seen sighting, state State) error {
	if err := k.Book.Drop(ctx, r.Lock); err != nil {
		return err
	}
	k.mu.Lock()
	delete(k.idle, r.Lock)
	k.mu.Unlock()
	k.Log.InfoContext(ctx, "the record of a copy is not needed any more", "claim", r.Claim.String(), "state", string(state))
	if state == kept {
		k.tell(seen.claim, corev1.EventTypeNormal, EventKept, "Soteria keeps this claim like others from now on, since its annotation was removed: "+
			"it is backed up as its policies say, counts, and does not expire")
	}
	return nil
}

// warn says once that a copy expires soon.
func (k *Keeper) warn(ctx context.Context, r Record, claim *corev1.PersistentVolumeClaim, now time.Time) error {
	used := k.usersOf(ctx, r.Claim)
	if used.err != nil {
		return used.err
	}
	if err := k.note(ctx, r.Lock, func(r *Record) {
		if r.WarnedAt = now; len(used.names) > 0 {
			r.UsedAt = now
		}
	}); err != nil {
		return err
	}
	k.tell(claim, corev1.EventTypeNormal, EventExpires, fmt.Sprintf("this copy to look at expires in %s, at %s, and is removed then; keep it with: %s",
		r.ExpiresAt.Sub(now).Round(time.Minute), r.ExpiresAt.UTC().Format(time.RFC3339), keepCommand(r.Claim)))
	return nil
}

// expire removes a copy, unless it is used: that is told once, and it is tried again until
// no pod has used it for a while.
func (k *Keeper) expire(ctx context.Context, r Record, claim *corev1.PersistentVolumeClaim, now time.Time) error {
	used := k.usersOf(ctx, r.Claim)
	if used.err != nil {
		return used.err
	}
	if !k.rested(r, used, now) {
		if len(used.names) == 0 {
			return nil
		}
		return k.hold(ctx, r, claim, func(r *Record) { r.HeldAt, r.UsedAt = now, now }, fmt.Sprintf(
			"it is used%s; it is removed %s after these have ended, or keep it with: %s", used.clause(" by "), rest, keepCommand(r.Claim)))
	}
	err := k.delete(ctx, r, claim)
	if apierrors.IsConflict(err) {
		return nil // it changed since it was read: it is looked at again
	}
	k.Observer.CopyRemoved(ByExpiry, err)
	if backup.KindOf(err) == backup.Denied {
		err = errors.Join(err, k.hold(ctx, r, claim, func(r *Record) { r.HeldAt = now }, backup.Message(err)))
	}
	if err != nil {
		return err
	}
	k.Log.InfoContext(ctx, "a copy expired and was removed", "claim", r.Claim.String(), "uid", string(r.UID), "expired", r.ExpiresAt)
	k.tell(claim, corev1.EventTypeNormal, EventExpired, fmt.Sprintf("the copy of %s that %s asked for expired at %s and was removed; the backup that it was made from is still there",
		r.Source, r.RequestedBy, r.ExpiresAt.UTC().Format(time.RFC3339)))
	return nil
}

// rested reports whether no pod uses a copy, nor did for a while where one was seen to. A
// new leader begins to count anew.
func (k *Keeper) rested(r Record, used users, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(used.names) > 0 {
		delete(k.idle, r.Lock)
		return false
	}
	since, known := k.idle[r.Lock]
	switch {
	case r.UsedAt.IsZero(), known && now.Sub(since) >= rest:
		delete(k.idle, r.Lock)
		return true
	case !known && k.idle == nil:
		k.idle = map[string]time.Time{r.Lock: now}
	case !known:
		k.idle[r.Lock] = now
	}
	return false
}

// hold says once why a copy that has expired stays for now, and notes that.
func (k *Keeper) hold(ctx context.Context, r Record, claim *corev1.PersistentVolumeClaim, held func(*Record), why string) error {
	if !r.HeldAt.IsZero() {
		return nil
	}
	if err := k.note(ctx, r.Lock, held); err != nil {
		return err
	}
	k.tell(claim, corev1.EventTypeWarning, EventStays, fmt.Sprintf("this copy to look at expired at %s and was not removed, since %s",
		r.ExpiresAt.UTC().Format(time.RFC3339), why))
	return nil
}

// note changes a record that is still there.
func (k *Keeper) note(ctx context.Context, lock string, change func(*Record)) error {
	return k.Book.change(ctx, func(p *page) error {
		r, known := p.records[lock]
		if !known {
			return nil
		}
		change(&r)
		return p.put(r)
	})
}

func (k *Keeper) tell(claim *corev1.PersistentVolumeClaim, kind, reason, text string) {
	k.Events.Eventf(claim, nil, kind, reason, "Copy", "%s", backup.Clip(text, backup.MaxNote))
}

// importMarked writes down which claims a version marked that kept no records. It does so
// once in the life of the book: a mark that comes later needs a record from its making.
func (k *Keeper) importMarked(ctx context.Context) error {
	var claims corev1.PersistentVolumeClaimList
	if err := k.Cache.List(ctx, &claims); err != nil {
		return backup.Errorf(backup.Unavailable, "listing claims: %w", err)
	}
	now := k.Clock.Now()
	return k.Book.change(ctx, func(p *page) error {
		if p.imported {
			return nil
		}
		for i := range claims.Items {
			claim := &claims.Items[i]
			if _, known := p.records[claim.Spec.VolumeName]; known || !kube.IsTest(claim) || !recordable(claim.Spec.VolumeName) {
				continue
			}
			found := Record{
				Lock: claim.Spec.VolumeName, Claim: backup.Claim{Namespace: claim.Namespace, Name: claim.Name}, SeenUID: claim.UID, MadeAt: claim.CreationTimestamp.UTC(),
			}
			err := p.put(found)
			if err == nil {
				err = p.fits()
			}
			if err != nil {
				p.drop(found.Lock) // it is backed up like others, from now on
				k.Log.WarnContext(ctx, "a claim that an earlier version marked as a copy has no room in the records, so it is backed up", "claim", found.Claim.String(), "error", err)
			}
		}
		p.setImported(now)
		return nil
	})
}

// recordable reports whether a lock can be the key of a record. Kubernetes takes any text
// as the name of a claim's volume, and refuses a whole ConfigMap for one key that is none:
// a claim whose author wrote such a text is no copy.
func recordable(lock string) bool { return len(validation.IsConfigMapKey(lock)) == 0 }
