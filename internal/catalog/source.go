package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// moment is a point in the life of a source. The sequence says exactly what came
// before what, whatever the clock does; the time measures ages.
type moment struct {
	seq uint64
	at  time.Time
}

// listing is one reading of the whole repository, from the time somebody may
// wait for it.
type listing struct {
	// wanted is closed once somebody waits.
	wanted   chan struct{}
	isWanted bool
	// began is set when the reading begins.
	began moment
	// done is closed when the reading has ended; err is set before.
	done chan struct{}
	err  error
	// patient is true while it may wait for another replica's, hurried once somebody
	// waits for it or for the next one, and hurry is closed then.
	patient, hurried bool
	hurry            chan struct{}
}

func newListing() *listing {
	return &listing{wanted: make(chan struct{}), done: make(chan struct{}), hurry: make(chan struct{})}
}

func (l *listing) end(err error) {
	l.err = err
	close(l.done)
}

// question is one claim asked for at one moment.
type question struct {
	claim backup.Claim
	asked moment
}

// source lists one driver's repository and answers from what it found.
type source struct {
	cfg Config
	// looked names the drivers whose repositories are listed, and seen the clusters
	// whose backups were found in any of them.
	looked   []string
	seen     *sightings
	lister   driver.Lister
	ledger   Ledger
	clock    clock.Clock
	observer Observer
	// recovered is told when listings work again.
	recovered func(driver string)
	// made is when the source was.
	made time.Time

	// rounds look at single claims.
	rounds rounds

	// turn is held while what was read is judged and settled, and guards what follows.
	turn sync.Mutex
	// last is what the last listing
	// told, believed or not. recalled is all that was
	// ever known of the claims' backups, copiedOf the repository whose copy was
	// read after it was accepted, and vouched the one in which that copy remembered something.
	last     *contents
	recalled expectation.Claims
	// provisional is the repository that no one accepted and whose backups are in
	// recalled; "" where there is none. mergedOf is the accepted one of which nothing
	// is remembered apart any more.
	provisional       string
	mergedOf          string
	copiedOf, vouched string
	warned            bool
	// nothingOf are the drivers that are not listed and of which nothing is remembered.
	nothingOf []string
	// saidDenied is true once it was logged that the Role does not allow to read them.
	saidDenied bool

	mu  sync.Mutex
	seq uint64
	// latest is the last listing that was believed; nil before the first, and
	// after the repository turned out to be another or gone.
	latest *snapshot
	// running is the listing under way, nil between two.
	running *listing
	// next is the listing that begins after the running one.
	next *listing
	// failure is why the last listing failed, nil when it was believed.
	failure error
	// failures counts listings that failed in a row.
	failures int
	// took is how long the last listing took that was believed, takes how long one does
	// that is not patient, as far as is known, and wantedAt when one was last asked for.
	took, takes time.Duration
	wantedAt    time.Time
	// patience is how long the next listing may wait for another replica's, unless
	// somebody waits for it.
	patience time.Duration
	// watched is true while every change is noticed, and changed is when, as a
	// sequence, the last one was, or when it began to be.
	watched bool
	changed uint64
	// backupsRunning holds the jobs that back a claim up now.
	backupsRunning map[backup.Claim]map[string]struct{}
	// recordedStrays is the repository that is known to be recorded in the register, and
	// toldStrays the last counts that were logged. Only the listing goroutine uses them.
	recordedStrays string
	toldStrays     StrayCounts
	// backupsEnded is when, as a sequence, the last backup of a claim ended, for
	// as long as no later listing has been believed.
	backupsEnded map[backup.Claim]uint64
}

func newSource(cfg Config, lister driver.Lister, ledger Ledger, clock clock.Clock, observer Observer) *source {
	return &source{
		cfg: cfg, lister: lister, ledger: ledger, clock: clock, observer: observer, made: clock.Now(),
		recovered:      func(string) {},
		seen:           &sightings{},
		next:           newListing(),
		backupsRunning: make(map[backup.Claim]map[string]struct{}),
		backupsEnded:   make(map[backup.Claim]uint64),
		rounds:         newRounds(lister),
	}
}

