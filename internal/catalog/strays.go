package catalog

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Register remembers, where it outlives the process and for all replicas, which
// strays of a repository were accepted: they are taken to be of no claim. A
// repository is recorded once; what it holds later is not accepted by itself.
type Register interface {
	// Accepted returns what is recorded of the repository; nil where nothing is.
	// It may be repeated at will.
	Accepted(ctx context.Context, driver, repository string) (Accepted, error)
	// Begin records the repository, which must not be recorded, with the ids of the
	// strays that are accepted in it. It returns once that is durable. Where the
	// repository is recorded by now, it changes nothing and fails with kind
	// Conflict.
	Begin(ctx context.Context, driver, repository string, ids []string) error
}

// Accepted is which strays of a repository were accepted.
type Accepted interface {
	// Has reports whether the stray of this id was.
	Has(id string) bool
}

// strays is what a listing found of backups of which nothing says whose they are.
// The zero value is none.
type strays struct {
	// held says what those that no one has accepted keep from being proved, and
	// accepted what those that were accepted would, in a cluster without memory.
	held, accepted error
	// hinted holds, by claim, the newest of those that name it and that no one has
	// accepted; before all others one that does not say when it was taken.
	hinted hints
	// acceptedHinted is the same of those that were accepted here.
	acceptedHinted hints
	words          attribution.Words
	counts         StrayCounts
}

// hints are strays by the claims that they name.
type hints map[backup.Claim]attribution.Stray

func (h hints) add(s attribution.Stray) {
	for _, claim := range s.Claims {
		if other, hinted := h[claim]; !hinted || mayBeNewer(s, other.TakenAt) && !other.TakenAt.IsZero() {
			h[claim] = s
		}
	}
}

// StrayCounts is how many backups a listing found of which nothing says whose
// they are.
type StrayCounts struct{ Held, Accepted int }

// sort sorts strays by whether they were accepted.
func sortStrays(all []attribution.Stray, accepted Accepted, words attribution.Words, repository string) strays {
	if len(all) == 0 {
		return strays{}
	}
	var held, known []attribution.Stray
	sorted := strays{hinted: make(hints), acceptedHinted: make(hints), words: words}
	for _, s := range all {
		if accepted != nil && (accepted.Has(s.ID) || s.FormerID != "" && accepted.Has(s.FormerID)) {
			known = append(known, s)
			sorted.acceptedHinted.add(s)
			continue
		}
		held = append(held, s)
		sorted.hinted.add(s)
	}
	sorted.held, sorted.accepted = words.Doubt(repository, held), words.Doubt(repository, known)
	sorted.counts = StrayCounts{Held: len(held), Accepted: len(known)}
	return sorted
}

// doubt says why the strays keep it from being proved that the claim has no
// backup; nil if they do not. One that names the claim is told before all others.
func (s strays) doubt(claim backup.Claim) error {
	if stray, hinted := s.hinted[claim]; hinted {
		return s.words.DoubtOf(claim, stray)
	}
	return s.held
}

// mayBeNewer reports whether a stray may have been taken at that time or later. It may
// where it does not say when it was.
func mayBeNewer(s attribution.Stray, than time.Time) bool {
	return s.TakenAt.IsZero() || !s.TakenAt.Before(than)
}

// newer says why a claim's newest backup may not be the newest that exists: a
// stray that names the claim may be as new. It returns nil if none is.
func (s strays) newer(claim backup.Claim, newest backup.Backup) error {
	return s.newerOf(s.hinted, claim, newest)
}

// newerIfRebuilt is newer by the strays that were accepted here: a cluster that is
// rebuilt has accepted none.
func (s strays) newerIfRebuilt(claim backup.Claim, newest backup.Backup) error {
	return s.newerOf(s.acceptedHinted, claim, newest)
}

func (s strays) newerOf(named hints, claim backup.Claim, newest backup.Backup) error {
	if stray, hinted := named[claim]; hinted && mayBeNewer(stray, newest.TakenAt) {
		return s.words.DoubtOf(claim, stray)
	}
	return nil
}

