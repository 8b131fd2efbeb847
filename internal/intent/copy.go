package intent

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
)

// recordBudget bounds writing down what was made of a copy, also where the caller's time
// is over.
const recordBudget = 5 * time.Second

// copyOf makes the target as a copy to look at: it is written down first, then made, and
// its uid written down last. Where that fails the copy is there, and a note says that
// Soteria may never remove it: what was written may have arrived all the same.
func (r *Requests) copyOf(ctx context.Context, wish Wish, target *corev1.PersistentVolumeClaim, choice backup.Chosen) (Made, error) {
	expires, err := r.expiry(wish)
	if err != nil {
		return Made{}, err
	}
	target.Annotations[v1alpha1.TestAnnotation] = target.Spec.VolumeName
	if wish.DryRun {
		if err := r.create(ctx, target, wish); err != nil {
			return Made{}, err
		}
		return copyMade(made(target, choice, true), expires), nil
	}
	record := copies.Record{
		Lock: target.Spec.VolumeName, Claim: wish.Target, Source: wish.Source,
		Driver: choice.Backup.Driver, Backup: choice.Backup.ID, TakenAt: choice.Backup.TakenAt.UTC(),
		RequestedBy: target.Annotations[v1alpha1.RequestedByAnnotation], MadeAt: r.Policy.RulesNow().Now.UTC(), ExpiresAt: expires,
	}
	if err := r.Copies.Begin(ctx, record); err != nil {
		return Made{}, err
	}
	err = r.create(ctx, target, wish)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordBudget)
	defer cancel()
	if err != nil {
		return r.copyNotMade(ctx, wish, record, err)
	}
	done := copyMade(made(target, choice, false), expires)
	record.UID = target.UID
	if err := r.Copies.Made(ctx, record); err != nil {
		done.Notes = append(done.Notes, "the copy is being restored, and Soteria may never remove it, since it is not known whether it was written down that it was made: "+backup.Message(err)+
			"; GET /v1/copies says which")
	}
	return done, nil
}

func copyMade(m Made, expires time.Time) Made {
	m.Copy, m.ExpiresAt = true, expires
	return m
}

// copyNotMade drops the record of a copy that is not there. It stays where the claim is
// there with the copy's lock, because an earlier attempt or one of another replica made
// it, and where that cannot be told: without it nobody would know the claim as a copy.
func (r *Requests) copyNotMade(ctx context.Context, wish Wish, record copies.Record, err error) (Made, error) {
	again := wish
	again.Lock = record.Lock
	before, lookErr := r.madeBefore(ctx, again)
	switch {
	case before != nil && wish.Lock != "":
		return *before, nil
	case before != nil, backup.KindOf(err) == backup.Unavailable, lookErr != nil && backup.KindOf(lookErr) == backup.Unavailable:
		return Made{}, err
	}
	// One that is left shows nothing, and goes by itself.
	_ = r.Copies.Drop(ctx, record.Lock)
	return Made{}, err
}

// expiry returns when a copy that is made now goes by itself; zero for never.
func (r *Requests) expiry(wish Wish) (time.Time, error) {
	if wish.Expires == (copies.Expiry{}) {
		return time.Time{}, nil
	}
	rules := r.Policy.RulesNow()
	if rules.ClockDoubt || rules.Now.IsZero() {
		return time.Time{}, &backup.Error{Kind: backup.Unavailable, Field: "expires",
			Message: "it cannot be told when the copy would expire: Soteria's clock is in doubt; leave expires out, or set the node's clock right"}
	}
	return wish.Expires.From(rules.Now)
}