// known answers Found from what is known already, and proves anything else. Where that
// cannot be told, what the last listing found still exists, as far as is known.
func (s *source) known(ctx context.Context, claim backup.Claim) backup.Answer {
	if answer, ok := s.remember(claim); ok {
		return answer
	}
	answer := s.prove(ctx, claim)
	if answer.Certainty() == backup.Unknown {
		if found, ok := s.recollect(claim); ok {
			return found.Unsure(answer.Err())
		}
	}
	return answer
}

// remember returns what the last listing found of a claim, unless a backup of the claim
// has ended since.
func (s *source) remember(claim backup.Claim) (answer backup.Answer, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil || !s.quietSince(s.latest.beganFor(claim), claim) {
		return backup.Answer{}, false
	}
	return s.foundBefore(claim)
}

// recollect returns what the last listing found of a claim, in doubt where a backup of the
// claim has ended since.
func (s *source) recollect(claim backup.Claim) (answer backup.Answer, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, found = s.foundBefore(claim); found {
		return answer.Unsure(s.unquiet(claim)), true
	}
	return backup.Answer{}, false
}

// foundBefore returns the backups of a claim that the last listing found, if any of them
// counts. The caller holds the lock.
func (s *source) foundBefore(claim backup.Claim) (answer backup.Answer, found bool) {
	if s.latest == nil {
		return backup.Answer{}, false
	}
	backups := s.latest.byClaim[claim].backups
	if len(backups) == 0 || ofOthers(s.cfg.Clusters, backups) {
		return backup.Answer{}, false
	}
	return s.latest.found(claim), true
}

// unquiet says that a backup of the claim has ended since the last listing began, or why
// that could not be looked at; nil where none has. The caller holds the lock.
func (s *source) unquiet(claim backup.Claim) error {
	if s.latest == nil || s.quietSince(s.latest.beganFor(claim), claim) {
		return nil
	}
	if s.failure != nil {
		return s.failure
	}
	return s.expecting(backup.Errorf(backup.Unavailable, "a backup of %s has ended since the %s repository was last listed", claim, s.lister.Name()))
}

// remembers reports whether backups of the claim are known already.
func (s *source) remembers(claim backup.Claim) bool {
	_, found := s.remember(claim)
	return found
}

// standing is the answer for a claim of which another driver's backups are known. It
// does not wait, and its None is no proof.
func (s *source) standing(claim backup.Claim) backup.Answer {
	if answer, found := s.recollect(claim); found {
		return answer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failure != nil:
		return backup.UnknownBecause(s.failure)
	case s.latest == nil:
		return backup.UnknownBecause(s.unlisted())
	default:
		return s.none(claim, s.latest).Unsure(s.unquiet(claim))
	}
}

// glance is the answer of the last listing, whatever has happened since.
func (s *source) glance(claim backup.Claim) backup.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failure != nil:
		return backup.UnknownBecause(s.failure)
	case s.latest == nil:
		return backup.UnknownBecause(s.unlisted())
	default:
		return s.answer(claim)
	}
}

// latestAnswer is the answer of the last listing that was believed, in doubt where listings have
// failed since, or a backup of the claim has ended.
func (s *source) latestAnswer(claim backup.Claim) backup.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		return backup.UnknownBecause(cmp.Or(s.failure, s.unlisted()))
	}
	return s.answer(claim).Unsure(s.failure).Unsure(s.unquiet(claim))
}

// told says what the source's answer is.
func (s *source) told(answer backup.Answer) backup.Told {
	told := backup.Told{Driver: s.lister.Name(), Certainty: answer.Certainty(), Why: cmp.Or(answer.Err(), answer.Doubt())}
	if evidence := answer.Evidence(); len(evidence) > 0 {
		told.ListedAt = evidence[0].BeganAt
	} else {
		told.ListedAt = s.listedAt()
	}
	return told
}

