package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// TestNoneIsNeverWrong puts a catalog through arbitrary lives of a repository:
// listings that fail, hang, tell only a part and know it or not, tell it in another order or tell
// an older or newer state; backups that run, end, fail and are pruned;
// repositories that are swapped and emptied; strays, which a person accepts; a ledger and a memory that cannot be
// read or written; backups that vanish, that Soteria forgets and that a person
// accepts; a backup system that is dropped; a clock that jumps; restarts, and questions
// to another replica; with a driver that proves single claims and with one that cannot, and
// with one that notices changes, whose watch ends and begins.
// Every answer is compared with the history of what the repository
// really held.
func TestNoneIsNeverWrong(t *testing.T) {
	seen := make(map[backup.Certainty]int)
	rapid.Check(t, func(rt *rapid.T) {
		// All is drawn before the bubble begins, so that a failure shrinks.
		count := rapid.IntRange(1, 300).Draw(rt, "count")
		steps := rapid.SliceOfN(rapid.Custom(drawStep), count, count).Draw(rt, "steps")
		freshness := rapid.SampledFrom([]time.Duration{0, time.Second, 2 * time.Second, 30 * time.Second}).Draw(rt, "freshness")
		expect := rapid.SampledFrom([]catalog.Expected{catalog.Unsaid, catalog.ExpectNothing, catalog.ExpectNothing}).Draw(rt, "expect")
		proves := rapid.Bool().Draw(rt, "proves")
		bound := rapid.SampledFrom([]time.Duration{0, 30 * time.Second}).Draw(rt, "bound")
		var w *world
		synctest.Test(t, func(t *testing.T) {
			w = newWorld(freshness, expect)
			w.proves, w.bound = proves, bound
			w.live(t, steps)
		})
		for _, violation := range w.violations {
			rt.Error(violation)
		}
		for certainty, n := range w.answers {
			seen[certainty] += n
		}
	})
	t.Logf("answers: %v", seen)
	for _, certainty := range []backup.Certainty{backup.Unknown, backup.None, backup.Found} {
		assert.NotZero(t, seen[certainty], "no life ever led to %s, so nothing was tested", certainty)
	}
}

// step is one event in the life of a repository and those who ask about it.
type step struct {
	what  string
	claim backup.Claim
	// wait passes before the step.
	wait time.Duration
	// span is the step's own duration: a latency, a budget, a jump.
	span time.Duration
	pick int
}

func (s step) String() string {
	return fmt.Sprintf("after %s: %s %s (%s, %d)", s.wait, s.what, s.claim, s.span, s.pick)
}

func drawStep(t *rapid.T) step {
	span := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 300 * time.Millisecond, time.Second, 1900 * time.Millisecond, 3 * time.Second, 45 * time.Second})
	return step{
		what: rapid.SampledFrom([]string{
			"known", "known", "known", "known", "prove", "prove", "prove", "prove", "prove", "prove",
			"backup begins", "backup begins", "backup succeeds", "backup succeeds", "backup fails",
			"backup appears unannounced", "backup is pruned", "backup is pruned", "backup is pruned", "backup is pruned",
			"latency", "listings fail", "listings are cut short", "listings are incomplete", "listings are well", "listings are well", "listings are well",
			"repository swapped", "repository emptied", "repository back", "repository back", "accept", "accept",
			"newest vanishes", "newest is forgotten", "newest is forgotten", "accept claim", "accept claim",
			"memory unreadable", "memory unwritable", "memory well", "memory well", "memory well", "dropped", "kept", "kept",
			"stray appears", "stray goes", "stray goes", "register unreadable", "register well", "register well",
			"ledger unreadable", "ledger unwritable", "ledger well", "ledger well", "ledger well", "clock jumps",
			"restart", "restart", "another replica", "another replica", "watches end",
		}).Draw(t, "what"),
		claim: rapid.SampledFrom([]backup.Claim{photos, music}).Draw(t, "claim"),
		wait:  span.Draw(t, "wait"),
		span:  span.Draw(t, "span"),
		pick:  rapid.IntRange(0, 1<<16).Draw(t, "pick"),
	}
}

