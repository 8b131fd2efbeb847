package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// round is one look at single claims, for all who ask about them at a time.
type round struct {
	*listing
	claims map[backup.Claim]struct{}
}

func newRound() *round {
	return &round{listing: newListing(), claims: make(map[backup.Claim]struct{})}
}

// rounds are the rounds of a source whose driver can prove single claims. All but prover
// is guarded by the source's lock.
type rounds struct {
	// prover is nil where the driver cannot.
	prover driver.Prover
	// running is the round under way, nil between two; next begins after it.
	running, next *round
	// unsettled is when, as a sequence, a round began that could not settle a claim: a
	// listing has to.
	unsettled map[backup.Claim]uint64
}

func newRounds(lister driver.Lister) rounds {
	prover, _ := lister.(driver.Prover)
	return rounds{prover: prover, next: newRound(), unsettled: make(map[backup.Claim]uint64)}
}

// looked is when a claim was looked at by itself, and what was seen then beside the
// claims' own backups: strays, and what puts every claim in doubt.
type looked struct {
	began   moment
	ended   time.Time
	strayed []attribution.Stray
	doubt   error
}

// beganFor is when the listing or the later look at the claim alone began by which a
// claim is answered.
func (s *snapshot) beganFor(claim backup.Claim) moment {
	if look, alone := s.alone[claim]; alone && look.began.seq > s.began.seq {
		return look.began
	}
	return s.began
}

// evidenceOf is the evidence of a claim's answer.
func (s *snapshot) evidenceOf(claim backup.Claim) backup.Evidence {
	evidence := s.evidence
	if look, alone := s.alone[claim]; alone && look.began.seq > s.began.seq {
		evidence.BeganAt, evidence.EndedAt = look.began.at, look.ended
	}
	return evidence
}

// with returns the contents with what was found of claims that were looked at by
// themselves. They are confirmed by nothing.
func (c *contents) with(found *contents, looks map[backup.Claim]looked) *contents {
	if len(looks) == 0 {
		return c
	}
	joined := *c
	joined.mark = ""
	joined.byClaim, joined.alone = maps.Clone(c.byClaim), maps.Clone(c.alone)
	joined.doubts, joined.unreadable, joined.clusters = maps.Clone(c.doubts), maps.Clone(c.unreadable), maps.Clone(c.clusters)
	if joined.alone == nil {
		joined.alone = make(map[backup.Claim]looked)
	}
	for claim, look := range looks {
		joined.alone[claim] = look
		joined.strayed = union(joined.strayed, look.strayed)
		if look.doubt != nil {
			joined.doubts[backup.Claim{}] = look.doubt
		}
		joined.size += len(found.byClaim[claim].backups) - len(c.byClaim[claim].backups)
		replace(joined.byClaim, claim, found.byClaim)
		if e, held := joined.byClaim[claim]; held {
			e.days = backup.DaysOf(e.backups, joined.readAt)
			joined.byClaim[claim] = e
		}
		replace(joined.doubts, claim, found.doubts)
		replace(joined.unreadable, claim, found.unreadable)
	}
	maps.Copy(joined.clusters, found.clusters)
	if joined.words == nil {
		joined.words = found.words
	}
	return &joined
}

// keeping returns the contents that a listing found which began then, with what was found
// since in looks at single claims.
func (c *contents) keeping(last *contents, began moment) *contents {
	if last == nil || last.repository != c.repository {
		return c
	}
	later := maps.Clone(last.alone)
	maps.DeleteFunc(later, func(_ backup.Claim, look looked) bool { return look.began.seq <= began.seq })
	return c.with(last, later)
}

// replace puts what another map holds under a key, or does not, in the place of what this
// one holds.
func replace[V any](in map[backup.Claim]V, claim backup.Claim, from map[backup.Claim]V) {
	delete(in, claim)
	if v, there := from[claim]; there {
		in[claim] = v
	}
}

// union returns all strays of both, each once.
func union(all, more []attribution.Stray) []attribution.Stray {
	if len(more) == 0 {
		return all
	}
	joined := slices.Clone(all)
	for _, s := range more {
		if !slices.ContainsFunc(all, func(known attribution.Stray) bool { return known.ID == s.ID }) {
			joined = append(joined, s)
		}
	}
	return joined
}

// mayAskAlone reports whether a look at the claim alone may settle the question, so that
// it need not wait for a listing. The caller holds the lock.
func (s *source) mayAskAlone(q question) bool {
	return s.rounds.prover != nil && s.failure == nil && s.latest != nil && s.latest.passing() == nil && s.rounds.unsettled[q.claim] < q.asked.seq
}

// askAlone returns the round that may settle the question. The caller holds the lock.
func (s *source) askAlone(q question) *listing {
	if r := s.rounds.running; r != nil && s.settles(r.began, q) {
		if _, asked := r.claims[q.claim]; asked {
			return r.listing
		}
	}
	next := s.rounds.next
	next.claims[q.claim] = struct{}{}
	if !next.isWanted {
		next.isWanted = true
		close(next.wanted)
	}
	return next.listing
}

// keepProving makes rounds until ctx ends, one at a time.
func (s *source) keepProving(ctx context.Context) {
	if s.rounds.prover == nil {
		return
	}
	for {
		s.mu.Lock()
		next := s.rounds.next
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-next.done: // a listing failed, which answers all
		case <-next.wanted:
			s.makeRound(ctx)
		}
	}
}