// listed reports whether the last listing has a backup of the claim that is selected.
func (s *source) listed(claim backup.Claim, selected func([]backup.Backup) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest != nil && selected(s.latest.byClaim[claim].backups)
}

// unlisted says that the repository was not listed yet. The caller holds the lock.
func (s *source) unlisted() error {
	return s.caused(s.expecting(backup.Errorf(backup.Unavailable, "the %s repository has not been listed yet", s.lister.Name())))
}

// caused names the cause of an error that says why the repository is not listed. Its
// words may say how long that took, and from which port it was tried.
func (s *source) caused(err error) error {
	return backup.WithCause(err, "listing "+s.lister.Name())
}

// none is the answer for a claim of which a listing found no backup that counts.
func (s *source) none(claim backup.Claim, listed *snapshot) backup.Answer {
	return listed.none(claim).Doubting(stranger(s.cfg.Clusters, listed.clusters))
}

// lost reports whether the configuration has restores go on without the driver.
func (s *source) lost() bool { return slices.Contains(s.cfg.Without, s.lister.Name()) }

// prove waits for a listing that settles the question. A listing that ended well
// without settling it, because a backup of the claim ended meanwhile, makes it
// wait for another one.
func (s *source) prove(ctx context.Context, claim backup.Claim) backup.Answer {
	q := s.ask(claim)
	for {
		answer, pending := s.consult(q)
		if pending == nil {
			return answer
		}
		if why := s.notInTime(ctx, pending); why != nil {
			return backup.UnknownBecause(why)
		}
		select {
		case <-pending.done:
			if pending.err != nil {
				return backup.UnknownBecause(pending.err)
			}
		case <-ctx.Done():
			return backup.UnknownBecause(s.tooLate(ctx, q))
		}
	}
}

func (s *source) ask(claim backup.Claim) question {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.now()
	s.wantedAt = asked.at
	return question{claim: claim, asked: asked}
}

// consult gives either the answer or the listing to wait for.
func (s *source) consult(q question) (backup.Answer, *listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.latest != nil && s.settles(s.latest.beganFor(q.claim), q):
		return s.answer(q.claim), nil
	case s.mayAskAlone(q):
		return backup.Answer{}, s.askAlone(q)
	case s.running != nil && s.settles(s.running.began, q):
		s.hurry()
		return backup.Answer{}, s.running
	case s.running == nil && s.failure != nil:
		return backup.UnknownBecause(s.failure), nil
	default:
		s.wantNext()
		return backup.Answer{}, s.next
	}
}

// settles reports whether a listing that began then may answer the question.
func (s *source) settles(began moment, q question) bool {
	return (began.seq > q.asked.seq || s.fresh(began, q.asked.at)) && s.quietSince(began, q.claim)
}

// fresh reports whether a listing that began before the question began shortly
// enough before it, and nothing is known to have changed since.
func (s *source) fresh(began moment, asked time.Time) bool {
	bound := s.bound(began)
	return bound > 0 && driver.Within(bound, began.at, asked)
}

// quietSince reports whether no backup of the claim has ended since then.
func (s *source) quietSince(began moment, claim backup.Claim) bool {
	return s.backupsEnded[claim] < began.seq
}

// answer reads the latest snapshot, which must settle the question.
func (s *source) answer(claim backup.Claim) backup.Answer {
	backups := s.latest.byClaim[claim].backups
	switch {
	case ofOthers(s.cfg.Clusters, backups):
		return s.absent(claim).Doubting(s.latest.disowned(claim)).Doubting(mistyped(s.cfg.Clusters, s.seen, backups)).WithOthers(backups).DoubtingOthers(s.latest.older(claim))
	case len(backups) > 0:
		return s.latest.found(claim)
	default:
		return s.absent(claim)
	}
}