// version is what the repository held from a time on.
type version struct {
	from       time.Time
	repository string
	backups    []backup.Backup
	strays     []attribution.Stray
}

// ending is when a backup ended: in truth, and by the catalog's clock.
type ending struct{ at, clock time.Time }

func (v version) of(claim backup.Claim) []string {
	held := make([]string, 0, len(v.backups))
	for _, b := range v.backups {
		if b.Claim == claim {
			held = append(held, b.ID)
		}
	}
	slices.Sort(held)
	return held
}

const listingTimeout = 20 * time.Second

// world is the truth: the repository with its whole history, and the judge of
// every answer. It is also the lister that the catalog sees.
type world struct {
	freshness time.Duration
	expect    catalog.Expected
	// proves is true where the driver can prove single claims. bound is for how long a
	// listing holds while the watches notice no change; 0 without.
	proves   bool
	bound    time.Duration
	ledger   *chronicle
	claims   *remembered
	apart    *apart
	register *register

	// replicas are the catalogs that run, of which serving is asked.
	replicas [2]replica
	serving  int

	mu      sync.Mutex
	jump    time.Duration
	history []version
	// watches are those of the replicas, told of each change, and how to end them.
	watches map[*watch]struct{}
	ids     int
	// mood, latency and pick are how the next listings behave.
	mood    string
	latency time.Duration
	pick    int
	// jobs holds when each backup that runs now began.
	jobs  map[backup.Claim][]time.Time
	ended map[backup.Claim][]ending
	// proved is, by repository, the last proof of a claim's backups that no one settled
	// since, and settled when somebody last did.
	proved  map[place]proof
	settled map[backup.Claim]time.Time
	// forgetful is true while the memory cannot be read or written, and unsureAt when it
	// last could not.
	forgetful bool
	unsureAt  time.Time
	// droppedSince is when another backup system was dropped; zero while none is.
	droppedSince time.Time

	violations []string
	answers    map[backup.Certainty]int
}

func newWorld(freshness time.Duration, expect catalog.Expected) *world {
	return &world{
		freshness: freshness,
		expect:    expect,
		claims:    &remembered{},
		apart:     &apart{},
		proved:    make(map[place]proof),
		settled:   make(map[backup.Claim]time.Time),
		ledger:    &chronicle{memory: newMemory()},
		register:  newRegister(),
		history:   []version{{from: time.Now(), repository: repositoryID}},
		watches:   make(map[*watch]struct{}),
		jobs:      make(map[backup.Claim][]time.Time),
		ended:     make(map[backup.Claim][]ending),
		answers:   make(map[backup.Certainty]int),
	}
}

// place is a claim in a repository.
type place struct {
	repository string
	claim      backup.Claim
}

// proof is an answer of Found: when it was given, and the newest backup. An unsure one
// may be remembered by the process alone that gave it.
type proof struct {
	at, newest time.Time
	unsure     bool
}

// replica is a catalog that runs.
type replica struct {
	*catalog.Catalog
	stop func()
}

// chronicle is a ledger that remembers all that was ever recorded.
type chronicle struct {
	*memory
	mu       sync.Mutex
	recorded []record
	// swapped is set when the catalog took another repository by itself.
	swapped bool
}

type record struct {
	from time.Time
	catalog.Expectation
}

func (c *chronicle) Record(ctx context.Context, driver string, before, after catalog.Expectation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.memory.Record(ctx, driver, before, after); err != nil {
		return err
	}
	c.recorded = append(c.recorded, record{time.Now(), after})
	c.swapped = c.swapped || before.Repository != "" && before.Repository != after.Repository
	return nil
}

func (c *chronicle) accept(repository string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	accepted := catalog.Expectation{Repository: repository}
	c.set(func(m *memory) { m.recorded["restic"] = accepted })
	c.recorded = append(c.recorded, record{time.Now(), accepted})
}