// makeRound looks at the claims that are asked for, and settles the outcome.
func (s *source) makeRound(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ListingTimeout)
	defer cancel()
	r := s.beginRound()
	into := newBuilder(s.lister.Name())
	repository, proved, err := s.rounds.prover.Prove(ctx, slices.Collect(maps.Keys(r.claims)), s.cfg.Freshness, into)
	if err != nil {
		err = backup.Errorf(backup.KindOf(err), "looking at single claims in the %s repository: %w", s.lister.Name(), err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	var found *snapshot
	if err == nil {
		seen := into.contents(repository, s.clock.Now())
		looks := make(map[backup.Claim]looked, len(proved))
		for _, claim := range proved {
			looks[claim] = looked{began: r.began, ended: s.clock.Now(), strayed: seen.strayed, doubt: seen.doubts[backup.Claim{}]}
		}
		found, err = s.join(ctx, seen, looks)
	}
	s.settleRound(r, found, s.caused(err))
}

func (s *source) beginRound() *round {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rounds.next
	s.rounds.running, s.rounds.next = r, newRound()
	r.began = s.now()
	return r
}

// join believes looks at single claims as a listing is believed: against what is expected
// of the repository and remembered of the claims now. It returns nil where that takes a
// listing. The caller has the turn.
func (s *source) join(ctx context.Context, found *contents, looks map[backup.Claim]looked) (*snapshot, error) {
	s.mu.Lock()
	latest := s.latest
	s.mu.Unlock()
	if s.last == nil || latest == nil || latest.contents != s.last || !found.isWhole() {
		// A listing has to tell, also after one that was not believed: what that found of
		// other claims was held against nothing.
		return nil, nil //nolint:nilnil // see above
	}
	if found.repository != s.last.repository {
		return nil, backup.Errorf(backup.RepositoryChanged, "the %s repository is %s and was %s when it was listed last",
			s.lister.Name(), backup.ShortID(found.repository), backup.ShortID(s.last.repository))
	}
	if s.copiedOf != found.repository || s.mergedOf != found.repository {
		return nil, nil //nolint:nilnil // it is not accepted yet, or not all that is remembered of it is read
	}
	maps.DeleteFunc(looks, func(claim backup.Claim, look looked) bool { return latest.beganFor(claim).seq > look.began.seq })
	return s.believeAlone(ctx, latest, s.last.with(found, looks), slices.Collect(maps.Keys(looks)))
}

// believeAlone is the part of [source.read] for claims that were looked at by themselves.
func (s *source) believeAlone(ctx context.Context, latest *snapshot, found *contents, claims []backup.Claim) (*snapshot, error) {
	strays, unsorted, err := s.sortStrays(ctx, found)
	if err != nil {
		return nil, err
	}
	l := listed{
		driver: s.lister.Name(), repository: found.repository, backups: found.size + len(found.strayed),
		expected: s.cfg.Expect[s.lister.Name()], remembered: recollection{claims: s.recalled}.expectsAny(),
		vouched: s.vouched == found.repository, others: len(s.looked) > 1,
	}
	unaccepted, err := s.believe(ctx, l)
	if err != nil || unaccepted != nil {
		return nil, err // a listing takes that in
	}
	joined := *latest
	joined.contents, joined.answers, joined.confirmed, joined.strays, joined.unsorted = found, new(sync.Map), false, strays, unsorted
	joined.dropped, joined.goesOnWithoutDropped = s.dropped(ctx)
	s.learnAlone(ctx, &joined, claims)
	s.last = found
	return &joined, nil
}

// learnAlone is [source.learn] for some claims: of the others, what the last listing
// learned stands.
func (s *source) learnAlone(ctx context.Context, joined *snapshot, claims []backup.Claim) {
	all, only := s.recalled, func(of expectation.Claims) expectation.Claims {
		some := make(expectation.Claims, len(claims))
		for _, claim := range claims {
			if record, known := of[claim]; known {
				some[claim] = record
			}
		}
		return some
	}
	s.recalled = only(all)
	known := s.recall(ctx, joined.repository, noCopies, only)
	part := &snapshot{evidence: joined.evidence, contents: &contents{byClaim: make(map[backup.Claim]entry, len(claims))}}
	for _, claim := range claims {
		replace(part.byClaim, claim, joined.byClaim)
	}
	s.learn(ctx, part, known)
	some := s.recalled
	s.recalled = maps.Clone(all)
	if s.recalled == nil {
		s.recalled = make(expectation.Claims)
	}
	maps.Copy(s.recalled, some)
	joined.expected, joined.missing = s.recalled, maps.Clone(joined.missing)
	for _, claim := range claims {
		replace(joined.missing, claim, part.missing)
	}
	joined.unread, joined.unwritten = cmp.Or(joined.unread, part.unread), cmp.Or(joined.unwritten, part.unwritten)
}

// noCopies is for a repository whose copies this process has read.
func noCopies() (expectation.Copies, error) { return expectation.Copies{}, nil }

// settleRound keeps what a round found and answers those who wait for it. A failure is
// that of a listing: it answers all.
func (s *source) settleRound(r *round, found *snapshot, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds.running = nil
	if err != nil {
		s.cfg.Log.Warn("looking at single claims failed", "driver", s.lister.Name(), "claims", len(r.claims), "kind", backup.KindOf(err).String(), "error", err)
		s.wantNext() // at once, for those who ask from now on
		s.fail(err)
		r.end(err)
		return
	}
	if found != nil {
		s.latest = found
		s.seen.add(found.clusters)
	}
	for claim := range r.claims {
		if s.latest == nil || s.latest.beganFor(claim).seq < r.began.seq {
			s.rounds.unsettled[claim] = r.began.seq
		}
	}
	r.end(nil)
}