// absent answers for a claim of which the latest snapshot has no backup that counts.
func (s *source) absent(claim backup.Claim) backup.Answer {
	switch {
	case len(s.backupsRunning[claim]) > 0:
		return backup.UnknownBecause(backup.Errorf(backup.Unavailable, "a backup of %s is running", claim))
	case s.cfg.BackupsTold != nil && !s.cfg.BackupsTold():
		return backup.UnknownBecause(s.expecting(backup.Errorf(backup.Unavailable, "it is not known yet which backups are running")))
	default:
		return s.none(claim, s.latest)
	}
}

// tooLate says why a question was not settled before its ctx ended. The words of
// a failure tell more than the time.
func (s *source) tooLate(ctx context.Context, q question) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.failure
	}
	waited := s.clock.Since(q.asked.at).Seconds()
	message := fmt.Sprintf("listing the %s repository has taken more than %.1f s", s.lister.Name(), waited)
	if errors.Is(ctx.Err(), context.Canceled) {
		message = fmt.Sprintf("the question was given up after %.1f s, before the %s repository was listed", waited, s.lister.Name())
	}
	return s.caused(s.expecting(&backup.Error{Kind: backup.Unavailable, Message: message, Err: ctx.Err()}))
}

// now gives the present moment. The caller holds the lock.
func (s *source) now() moment {
	s.seq++
	return moment{seq: s.seq, at: s.clock.Now()}
}

// wantNext asks for a listing to begin after the running one. The caller holds
// the lock.
func (s *source) wantNext() {
	if !s.next.isWanted {
		s.next.isWanted = true
		close(s.next.wanted)
	}
	s.hurry()
}

// hurry has the running listing wait for another replica's no more, since somebody waits
// for it or for the next one. The caller holds the lock.
func (s *source) hurry() {
	if l := s.running; l != nil && !l.hurried {
		l.hurried = true
		close(l.hurry)
	}
}

func (s *source) backupStarted(claim backup.Claim, job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs, ok := s.backupsRunning[claim]
	if !ok {
		jobs = make(map[string]struct{})
		s.backupsRunning[claim] = jobs
	}
	jobs[job] = struct{}{}
}

func (s *source) backupEnded(claim backup.Claim, job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.backupsRunning[claim], job)
	if len(s.backupsRunning[claim]) == 0 {
		delete(s.backupsRunning, claim)
	}
	s.backupsEnded[claim] = s.now().seq
	s.wantNext()
}

func (s *source) listedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		return time.Time{}
	}
	return s.latest.began.at
}

// run lists until ctx ends, then answers all who wait.
func (s *source) run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { s.keepWatch(ctx) })
	watching.Go(func() { s.keepProving(ctx) })
	for {
		s.list(ctx)
		if !s.rest(ctx) {
			s.stop()
			return
		}
	}
}

// rest waits until the next listing is due and reports whether one is to begin.
func (s *source) rest(ctx context.Context) bool {
	pause, wanted := s.due()
	timer := s.clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return ctx.Err() == nil
	case <-wanted:
		return ctx.Err() == nil
	}
}

// due tells how long to rest, and what may end the rest: after a failure,
// nothing.
func (s *source) due() (time.Duration, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience = 0
	pause := s.cfg.RetryMin
	for range s.failures - 1 {
		pause = min(2*pause, s.cfg.RetryMax)
	}
	switch {
	case s.failure != nil:
		return pause, nil
	case s.failures > 0:
		return min(pause, s.cfg.RefreshInterval), s.next.wanted
	}
	if soon, warm := s.warm(); warm {
		return min(soon, s.cfg.RefreshInterval), s.next.wanted
	}
	return s.cfg.RefreshInterval, s.next.wanted
}