// blank reports whether nothing was recorded at some moment since.
func (c *chronicle) blank(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.recorded) == 0 || !c.recorded[0].from.Before(since)
}

// expected reports whether an expectation was current at any moment since.
func (c *chronicle) expected(since time.Time, matches func(catalog.Expectation) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := currentSince(c.recorded, func(r record) time.Time { return r.from }, since)
	return slices.ContainsFunc(current, func(r record) bool { return matches(r.Expectation) })
}

// currentSince gives, of things in the order of their time, those that were current at
// any moment since.
func currentSince[T any](all []T, from func(T) time.Time, since time.Time) []T {
	first := 0
	for i, one := range all {
		if from(one).Before(since) {
			first = i
		}
	}
	return all[first:]
}

func (w *world) Name() string { return "restic" }

// List reads the state at some moment between its begin and its end, and tells
// it in some order.
func (w *world) List(ctx context.Context, into driver.Listing) (string, error) {
	w.mu.Lock()
	latency, pick, mood := w.latency, w.pick, w.mood
	w.mu.Unlock()
	early := latency * time.Duration(pick%4) / 3
	if err := sleep(ctx, early); err != nil {
		return "", err
	}
	w.mu.Lock()
	state := w.history[len(w.history)-1]
	w.mu.Unlock()
	if err := sleep(ctx, latency-early); err != nil {
		return "", err
	}
	told := slices.Clone(state.backups)
	if len(told) > 0 {
		turn := pick % len(told)
		told = append(told[turn:], told[:turn]...)
	}
	if pick%2 == 0 {
		slices.Reverse(told)
	}
	switch mood {
	case "listings fail":
		return "", backup.Errorf(backup.Unavailable, "connection refused")
	case "listings are cut short":
		for _, b := range told[:len(told)/2] {
			into.Backup(b)
		}
		return state.repository, errors.New("unexpected end of output")
	}
	if mood == "listings are incomplete" {
		told = told[:len(told)/2]
		into.Incomplete(backup.Errorf(backup.Unavailable, "one of two stores does not answer"))
	}
	for _, b := range told {
		into.Backup(b)
	}
	into.Strays(state.strays, strayWords)
	into.Mark(state.mark())
	return state.repository, nil
}

// Confirm reads the state at some moment between its begin and its end, and does not
// tell what it is while listings fail.
func (w *world) Confirm(ctx context.Context, mark string) (bool, error) {
	w.mu.Lock()
	latency, pick, mood := w.latency/2, w.pick, w.mood
	w.mu.Unlock()
	early := latency * time.Duration(pick%4) / 3
	if err := sleep(ctx, early); err != nil {
		return false, err
	}
	w.mu.Lock()
	state := w.history[len(w.history)-1]
	w.mu.Unlock()
	if err := sleep(ctx, latency-early); err != nil {
		return false, err
	}
	if mood != "" && pick%3 != 0 {
		return false, backup.Errorf(backup.Unavailable, "connection refused")
	}
	return mark == state.mark(), nil
}

// Prove reads the state at some moment between its begin and its end. It tells of claims
// in the state that are not asked for as well, leaves some out that are, and tells of some
// that their backups have gone, which is for the catalog to find out.
func (w *world) Prove(ctx context.Context, claims []backup.Claim, _ time.Duration, into driver.Listing) (string, []backup.Claim, error) {
	w.mu.Lock()
	latency, pick, mood := w.latency/2, w.pick, w.mood
	w.mu.Unlock()
	early := latency * time.Duration(pick%4) / 3
	if err := sleep(ctx, early); err != nil {
		return "", nil, err
	}
	w.mu.Lock()
	state := w.history[len(w.history)-1]
	w.mu.Unlock()
	if err := sleep(ctx, latency-early); err != nil {
		return "", nil, err
	}
	switch {
	case mood == "listings fail" && pick%3 != 0:
		return "", nil, backup.Errorf(backup.Unavailable, "connection refused")
	case mood == "listings are cut short" && pick%3 != 0:
		return state.repository, claims, errors.New("unexpected end of output")
	case mood == "listings are incomplete" && pick%3 != 0:
		into.Incomplete(backup.Errorf(backup.Unavailable, "one of two stores does not answer"))
		return state.repository, claims, nil
	}
	for _, b := range state.backups {
		if pick%5 != 0 || slices.Contains(claims, b.Claim) {
			into.Backup(b)
		}
	}
	into.Strays(state.strays, strayWords)
	if len(state.backups)+len(state.strays) == 0 {
		return state.repository, nil, nil
	}
	return state.repository, claims[:len(claims)-min(len(claims), pick%7/6)], nil
}