// sortStrays sorts the strays that a listing found; unsorted is why it could not be told
// which of them were accepted. A repository that is not
// recorded yet is recorded first, so that what it holds later is never taken for
// accepted: with the strays that it holds now where this cluster has used it
// before, as it did before it knew of strays, and else with none.
func (s *source) sortStrays(ctx context.Context, found *contents) (sorted strays, unsorted, err error) {
	var accepted Accepted
	if s.cfg.Accepted != nil && found.repository != "" {
		accepted, err = s.accepted(ctx, found.repository, found.strayed)
		if err != nil && !s.isKnown(ctx, found.repository) {
			// A repository must not get into the ledger unrecorded.
			return strays{}, nil, s.notSorted(err)
		}
		if err != nil {
			unsorted = s.notSorted(err)
		}
	}
	sorted = sortStrays(found.strayed, accepted, found.words, found.repository)
	s.tellStrays(sorted)
	return sorted, unsorted, nil
}

func (s *source) notSorted(err error) error {
	return backup.Errorf(backup.KindOf(err), "reading which backups of the %s repository were accepted: %w", s.lister.Name(), err)
}

// isKnown reports whether this cluster has used the repository before.
func (s *source) isKnown(ctx context.Context, repository string) bool {
	expected, err := s.ledger.Expectation(ctx, s.lister.Name())
	return err == nil && expected.Repository == repository
}

// accepted returns which strays of the repository were accepted.
func (s *source) accepted(ctx context.Context, repository string, strayed []attribution.Stray) (Accepted, error) {
	if len(strayed) == 0 && s.recordedStrays == repository {
		return nil, nil //nolint:nilnil // nothing to be accepted
	}
	const attempts = 5
	var err error
	for range attempts {
		var accepted Accepted
		accepted, err = s.cfg.Accepted.Accepted(ctx, s.lister.Name(), repository)
		if err != nil {
			return nil, err
		}
		if accepted != nil {
			s.recordedStrays = repository
			return accepted, nil
		}
		var expected Expectation
		expected, err = s.ledger.Expectation(ctx, s.lister.Name())
		if err != nil {
			return nil, err
		}
		if s.isAnother(repository, expected) {
			return nil, nil //nolint:nilnil // the listing is not going to be believed
		}
		err = s.cfg.Accepted.Begin(ctx, s.lister.Name(), repository, idsToAccept(strayed, expected.Repository == repository))
		if err != nil && backup.KindOf(err) != backup.Conflict {
			return nil, err
		}
	}
	return nil, err
}

// isAnother reports whether the repository is another one than is expected, so
// that nothing is to be recorded of it.
func (s *source) isAnother(repository string, expected Expectation) bool {
	want := cmp.Or(s.cfg.Pins[s.lister.Name()], expected.Repository)
	return want != "" && want != repository
}

// idsToAccept returns the ids of strays, or none.
func idsToAccept(strayed []attribution.Stray, accept bool) []string {
	if !accept {
		return nil
	}
	ids := make([]string, 0, len(strayed))
	for _, s := range strayed {
		ids = append(ids, s.ID)
	}
	return ids
}

// tellStrays logs how many strays there are, when that changes.
func (s *source) tellStrays(now strays) {
	if now.counts == s.toldStrays {
		return
	}
	s.toldStrays = now.counts
	switch {
	case now.held != nil:
		s.cfg.Log.Warn("backups of no known claim keep it from being proved that claims have none", slog.String("driver", s.lister.Name()),
			slog.Int("held", now.counts.Held), slog.Int("accepted", now.counts.Accepted), slog.Any("reason", now.held))
	case now.accepted != nil:
		s.cfg.Log.Warn("backups of no known claim were accepted here; a cluster that is built anew would hold claims for them", slog.String("driver", s.lister.Name()),
			slog.Int("accepted", now.counts.Accepted), slog.Any("reason", now.accepted))
	}
}