// list reads the repository once and settles the outcome.
func (s *source) list(ctx context.Context) {
	l := s.begin()
	found, err := s.read(ctx, l)
	err = s.caused(err)
	took := s.clock.Since(l.began.at)
	recovered := s.settle(l, found, err)
	s.turn.Unlock()
	if ctx.Err() != nil {
		return
	}
	name := s.lister.Name()
	if err != nil {
		s.cfg.Log.Warn("listing failed", "driver", name, "took", took, "kind", backup.KindOf(err).String(), "error", err)
		s.observer.Listed(name, took, 0, err)
		return
	}
	if found.incomplete != nil {
		s.cfg.Log.Warn("a part of the repository could not be listed", "driver", name, "took", took, "backups", found.size, "error", found.incomplete)
	}
	if recovered {
		s.cfg.Log.Info("listing succeeded", "driver", name, "took", took, "repository", found.evidence.Repository, "backups", found.size)
	}
	if found.confirmed {
		s.observer.Confirmed(name, took)
	} else {
		s.observer.Listed(name, took, found.size, found.incomplete)
	}
	if recovered {
		s.recovered(name)
	}
}

func (s *source) begin() *listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.next = s.next, newListing()
	s.running.began = s.now()
	return s.running
}

// read finds out what the repository holds and decides whether to believe it. It takes
// the turn, which the caller gives back once the outcome is settled.
func (s *source) read(ctx context.Context, l *listing) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ListingTimeout)
	defer cancel()
	s.turn.Lock()
	copied, last := s.startCopy(ctx), s.last
	s.turn.Unlock()
	found, confirmed, err := s.contents(ctx, last)
	s.turn.Lock()
	if err != nil {
		s.last = nil
		return nil, err
	}
	began := l.began
	found = found.keeping(s.last, began)
	s.last = found
	if found.isBlind() { // what was read says less than why the rest was not
		return nil, backup.Errorf(backup.KindOf(found.incomplete), "listing the %s repository: %w", s.lister.Name(), found.incomplete)
	}
	ended, repository := s.clock.Now(), found.repository
	strays, unsorted, err := s.sortStrays(ctx, found)
	if err != nil {
		return nil, err
	}
	if s.copiedOf != "" && s.copiedOf != repository {
		s.copiedOf = ""
		copied = s.startCopy(ctx)
	}
	if s.provisional != "" && s.provisional != repository {
		s.provisional, s.recalled = "", nil // it was the wrong one
	}
	known := s.recall(ctx, repository, copied, nil)
	vouched := s.vouched == repository || s.vouches(known, found)
	facts := listed{
		driver: s.lister.Name(), repository: repository, backups: found.size + len(found.strayed),
		expected: s.cfg.Expect[s.lister.Name()], remembered: known.expectsAny(),
		vouched: vouched, others: len(s.looked) > 1,
	}
	unaccepted, err := s.believe(ctx, facts)
	if err != nil {
		return nil, err
	}
	snapshot := &snapshot{
		contents: found, answers: new(sync.Map), confirmed: confirmed, began: began, strays: strays, unsorted: unsorted, unaccepted: unaccepted, whose: s.cfg.Clusters,
		evidence: backup.Evidence{Driver: facts.driver, Repository: repository, BeganAt: began.at, EndedAt: ended, Incomplete: found.incomplete != nil},
	}
	if s.cfg.Copies[facts.driver] == nil {
		snapshot.unseenIfRebuilt = facts.unseenIfRebuilt()
	}
	snapshot.dropped, snapshot.goesOnWithoutDropped = s.dropped(ctx)
	s.learn(ctx, snapshot, known)
	if known.uncopied == nil && unaccepted == nil { // else the copy may be yet to come
		s.copiedOf = repository
	}
	if vouched {
		s.vouched = repository
	}
	s.warn(facts)
	return snapshot, nil
}

// contents returns what the repository holds, looked at after the call: what the last
// listing found where the driver confirms that, else what it lists now.
func (s *source) contents(ctx context.Context, last *contents) (found *contents, confirmed bool, err error) {
	if s.confirm(ctx, last) {
		return last, true, nil
	}
	found, err = s.listAll(ctx)
	return found, false, err
}

