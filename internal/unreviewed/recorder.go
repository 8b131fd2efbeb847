package unreviewed

import (
	"context"
	"log/slog"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/cycle"
)

// Recorder has it remembered since when claims are unreviewed, and until when they
// were. It is for the leader.
type Recorder struct {
	Book *Book
	// Claims returns the claims that are unreviewed, as far as the last inventory
	// knows. It must not wait.
	Claims func() map[backup.Claim]string
	// Review judges a claim as it is now, see [Reviewer.Review].
	Review func(context.Context, backup.Claim) (Finding, error)
	// Reader reads claims, from a cache.
	Reader client.Reader
	Clock  clock.Clock
	Log    *slog.Logger
}

// NeedLeaderElection tells controller-runtime that the leader alone records.
func (r *Recorder) NeedLeaderElection() bool { return true }

// Start records until ctx ends. It is controller-runtime's Runnable.
func (r *Recorder) Start(ctx context.Context) error {
	cycle.Run(ctx, r.Clock, bookEvery, func(ctx context.Context) {
		if err := r.Record(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("it is not remembered which claims are unreviewed, so that the backups which others take of them may be restored; it is tried again by itself", "error", err)
		}
	})
	return nil
}

// Record records once. It costs a look at the cache for each claim that was ever
// unreviewed, and at the API server for one that is so anew.
func (r *Recorder) Record(ctx context.Context) error {
	return r.Book.record(ctx, func(spans Spans) (map[backup.Claim]Life, error) { return r.lives(ctx, spans) })
}

// lives looks at the claims that are unreviewed, and at those that were.
func (r *Recorder) lives(ctx context.Context, spans Spans) (map[backup.Claim]Life, error) {
	lives := map[backup.Claim]Life{}
	for name := range spans {
		if err := r.look(ctx, name, lives); err != nil {
			return nil, err
		}
	}
	for name := range r.Claims() {
		if err := r.look(ctx, name, lives); err != nil {
			return nil, err
		}
		life, exists := lives[name]
		if !exists || remembers(spans[name], life) {
			continue
		}
		// The inventory may be of an earlier life of the claim.
		found, err := r.Review(ctx, name)
		if err != nil {
			return nil, err
		}
		life.Unreviewed = found.State == Unreviewed && found.Since.Equal(life.Created)
		lives[name] = life
	}
	return lives, nil
}

// remembers reports whether the spans hold one of this life.
func remembers(spans []backup.Span, life Life) bool {
	return slices.ContainsFunc(spans, func(s backup.Span) bool { return s.Since.Equal(life.Created) })
}

// look adds the claim to lives if it exists.
func (r *Recorder) look(ctx context.Context, name backup.Claim, lives map[backup.Claim]Life) error {
	claim := &corev1.PersistentVolumeClaim{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, claim)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	}
	lives[name] = lifeOf(claim)
	return nil
}
