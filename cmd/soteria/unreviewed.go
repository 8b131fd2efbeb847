package main

import (
	"context"
	"fmt"
	"log/slog"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

// reviews deals with claims that got past the gate.
type reviews struct {
	memory   *unreviewed.Memory
	book     *unreviewed.Book
	reviewer unreviewed.Reviewer
}

// addReviews remembers the gate, and has the backups of claims that got past it
// marked, whoever asks for them.
func addReviews(c config, mgr manager.Manager, known *catalog.Catalog, systems *backends, log *slog.Logger) (*reviews, error) {
	gate := admission.New(mgr.GetAPIReader(), clock.RealClock{})
	memory := &unreviewed.Memory{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: c.Namespace, Clock: clock.RealClock{}, Log: log,
		Closed: func(ctx context.Context) bool { return gate.Report(ctx).State == admission.Closed },
	}
	if err := mgr.Add(memory); err != nil {
		return nil, fmt.Errorf("adding the memory of the gate: %w", err)
	}
	if err := mgr.Add(systems.reviews); err != nil {
		return nil, fmt.Errorf("adding the memory of unreviewed claims: %w", err)
	}
	r := &reviews{memory: memory, book: systems.reviews, reviewer: unreviewed.Reviewer{
		Reader: mgr.GetAPIReader(), Policy: c.policy(), Since: memory.Since, Backups: knownBackups(known),
	}}
	undecided := unreviewed.Undecided{Reader: mgr.GetClient(), Events: mgr.GetEventRecorder(eventSource), Log: log}
	for name, backuper := range systems.backupers {
		systems.backupers[name] = unreviewed.Marker{Backuper: backuper, Review: r.reviewer.Review, Undecided: undecided.Tell}
	}
	return r, nil
}

// pending returns why no old backup of a claim may be removed for now; nil where
// its data needs no review.
func (r *reviews) pending(ctx context.Context, claim backup.Claim) error {
	found, err := r.reviewer.Review(ctx, claim)
	switch {
	case err != nil:
		return err
	case found.State == unreviewed.Settled:
		return nil
	default:
		return backup.Errorf(backup.Conflict, "%s", found.Message)
	}
}

// addTeller has the leader report and remember the claims that the inventory says
// are to be reviewed.
func (r *reviews) addTeller(mgr manager.Manager, latest func() (*inventory.Inventory, error), log *slog.Logger) error {
	err := mgr.Add(&unreviewed.Recorder{
		Book: r.book, Claims: unreviewedClaims(latest), Review: r.reviewer.Review, Reader: mgr.GetClient(), Clock: clock.RealClock{}, Log: log,
	})
	if err != nil {
		return fmt.Errorf("adding what remembers unreviewed claims: %w", err)
	}
	err = mgr.Add(&unreviewed.Teller{
		Claims: unreviewedClaims(latest), Reader: mgr.GetClient(), Events: mgr.GetEventRecorder(eventSource), Clock: clock.RealClock{}, Log: log,
	})
	if err != nil {
		return fmt.Errorf("adding what tells of unreviewed claims: %w", err)
	}
	return nil
}

func unreviewedClaims(latest func() (*inventory.Inventory, error)) func() map[backup.Claim]string {
	return func() map[backup.Claim]string {
		known, err := latest()
		if err != nil {
			return nil // there is none yet
		}
		open := map[backup.Claim]string{}
		for _, claim := range known.Claims() {
			if claim.Unreviewed != "" {
				open[claim.Claim] = claim.Unreviewed
			}
		}
		return open
	}
}

// knownBackups returns what the last listings found of a claim, and whether all
// repositories could be listed and told everything of it.
func knownBackups(known *catalog.Catalog) func(backup.Claim) ([]backup.Backup, bool) {
	return func(claim backup.Claim) (found []backup.Backup, listed bool) {
		listed = true
		for _, o := range known.Overviews() {
			found = append(found, o.Of(claim)...)
			if o.ListedAt.IsZero() || o.Failure != nil || o.Doubt(claim) != nil || o.Unproved() != nil {
				listed = false
			}
		}
		return found, listed
	}
}