// listAll lists the repository.
func (s *source) listAll(ctx context.Context) (*contents, error) {
	name := s.lister.Name()
	found := newBuilder(name)
	repository, err := s.listShared(ctx, found)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, &backup.Error{
			Kind:    backup.Unavailable,
			Message: fmt.Sprintf("listing the %s repository was given up after %s", name, s.cfg.ListingTimeout),
			Err:     errors.Join(ctx.Err(), err),
		}
	}
	if err != nil {
		return nil, backup.Errorf(backup.KindOf(err), "listing the %s repository: %w", name, err)
	}
	return found.contents(repository, s.clock.Now()), nil
}

// listShared lists, with the patience that there is. It is over once somebody waits:
// where nothing was read by then, the listing begins again, for them, too.
func (s *source) listShared(ctx context.Context, into driver.Listing) (string, error) {
	sharer, shares := s.lister.(driver.Sharer)
	s.mu.Lock()
	l, patience := s.running, s.patience
	l.patient = shares && patience > 0 && !l.isWanted && !l.hurried
	s.mu.Unlock()
	if !l.patient {
		return s.lister.List(ctx, into)
	}
	repository, err := sharer.ListShared(ctx, patience, l.hurry, into)
	if !errors.Is(err, driver.ErrHurried) {
		return repository, err
	}
	s.beginAgain(l)
	return s.lister.List(ctx, into)
}

// beginAgain has a listing that has read nothing begin now, and those who wait for the
// next one wait for it.
func (s *source) beginAgain(l *listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.began, l.patient = s.now(), false
	s.next.end(nil)
	s.next = newListing()
}

// confirm reports whether what the last listing found still stands. What keeps that from being
// told is left to a listing.
func (s *source) confirm(ctx context.Context, last *contents) bool {
	confirmer, can := s.lister.(driver.Confirmer)
	if !can || last == nil || last.mark == "" || !driver.Within(driver.WholeEvery, last.readAt, s.clock.Now()) {
		return false
	}
	confirmed, err := confirmer.Confirm(ctx, last.mark)
	if err != nil {
		s.cfg.Log.Debug("a listing could not be confirmed; the repository is listed again", "driver", s.lister.Name(), "error", err)
		return false
	}
	return confirmed
}

// warn says once that the configuration expects nothing of a repository that holds
// backups.
func (s *source) warn(l listed) {
	if s.warned || l.expected != ExpectNothing || l.backups == 0 {
		return
	}
	s.warned = true
	s.cfg.Log.Warn("the repository holds backups, and SOTERIA_EXPECT_BACKUPS says that it may be empty: remove that, so that a rebuilt cluster notices when they are gone",
		"driver", l.driver, "repository", l.repository, "backups", l.backups)
}

// held names the drivers whose repositories held backups, accepted or not. Of those that
// are not listed, what no one accepted is looked up until there is none: this
// process adds nothing to it.
func (s *source) held(ctx context.Context) ([]string, error) {
	held, err := s.ledger.Held(ctx)
	if err != nil {
		return nil, err
	}
	for _, driver := range s.cfg.Unlisted {
		if slices.Contains(held, driver) || slices.Contains(s.nothingOf, driver) {
			continue
		}
		holds, err := s.cfg.Unaccepted.Held(ctx, driver)
		switch {
		case err != nil && s.mayNotRead(err): // nor could the version before remember it
		case err != nil:
			return nil, err
		case holds:
			held = append(held, driver)
		default:
			s.nothingOf = append(s.nothingOf, driver)
		}
	}
	return held, nil
}