// withoutProofs is a lister that can prove no single claims.
type withoutProofs struct {
	driver.Lister
	driver.Confirmer
	driver.Watcher
}

// watch is one of a replica's.
type watch struct {
	changed func()
	end     context.CancelFunc
}

// Watch notices each change of what the repository holds at the moment it happens.
func (w *world) Watch(ctx context.Context, began, changed func()) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	mine := &watch{changed: changed, end: end}
	w.change(func() { w.watches[mine] = struct{}{} })
	defer w.change(func() { delete(w.watches, mine) })
	began()
	<-ctx.Done()
	return errors.New("the watch ended")
}

// each does something with every watch.
func (w *world) each(do func(*watch)) {
	w.mu.Lock()
	watches := slices.Collect(maps.Keys(w.watches))
	w.mu.Unlock()
	for _, one := range watches {
		do(one)
	}
}

// age is how old a listing may be.
func (w *world) age() time.Duration { return max(w.freshness, w.bound) }

// mark identifies what a repository holds, as the names of its files do.
func (v version) mark() string {
	if len(v.backups)+len(v.strays) == 0 {
		return ""
	}
	return fmt.Sprint(v.repository, sortedIDs(v.backups), idsOfStrays(v))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(max(d, 0)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// live runs the steps, lets all questions come to their end, and sees whether a
// world where all is well again is told as it is.
func (w *world) live(t *testing.T, steps []step) {
	t.Helper()
	for number := range w.replicas {
		w.start(t, number)
	}
	var questions sync.WaitGroup
	for _, s := range steps {
		time.Sleep(s.wait)
		switch s.what {
		case "known":
			known := w.replicas[w.serving].Known
			questions.Go(func() { w.question(t, s, known, false) })
		case "prove":
			prove := w.replicas[w.serving].Prove
			questions.Go(func() { w.question(t, s, prove, true) })
		case "restart":
			w.replicas[w.serving].stop()
			w.start(t, w.serving)
			w.change(w.lose)
		case "another replica":
			w.serving = 1 - w.serving
			w.change(w.lose)
		default:
			w.apply(s)
		}
		if s.pick%3 == 0 {
			synctest.Wait()
		}
	}
	questions.Wait()
	w.recover(t)
	for _, replica := range w.replicas {
		replica.stop()
	}
	if w.ledger.swapped {
		w.violations = append(w.violations, "another repository was taken without anybody accepting it")
	}
}

// start starts a replica on what outlives it, and tells it of the backups that run.
func (w *world) start(t *testing.T, number int) {
	t.Helper()
	cfg := catalog.DefaultConfig()
	cfg.Freshness = w.freshness
	cfg.ListingTimeout = listingTimeout
	cfg.Expect, cfg.Memory, cfg.Unaccepted = map[string]catalog.Expected{"restic": w.expect}, w.claims, w.apart
	cfg.Accepted = w.register
	cfg.Bounds = map[string]time.Duration{"restic": w.bound}
	var lister driver.Lister = withoutProofs{w, w, w}
	if w.proves {
		lister = w
	}
	c := catalog.New(cfg, []driver.Lister{lister}, w.ledger, jumping{world: w}, newOutcomes())
	for claim, jobs := range w.jobs {
		for _, began := range jobs {
			c.BackupStarted(claim, began.String())
		}
	}
	w.replicas[number] = replica{c, run(t, c)}
}

// lose drops the proofs that only the process knows that gave them.
func (w *world) lose() {
	maps.DeleteFunc(w.proved, func(_ place, p proof) bool { return p.unsure })
}

// tell has every replica hear something.
func (w *world) tell(tell func(*catalog.Catalog)) {
	for _, replica := range w.replicas {
		tell(replica.Catalog)
	}
}

func (w *world) recover(t *testing.T) {
	t.Helper()
	for _, claim := range []backup.Claim{photos, music} {
		for len(w.jobs[claim]) > 0 {
			w.end(step{what: "backup fails", claim: claim})
		}
	}
	for _, what := range []string{"listings are well", "latency", "ledger well", "memory well", "register well", "kept", "accept"} {
		w.apply(step{what: what})
		// A listing under way may still see what was there before.
		time.Sleep(time.Minute)
	}
	for _, claim := range []backup.Claim{photos, music} {
		for _, replica := range w.replicas {
			a := replica.Prove(within(t, time.Minute), claim)
			if got, want := sortedIDs(a.Backups()), w.last().of(claim); a.Certainty() == backup.Unknown || a.Doubt() != nil || !slices.Equal(got, want) {
				w.violations = append(w.violations, fmt.Sprintf("all is well again and %s has %v, but the answer is %s %v (%v, %v)", claim, want, a.Certainty(), got, a.Err(), a.Doubt()))
			}
		}
	}
}

// apply changes the world, which the watches notice if that changes what the repository
// holds.
func (w *world) apply(s step) {
	before := len(w.history)
	w.do(s)
	if len(w.history) != before {
		w.each(func(one *watch) { one.changed() })
	}
}

func (w *world) do(s step) {
	switch s.what {
	case "watches end":
		w.each(func(one *watch) { one.end() })
	case "backup begins":
		w.begin(s)
	case "backup succeeds", "backup fails":
		w.end(s)
	case "backup appears unannounced":
		w.change(func() { w.hold(s.claim) })
	case "backup is pruned":
		w.change(func() { w.prune(s.pick) })
	case "latency":
		w.change(func() { w.latency, w.pick = s.span, s.pick })
	case "listings fail", "listings are cut short", "listings are incomplete", "listings are well":
		w.change(func() { w.mood, w.pick = s.what, s.pick })
	case "repository swapped":
		w.change(func() { w.become(version{repository: otherID}) })
	case "repository emptied":
		w.change(func() { w.become(version{repository: w.last().repository}) })
	case "repository back":
		w.change(func() {
			w.become(version{repository: repositoryID, backups: w.last().backups, strays: w.last().strays})
		})
	case "accept":
		w.change(func() {
			w.register.accept("restic", w.last().repository, idsOfStrays(w.last())...)
			w.ledger.accept(w.last().repository)
			w.accept(photos)
			w.accept(music)
		})
	case "accept claim":
		w.change(func() { w.accept(s.claim) })
	case "newest vanishes":
		w.change(func() { w.removeNewest(s.claim) })
	case "newest is forgotten":
		w.forget(s)
	case "memory unreadable", "memory unwritable", "memory well":
		w.remember(s.what)
	case "dropped", "kept":
		w.drop(s.what == "dropped")
	case "stray appears":
		w.change(w.addStray)
	case "stray goes":
		w.change(func() { w.removeStray(s.pick) })
	case "register unreadable":
		w.register.fail(backup.Errorf(backup.Unavailable, "the API server is away"))
	case "register well":
		w.register.fail(nil)
	case "ledger unreadable":
		w.ledger.set(func(m *memory) { m.failRead = backup.Errorf(backup.Unavailable, "the API server is away") })
	case "ledger unwritable":
		w.ledger.set(func(m *memory) { m.failSave = backup.Errorf(backup.Unavailable, "the API server is away") })
	case "ledger well":
		w.ledger.set(func(m *memory) { m.failRead, m.failSave = nil, nil })
	case "clock jumps":
		w.change(func() { w.jump += s.span })
	}
}

// remember has the memory be read and written, or not.
func (w *world) remember(what string) {
	var read, save error
	switch what {
	case "memory unreadable":
		read = backup.Errorf(backup.Unavailable, "the API server is away")
	case "memory unwritable":
		save = backup.Errorf(backup.Unavailable, "the API server is away")
	}
	w.claims.set(func(r *remembered) { r.failRead, r.failSave = read, save })
	w.apart.set(func(a *apart) { a.failRead, a.failSave = read, save })
	w.change(func() {
		if w.forgetful {
			w.unsureAt = time.Now()
		}
		w.forgetful = what != "memory well"
	})
}

func (w *world) change(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// begin lets a backup begin. Its job is named by when it began.
func (w *world) begin(s step) {
	began := time.Now()
	w.tell(func(c *catalog.Catalog) { c.BackupStarted(s.claim, began.String()) })
	w.change(func() { w.jobs[s.claim] = append(w.jobs[s.claim], began) })
}

// end ends the claim's oldest backup, well or not.
func (w *world) end(s step) {
	if len(w.jobs[s.claim]) == 0 {
		return
	}
	began := w.jobs[s.claim][0]
	w.change(func() {
		if s.what == "backup succeeds" {
			w.hold(s.claim)
		}
		w.jobs[s.claim] = slices.DeleteFunc(w.jobs[s.claim], began.Equal)
		w.ended[s.claim] = append(w.ended[s.claim], ending{at: time.Now(), clock: time.Now().Add(w.jump)})
	})
	w.tell(func(c *catalog.Catalog) { c.BackupEnded(s.claim, began.String()) })
}

func (w *world) last() version { return w.history[len(w.history)-1] }

func (w *world) become(v version) {
	v.from = time.Now()
	w.history = append(w.history, v)
}

func (w *world) hold(claim backup.Claim) {
	now := w.last()
	w.ids++
	now.backups = append(slices.Clone(now.backups), backup.Backup{
		Claim: claim, Driver: "restic", ID: fmt.Sprintf("%s-%d", claim.Name, w.ids), TakenAt: time.Now(),
	})
	w.become(now)
}

func (w *world) prune(pick int) {
	now := w.last()
	if len(now.backups) == 0 {
		return
	}
	i := pick % len(now.backups)
	now.backups = slices.Delete(slices.Clone(now.backups), i, i+1)
	w.become(now)
}

// removeNewest takes the claim's newest backup out of the repository.
func (w *world) removeNewest(claim backup.Claim) {
	now := w.last()
	if held := newestFirst(now, claim); len(held) > 0 {
		now.backups = slices.DeleteFunc(slices.Clone(now.backups), func(b backup.Backup) bool { return b.ID == held[0].ID })
		w.become(now)
	}
}

func newestFirst(v version, claim backup.Claim) []backup.Backup {
	var held []backup.Backup
	for _, b := range v.backups {
		if b.Claim == claim {
			held = append(held, b)
		}
	}
	slices.SortFunc(held, backup.NewestFirst)
	return held
}

// accept settles a claim as the command does, which sees what is there: in the memory
// of the repository alone, if no one has accepted it.
func (w *world) accept(claim backup.Claim) {
	now := w.last()
	apart := w.apart.of(now.repository, claim)
	before := expectation.Union(expectation.Claims{claim: w.claims.of(claim)}, expectation.Claims{claim: apart})[claim]
	settled := before.Accept(newestFirst(now, claim), time.Now())
	if w.ledger.of("restic").Repository == "" {
		w.apart.settle(now.repository, claim, settled)
	} else {
		w.claims.set(func(r *remembered) { r.claims = expectation.Union(r.claims, expectation.Claims{claim: settled}) })
	}
	delete(w.proved, place{now.repository, claim})
	w.settled[claim] = time.Now()
}

// forget removes the claim's newest backup as retention does, which goes by a listing.
func (w *world) forget(s step) {
	c := w.replicas[w.serving].Catalog
	listed := c.Glance(s.claim)
	if listed.Certainty() != backup.Found || listed.Evidence()[0].Repository != w.last().repository {
		return
	}
	held := newestFirst(w.last(), s.claim)
	if len(held) == 0 || c.Forgetting(context.Background(), "restic", s.claim, held[:1], held[1:]) != nil {
		return
	}
	w.change(func() {
		w.removeNewest(s.claim)
		w.settled[s.claim] = time.Now()
		at := place{w.last().repository, s.claim}
		last, proved := w.proved[at]
		switch {
		case !proved || last.newest.After(held[0].TakenAt):
			// A newer one is missing, which this does not settle.
		case len(held) == 1:
			delete(w.proved, at)
		default:
			last.newest = held[1].TakenAt
			w.proved[at] = last
		}
	})
	w.tell(func(c *catalog.Catalog) { c.BackupEnded(s.claim, "retention") })
}

// drop drops another backup system that held backups, or brings it back.
func (w *world) drop(dropped bool) {
	w.ledger.set(func(m *memory) {
		if dropped {
			m.recorded["longhorn"] = catalog.Expectation{Repository: otherID, HeldBackups: true}
			return
		}
		delete(m.recorded, "longhorn")
	})
	w.change(func() {
		switch {
		case !dropped:
			w.droppedSince = time.Time{}
		case w.droppedSince.IsZero():
			w.droppedSince = time.Now()
		}
	})
}

// judgeMemory says what is wrong with an answer for what was proved before, and keeps
// what it proves.
func (w *world) judgeMemory(claim backup.Claim, a backup.Answer, asked time.Time, proves bool) []string {
	if a.Certainty() == backup.Unknown {
		return nil
	}
	var wrong []string
	at := place{a.Evidence()[0].Repository, claim}
	last, proved := w.proved[at]
	proved = proved && last.at.Before(asked.Add(-w.age()))
	switch {
	case a.Certainty() == backup.None && proved:
		wrong = append(wrong, fmt.Sprintf("a backup of %s was proved to exist, and nobody settled that it is gone", last.newest))
	case proves && a.Certainty() == backup.Found && a.Doubt() == nil && proved && a.Backups()[0].TakenAt.Before(last.newest):
		wrong = append(wrong, fmt.Sprintf("a newer backup of %s was proved to exist, and there is no doubt", last.newest))
	}
	since := asked.Add(-w.age())
	unlooked := !w.droppedSince.IsZero() && w.droppedSince.Before(since)
	if unlooked && (a.Certainty() == backup.None || proves && a.Certainty() == backup.Found && a.Doubt() == nil) {
		wrong = append(wrong, "a backup system that held backups is not looked at")
	}
	settled := !w.settled[claim].Before(since)
	if newest, found := a.Backups(), a.Certainty() == backup.Found; found && proves && !settled && (!proved || !newest[0].TakenAt.Before(last.newest)) {
		// What is proved from a listing was written before, if it could be.
		unsure := w.forgetful || !w.unsureAt.Before(since.Add(-listingTimeout))
		w.proved[at] = proof{at: time.Now(), newest: newest[0].TakenAt, unsure: unsure}
	}
	return wrong
}

func (w *world) addStray() {
	now := w.last()
	w.ids++
	now.strays = append(slices.Clone(now.strays), stray(fmt.Sprintf("stray-%d", w.ids)))
	w.become(now)
}

func (w *world) removeStray(pick int) {
	now := w.last()
	if len(now.strays) == 0 {
		return
	}
	i := pick % len(now.strays)
	now.strays = slices.Delete(slices.Clone(now.strays), i, i+1)
	w.become(now)
}

func idsOfStrays(v version) []string {
	ids := make([]string, 0, len(v.strays))
	for _, s := range v.strays {
		ids = append(ids, s.ID)
	}
	return ids
}

// question asks and judges the answer.
func (w *world) question(t *testing.T, s step, ask func(context.Context, backup.Claim) backup.Answer, proof bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.span+time.Duration(s.pick)*time.Millisecond)
	defer cancel()
	w.mu.Lock()
	asked, jumped := time.Now(), w.jump
	w.mu.Unlock()
	a := ask(ctx, s.claim)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[a.Certainty()]++
	for _, wrong := range append(w.judge(s.claim, a, asked, jumped, proof), w.judgeMemory(s.claim, a, asked, proof)...) {
		w.violations = append(w.violations, fmt.Sprintf("%s, asked at %s, answered at %s: %s %v, but %s",
			s, asked.Format(time.StampMicro), time.Now().Format(time.StampMicro), a.Certainty(), a.Evidence(), wrong))
	}
}

// judge says what is wrong with an answer that was given this moment. What
// happens at one and the same moment may have happened in any order. Evidence
// carries the catalog's clock, which may run ahead: the true age of a listing is
// at most its age by that clock.
func (w *world) judge(claim backup.Claim, a backup.Answer, asked time.Time, jumped time.Duration, proof bool) []string {
	if a.Certainty() == backup.Unknown {
		if a.Err().Error() == "" {
			return []string{"it does not say why"}
		}
		return nil
	}
	if len(a.Evidence()) != 1 {
		return []string{"it has not one piece of evidence"}
	}
	var wrong []string
	e, now, none := a.Evidence()[0], time.Now(), a.Certainty() == backup.None
	proof = proof || none
	endedSince := func(before time.Time) bool {
		return slices.ContainsFunc(w.ended[claim], func(end ending) bool { return end.at.Before(before) && end.clock.After(e.BeganAt) })
	}
	if (none || a.Doubt() == nil) && endedSince(asked) || none && endedSince(now) {
		wrong = append(wrong, "a backup of the claim ended after the listing began")
	}
	if none && slices.ContainsFunc(w.jobs[claim], now.After) {
		wrong = append(wrong, "a backup of the claim is running")
	}
	// What the repository held did not change within the bound, else the bound does not
	// hold; what is recorded of it and accepted in it may have.
	var since, recordedSince time.Time
	if proof {
		since, recordedSince = asked.Add(-w.freshness), asked.Add(-w.age())
		if e.BeganAt.Before(recordedSince.Add(jumped)) {
			wrong = append(wrong, "the listing began too early")
		}
	}
	held := sortedIDs(a.Backups())
	if e.Incomplete && (none || a.Doubt() == nil) {
		wrong = append(wrong, "a part of the repository could not be read, and there is no doubt")
	}
	real := slices.ContainsFunc(currentSince(w.history, func(v version) time.Time { return v.from }, since), func(v version) bool {
		return v.repository == e.Repository && holds(v.of(claim), held, e.Incomplete) && (!none || w.register.acceptedAll(idsOfStrays(v), recordedSince)) &&
			w.ledger.expected(recordedSince, func(recorded catalog.Expectation) bool {
				// A look at one claim does not see the first backup of another.
				return recorded.Repository == v.repository && (recorded.HeldBackups == (len(v.backups)+len(v.strays) > 0) || w.proves && !recorded.HeldBackups)
			}) || !none && w.expect == catalog.Unsaid && w.ledger.blank(recordedSince)
	})
	if !real {
		wrong = append(wrong, fmt.Sprintf("at no time since %s did the expected repository hold just %v of it", since.Format(time.StampMicro), held))
	}
	return wrong
}

// holds reports whether what was told is all that there was, or a part of it.
func holds(there, told []string, part bool) bool {
	if !part {
		return slices.Equal(there, told)
	}
	return !slices.ContainsFunc(told, func(id string) bool { return !slices.Contains(there, id) })
}

func sortedIDs(backups []backup.Backup) []string {
	sorted := make([]string, 0, len(backups))
	for _, b := range backups {
		sorted = append(sorted, b.ID)
	}
	slices.Sort(sorted)
	return sorted
}

// jumping is the catalog's clock: the true time, plus the jumps so far.
type jumping struct {
	clock.RealClock
	world *world
}

func (c jumping) Now() time.Time {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return time.Now().Add(c.world.jump)
}

func (c jumping) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
