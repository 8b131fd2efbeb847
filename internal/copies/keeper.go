package copies

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Observer is told what becomes of copies, for metrics. It must not block.
type Observer interface {
	// CopyRemoved is told that a copy was removed, or why it could not be; by is one of
	// the By constants.
	CopyRemoved(by string, err error)
}

// By whom a copy is removed.
const (
	ByPerson = "person"
	ByExpiry = "expiry"
)

// Keeper shows copies and removes them. Its methods are safe for concurrent use. All
// public fields are required.
type Keeper struct {
	Book *Book
	// Client deletes claims; Cache reads claims from a cache, and Reader the API server.
	Client client.Client
	Cache  client.Reader
	Reader client.Reader
	Events events.EventRecorder
	Clock  clock.WithTicker
	// ClockDoubt says that and why this process's clock is in doubt; "" where it is not.
	ClockDoubt func() string
	Observer   Observer
	Log        *slog.Logger

	mu sync.Mutex
	// idle is since when no pod was seen to use a copy that is to go, by lock.
	idle map[string]time.Time
}

// List returns all copies. The error is of kind Unavailable.
func (k *Keeper) List(ctx context.Context) (List, error) {
	p, err := k.Book.read(ctx)
	if err != nil {
		return List{}, err
	}
	now := k.Clock.Now()
	list := List{At: now, Warnings: p.warnings(k.Book.Namespace)}
	pods := map[string]listed{}
	for _, r := range p.sorted() {
		seen := look(ctx, k.Cache, r.Claim)
		state := judge(r, seen)
		if over(r, state, now) {
			continue
		}
		shown := describe(r, seen, state, k.usersIn(ctx, r.Claim, pods), now)
		if doubt := k.ClockDoubt(); shown.Expired && doubt != "" {
			shown.Message += "; it stays while Soteria's clock is in doubt: " + doubt
		}
		list.Copies = append(list.Copies, shown)
	}
	return list, nil
}

// listed are the pods of a namespace, or why they are not known.
type listed struct {
	pods []corev1.Pod
	err  error
}

// usersIn is usersOf with the pods of each namespace listed once.
func (k *Keeper) usersIn(ctx context.Context, claim backup.Claim, known map[string]listed) users {
	in, asked := known[claim.Namespace]
	if !asked {
		in.pods, in.err = k.podsOf(ctx, claim.Namespace)
		known[claim.Namespace] = in
	}
	if in.err != nil {
		return users{err: in.err}
	}
	return users{names: podsUsing(in.pods, claim.Name)}
}

// describe puts a record beside what is observed.
func describe(r Record, seen sighting, state State, used users, now time.Time) Copy {
	return Copy{
		Record: r, State: state, Message: explain(r, seen, state, used, now), Expired: r.expired(now),
		UsedBy: used.names, Removable: removable(r, state), Keep: keepCommand(r.Claim), Remove: removeCommand(r.Claim),
	}
}

// look reads a claim.
func look(ctx context.Context, reader client.Reader, name backup.Claim) sighting {
	claim := &corev1.PersistentVolumeClaim{}
	switch err := reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, claim); {
	case apierrors.IsNotFound(err):
		return sighting{}
	case err != nil:
		return sighting{err: backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)}
	}
	return sighting{claim: claim}
}

// Remove deletes a copy, and no other claim; one that a pod uses only where whileUsed is
// true. With a uid it deletes that copy alone, and none that has its name since. A restore
// into it is cancelled by that, as it is wherever a claim is deleted. Errors are of kind
// NotFound (no claim of that name), Conflict (it is no copy, is not proved to be one, is
// another one, or is used), Denied and Unavailable; nothing was removed then.
func (k *Keeper) Remove(ctx context.Context, claim backup.Claim, uid types.UID, whileUsed bool) (Removed, error) {
	var err error
	for range tries {
		var removed Removed
		removed, err = k.remove(ctx, claim, uid, whileUsed)
		if !apierrors.IsConflict(err) {
			k.Observer.CopyRemoved(ByPerson, err)
			return removed, err
		}
	}
	err = backup.Errorf(backup.Unavailable, "claim %s changes too fast to be removed; ask again: %w", claim, err)
	k.Observer.CopyRemoved(ByPerson, err)
	return Removed{}, err
}