// dropped returns why another backup system may hold backups: it did, and is not
// looked at any more. It is lost where restores go on without all such systems.
func (s *source) dropped(ctx context.Context) (why error, lost bool) {
	held, err := s.held(ctx)
	if err != nil {
		return backup.WithCause(backup.Errorf(backup.KindOf(err), "reading which backup systems have held backups: %w", err), "memory of backup systems"), false
	}
	lost = true
	for _, driver := range held {
		if slices.Contains(s.looked, driver) {
			continue
		}
		lost = lost && slices.Contains(s.cfg.Without, driver)
		if slices.Contains(s.cfg.Taking, driver) {
			why = cmp.Or(why, backup.Errorf(backup.RepositoryDropped,
				"%s takes backups of this cluster and is not looked at: name it in SOTERIA_RESTORE_DRIVERS, or, to restore from the others without it, in SOTERIA_RESTORE_WITHOUT",
				backup.Printable(driver)))
			continue
		}
		forget := backup.Command("soteria", "repository", "forget", driver)
		why = cmp.Or(why, backup.WithSettle(backup.Errorf(backup.RepositoryDropped,
			"%s has held backups of this cluster and is not looked at any more: configure it again and name it in SOTERIA_RESTORE_DRIVERS, "+
				"or, if its backups do not matter any more, run: %s", backup.Printable(driver), forget), forget))
	}
	return why, lost
}

// believe compares the listing with what is expected of the repository, and
// records what the listing taught. It returns once that is durable. A repository that
// this process saw empty before anybody accepted it, and that has backups by now, is
// believed for those that it has and recorded by no one: it may still be being
// copied, or a backup was taken into the wrong one.
func (s *source) believe(ctx context.Context, l listed) (unaccepted, err error) {
	const attempts = 5
	for range attempts {
		var before, after Expectation
		before, err = s.ledger.Expectation(ctx, l.driver)
		if err != nil {
			return nil, backup.Errorf(backup.KindOf(err), "reading what is expected of the %s repository: %w", l.driver, err)
		}
		after, err = judge(s.cfg.Pins[l.driver], before, l)
		if err != nil {
			return nil, err
		}
		if why := l.unseen(before); why != nil {
			return why, nil
		}
		if after == before {
			return nil, nil
		}
		err = s.ledger.Record(ctx, l.driver, before, after)
		if err == nil {
			return nil, nil
		}
		if backup.KindOf(err) != backup.Conflict {
			break
		}
	}
	return nil, backup.Errorf(backup.KindOf(err), "recording what is expected of the %s repository: %w", l.driver, err)
}

// settle keeps what a listing found and answers those who wait for it. A failure
// also answers those who wait for the next listing: it does not begin before the
// rest is over. It reports whether this is the first listing that was believed
// after failures, or at all.
func (s *source) settle(l *listing, found *snapshot, err error) (recovered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
	if err != nil {
		s.fail(err)
		l.end(err)
		return false
	}
	recovered = s.latest == nil || s.failure != nil || s.latest.passing() != nil && found.passing() == nil
	s.latest, s.failure = found, nil
	if !found.confirmed {
		s.took = s.clock.Since(l.began.at)
	}
	if !l.patient || s.takes == 0 || s.took < s.takes {
		s.takes = s.took
	}
	s.seen.add(found.clusters)
	if s.failures++; found.passing() == nil {
		s.failures = 0
	}
	clear(s.rounds.unsettled)
	maps.DeleteFunc(s.backupsEnded, func(_ backup.Claim, ended uint64) bool { return ended < found.began.seq })
	l.end(nil)
	return recovered
}

// fail keeps the failure's words and gives them to those who wait for the next
// listing. What was known is kept, unless the repository it was read from turned
// out not to be there. The caller holds the lock.
func (s *source) fail(err error) {
	s.failure = err
	s.failures++
	if kind := backup.KindOf(err); kind == backup.RepositoryChanged || kind == backup.RepositoryAbsent {
		s.latest = nil
	}
	s.next.end(err)
	s.next = newListing()
	s.rounds.next.end(err)
	s.rounds.next = newRound()
}

// stop answers all who wait, now and from now on.
func (s *source) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(backup.Errorf(backup.Unavailable, "Soteria is stopping and lists the %s repository no more", s.lister.Name()))
}