// remove is one attempt. An error that apierrors.IsConflict knows means that the claim
// changed since it was read.
func (k *Keeper) remove(ctx context.Context, name backup.Claim, uid types.UID, whileUsed bool) (Removed, error) {
	p, err := k.Book.read(ctx)
	if err != nil {
		return Removed{}, err
	}
	seen := look(ctx, k.Reader, name)
	if seen.err != nil {
		return Removed{}, seen.err
	}
	r, state, err := find(p, name, seen)
	if err != nil {
		return Removed{}, err
	}
	used := k.usersOf(ctx, name)
	switch {
	case uid != "" && uid != r.UID:
		return Removed{}, another(name, r)
	case whileUsed:
	case used.err != nil:
		return Removed{}, used.err
	case len(used.names) > 0 && state != Removing:
		return Removed{}, inUse(name, used)
	}
	removed := Removed{Record: r, Restoring: state == Restoring, UsedBy: used.names, Volume: seen.claim.Spec.VolumeName}
	if state != Removing {
		if err := k.delete(ctx, r, seen.claim); err != nil {
			return Removed{}, err
		}
	}
	removed.Message = k.told(ctx, removed)
	return removed, nil
}

// find returns the record that proves a claim to be a copy, or why none does.
func find(p *page, name backup.Claim, seen sighting) (Record, State, error) {
	if seen.claim == nil {
		return Record{}, "", &backup.Error{Kind: backup.NotFound, Reason: backup.NoCopy, Message: fmt.Sprintf("there is no copy %s: no claim has that name", name)}
	}
	why := "Soteria has no record that it made it to look at"
	for _, r := range p.sorted() {
		if r.Claim != name {
			continue
		}
		switch state := judge(r, seen); state {
		case Ready, Restoring, Removing:
			if r.UID != "" {
				return r, state, nil
			}
			return Record{}, "", notProved(r)
		case Unproved:
			return Record{}, "", notProved(r)
		case kept:
			why = "a person kept it: they removed its mark"
		case gone:
			why = "it is another one than the copy of that name that Soteria made"
		case Starting, Unknown:
		}
	}
	return Record{}, "", &backup.Error{Kind: backup.Conflict, Reason: backup.NoCopy, Message: fmt.Sprintf(
		"claim %s was not removed, since it is no copy: %s. Soteria removes nothing else; it is for the claim's owner to delete", name, why)}
}

func notProved(r Record) error {
	return backup.WithSettle(&backup.Error{Kind: backup.Conflict, Reason: backup.Unproved, Message: fmt.Sprintf(
		"claim %s was not removed: %s", r.Claim, unproved(r))}, removeCommand(r.Claim))
}

// another refuses to remove a copy in the place of the one that was meant.
func another(name backup.Claim, r Record) error {
	return &backup.Error{Kind: backup.Conflict, Field: "uid", Message: fmt.Sprintf(
		"copy %s was not removed, since it is another one than was meant: it was made at %s; GET /v1/copies shows it", name, r.MadeAt.UTC().Format(time.RFC3339))}
}

func inUse(name backup.Claim, used users) error {
	return &backup.Error{Kind: backup.Conflict, Reason: backup.InUse, Message: fmt.Sprintf(
		"copy %s was not removed, since it is used%s; end these first, or ask with while_used=true: the claim goes once they have ended", name, used.clause(" by "))}
}

// delete deletes this very claim as it was read; that it is gone is no error.
func (k *Keeper) delete(ctx context.Context, r Record, claim *corev1.PersistentVolumeClaim) error {
	if r.UID == "" || r.UID != claim.UID {
		return backup.Errorf(backup.Internal, "claim %s is not proved to be a copy", r.Claim)
	}
	err := k.Client.Delete(ctx, claim, client.Preconditions{UID: &r.UID, ResourceVersion: &claim.ResourceVersion})
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return err //nolint:wrapcheck // the caller looks again
	case apierrors.IsForbidden(err):
		return backup.WithSettle(&backup.Error{Kind: backup.Denied, Reason: backup.ByPermission, Err: err, Message: fmt.Sprintf(
			"Kubernetes does not let Soteria delete claim %s; delete it with: %s", r.Claim, removeCommand(r.Claim))}, removeCommand(r.Claim))
	default:
		return backup.Errorf(backup.Unavailable, "deleting copy %s: %w", r.Claim, err)
	}
}

// told says what became of a copy that was removed, and what stays.
func (k *Keeper) told(ctx context.Context, removed Removed) string {
	text := "the claim is deleted"
	if len(removed.UsedBy) > 0 {
		text = "the claim goes once these have ended" + users{names: removed.UsedBy}.clause(": ")
	}
	if removed.Restoring {
		return text + "; the restore into it is cancelled"
	}
	volume := &corev1.PersistentVolume{}
	err := k.Reader.Get(ctx, types.NamespacedName{Name: removed.Volume}, volume)
	if err == nil && volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain {
		text += fmt.Sprintf("; its volume %s stays, as the reclaim policy Retain has it", removed.Volume)
	}
	return text
}
