package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// Memory remembers the backups that every claim was seen to have, where it
// outlives the process, for all replicas. A repository goes by the name of its
// driver. What the methods return is shared and must not be changed.
type Memory interface {
	// Claims returns what is remembered of a repository, also what other replicas
	// wrote by now. What cannot be read or understood is an error, never nothing.
	Claims(ctx context.Context, repository string) (expectation.Claims, error)

	// Remember joins learned with what is remembered, as [expectation.Union] does,
	// and returns the whole once it is durable. After an error part of it may be.
	// It may be repeated at will, by several replicas at a time.
	Remember(ctx context.Context, repository string, learned expectation.Claims) (expectation.Claims, error)
}

// Unaccepted remembers, where it outlives the process and for all replicas, what
// repositories were seen to hold that no one has accepted. It may be the wrong
// repository: what it holds is not expected of the right one, so that each is remembered
// by its identity. How many are remembered is bounded.
type Unaccepted interface {
	// Claims returns what a repository of the driver was seen to hold while no one had
	// accepted it. What cannot be read or understood is an error, never nothing; it is
	// of kind Denied where the Role is that of an earlier version, as for the others.
	Claims(ctx context.Context, driver, repository string) (expectation.Claims, error)

	// Remember joins learned with what is remembered of the repository. It returns once
	// that is durable. It may be repeated at will, by several replicas at a time.
	Remember(ctx context.Context, driver, repository string, learned expectation.Claims) error

	// Accepted drops what is remembered of all the driver's repositories, since this one
	// was accepted and expected, which is durable, is all that it is expected to hold.
	// What expected lacks is not dropped: the error is a Conflict then. It may be
	// repeated at will.
	Accepted(ctx context.Context, driver, repository string, expected expectation.Claims) error

	// Held reports whether any repository of the driver was seen to hold backups and
	// was not accepted since, nor dropped. It may be repeated at will.
	Held(ctx context.Context, driver string) (bool, error)
}

// Copy reads the copy of the memory that is kept beside the backups, for a cluster
// that was rebuilt.
type Copy interface {
	// Read returns what the copies remember of clusters whose backups count here; an
	// empty map and no error only where it is proved that the repository has no such
	// copy. The repository goes by the name of its driver.
	Read(ctx context.Context, repository string) (expectation.Copies, error)
}

// processMemory is a [Memory] that ends with the process, for one that has nothing
// else to keep it in.
type processMemory struct {
	mu           sync.Mutex
	byRepository map[string]expectation.Claims
}

func (m *processMemory) Claims(_ context.Context, repository string) (expectation.Claims, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byRepository[repository], nil
}

func (m *processMemory) Remember(_ context.Context, repository string, learned expectation.Claims) (expectation.Claims, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byRepository == nil {
		m.byRepository = make(map[string]expectation.Claims)
	}
	m.byRepository[repository] = expectation.Union(m.byRepository[repository], learned)
	return m.byRepository[repository], nil
}

// processUnaccepted is an [Unaccepted] that ends with the process.
type processUnaccepted struct{ kept processMemory }

func (u *processUnaccepted) Claims(ctx context.Context, driver, repository string) (expectation.Claims, error) {
	return u.kept.Claims(ctx, driver+" "+repository)
}

func (u *processUnaccepted) Remember(ctx context.Context, driver, repository string, learned expectation.Claims) error {
	_, err := u.kept.Remember(ctx, driver+" "+repository, learned)
	return err
}

// Accepted drops nothing: a process sees few repositories.
func (*processUnaccepted) Accepted(context.Context, string, string, expectation.Claims) error {
	return nil
}

// Held knows of no other drivers than those that this process lists.
func (*processUnaccepted) Held(context.Context, string) (bool, error) { return false, nil }

// implausible is how far ahead of the clock a backup may be dated and still count.
const implausible = 10 * time.Minute

// Counts reports whether a backup is one that the claim is expected to keep: not one
// that is dated in the future, nor one that was void from the start. It is the
// default of [Config.Counts].
func Counts(b backup.Backup, now time.Time) bool {
	return !b.TakenAt.After(now.Add(implausible)) && b.Outcome != backup.OutcomeVoid
}

// recollection is what is known of a repository's claims when a listing has ended.
type recollection struct {
	// stored is what the memory holds, and unaccepted what is remembered of this very
	// repository while no one has accepted it.
	stored, unaccepted expectation.Claims
	// beside is what the copies remember.
	beside expectation.Copies
	// claims is all of that, with what this process could not write yet.
	claims expectation.Claims
	// unread is why the memory could not be read, uncopied why the copy could not.
	unread, uncopied error
}

// expectsAny reports whether any claim is expected to have a backup.
func (r recollection) expectsAny() bool {
	for _, record := range r.claims {
		if !record.Newest.IsZero() {
			return true
		}
	}
	return false
}

// recall reads the memory, and waits for the copy where one is being read. Only says of
// which claims; nil is of all.
func (s *source) recall(ctx context.Context, repository string, copied func() (expectation.Copies, error), only func(expectation.Claims) expectation.Claims) recollection {
	var r recollection
	var err error
	name := s.lister.Name()
	if r.stored, err = s.cfg.Memory.Claims(ctx, name); err != nil {
		r.unread = backup.Errorf(backup.KindOf(err), "reading which %s backups each claim is expected to have: %w", name, err)
	}
	if only != nil {
		r.stored = only(r.stored)
	}
	if s.mergedOf != repository {
		r.unaccepted, err = s.cfg.Unaccepted.Claims(ctx, name, repository)
		// What was seen of a repository before it was accepted joined the driver's memory then.
		needless := err != nil && s.mayNotRead(err) && s.isKnown(ctx, repository)
		if err != nil && !needless {
			r.unread = cmp.Or(r.unread, backup.Errorf(backup.KindOf(err), "reading which %s backups each claim was seen to have in repository %s before it was accepted: %w",
				name, backup.ShortID(repository), err))
		}
	}
	durable := expectation.Union(r.stored, r.unaccepted)
	r.claims = expectation.Union(outliving(s.recalled, durable, s.clock.Now()), durable)
	beside, err := copied()
	if err != nil {
		r.uncopied = backup.Errorf(backup.KindOf(err), "reading the copy of the expectations that is kept beside the %s backups: %w", name, err)
	}
	r.beside, r.claims = beside, beside.Join(r.claims, s.cfg.Clusters.Own)
	// What the API server or a Job answers may say an address that changes.
	r.unread, r.uncopied = backup.WithCause(r.unread, "memory of "+name), backup.WithCause(r.uncopied, "copy beside "+name)
	return r
}

// vouches reports whether the copies say which backups the repository ought to hold:
// they remember some, and none that is there is newer than what they remember of the
// claim. An older copy does not know what came since, of which a part may be missing.
// A copy that names no cluster, or another, may be from before this one got its name:
// any newer backup shows that it is old. One by this cluster's own name is current
// where it knows all backups that count here, whatever others have taken since.
func (s *source) vouches(r recollection, found *contents) bool {
	now, clusters := s.clock.Now(), s.cfg.Clusters
	beside := r.beside.Join(nil, clusters.Own)
	named := clusters.Own != "" && len(r.beside[clusters.Own]) > 0
	for b := range found.all() {
		if Counts(b, now) && (!named || clusters.Counts(b)) && b.TakenAt.After(beside[b.Claim].Newest) {
			return false
		}
	}
	return len(beside) > 0
}

// outliving returns what this process knew of the claims, see [expectation.Record.Outlive].
func outliving(recalled, stored expectation.Claims, now time.Time) expectation.Claims {
	lifted := make(expectation.Claims)
	for claim, record := range recalled {
		if record.Newest.After(now.Add(implausible)) {
			continue // its date does not tell that it was taken later than it was accepted
		}
		if outlived := record.Outlive(stored[claim]); outlived != record {
			lifted[claim] = outlived
		}
	}
	return expectation.Union(recalled, lifted)
}

// startCopy begins to read the copy beside the backups, unless this process has read
// that of the repository it listed last, and returns how to wait for it. While no one
// has accepted the repository it is read with each listing: the store may still be
// being copied, and the copy come later than the backups.
func (s *source) startCopy(ctx context.Context) (copied func() (expectation.Copies, error)) {
	name := s.lister.Name()
	beside := s.cfg.Copies[name]
	if beside == nil || s.copiedOf != "" {
		return func() (expectation.Copies, error) { return nil, nil }
	}
	var copies expectation.Copies
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		copies, err = beside.Read(ctx, name)
	}()
	return func() (expectation.Copies, error) {
		select {
		case <-done:
			return copies, err
		case <-ctx.Done():
			return nil, backup.Errorf(backup.Unavailable, "it took too long: %w", ctx.Err())
		}
	}
}

// learn compares a listing that is believed with what is remembered: it has new
// backups remembered, and notes in the snapshot which ones are missing.
func (s *source) learn(ctx context.Context, found *snapshot, r recollection) {
	now := s.clock.Now()
	durable := r.stored
	if found.unaccepted != nil {
		durable = expectation.Union(r.stored, r.unaccepted)
	}
	learned := make(expectation.Claims)
	for claim, record := range r.claims {
		if record != durable[claim] {
			learned[claim] = record
		}
	}
	for claim, e := range found.byClaim {
		before := r.claims[claim]
		if after := s.observe(before, e.backups, now); after != before {
			learned[claim] = after
		}
	}
	s.recalled = expectation.Union(r.claims, learned)
	found.remember(s.recalled, func(record expectation.Record, backups []backup.Backup) bool { return s.missing(record, backups, now) })
	found.unread, found.uncopied = r.unread, r.uncopied
	if err := s.keep(ctx, found, learned, r.stored); err != nil {
		found.unwritten = backup.WithCause(
			backup.Errorf(backup.KindOf(err), "recording which %s backups each claim is expected to have: %w", found.evidence.Driver, err), "memory of "+found.evidence.Driver)
	}
}

// mayNotRead reports whether the Role does not allow to read what repositories held that
// no one accepted, and says so once.
func (s *source) mayNotRead(err error) bool {
	if backup.KindOf(err) != backup.Denied {
		return false
	}
	if !s.saidDenied {
		s.saidDenied = true
		s.cfg.Log.Warn("what repositories held that no one accepted cannot be read", "driver", s.lister.Name(), "error", err)
	}
	return true
}

// keep has it remembered what was learned. What a repository holds that no one has
// accepted is kept apart; once it is accepted, that is among what was learned, and is
// dropped there.
func (s *source) keep(ctx context.Context, found *snapshot, learned, stored expectation.Claims) error {
	name, repository := s.lister.Name(), found.evidence.Repository
	if found.unaccepted != nil {
		s.provisional, s.mergedOf = repository, ""
		if len(learned) == 0 {
			return nil
		}
		return s.cfg.Unaccepted.Remember(ctx, name, repository, learned)
	}
	s.provisional = ""
	if len(learned) > 0 {
		var err error
		if stored, err = s.cfg.Memory.Remember(ctx, name, learned); err != nil {
			return err
		}
	}
	if s.mergedOf == repository {
		return nil
	}
	err := s.cfg.Unaccepted.Accepted(ctx, name, repository, stored)
	switch {
	case err == nil:
		s.mergedOf = repository
	case backup.KindOf(err) != backup.Conflict:
		s.cfg.Log.Warn("what was remembered of repositories before one of them was accepted could not be dropped yet", "driver", name, "error", err)
	}
	return nil
}

// observe returns the record of a claim after a listing that held these backups, newest
// first. Where none of them counts nor ever did, those of this cluster are remembered
// all the same: that they are gone later does not prove that there was none. One that is
// dated ahead is expected only until another counts.
func (s *source) observe(before expectation.Record, backups []backup.Backup, now time.Time) expectation.Record {
	counted := s.counted(backups, now)
	if len(counted) == 0 && before.Newest.IsZero() {
		others := func(b backup.Backup) bool { return !s.cfg.Clusters.Counts(b) }
		return before.Observe(slices.DeleteFunc(slices.Clone(backups), others), now)
	}
	ahead := func(b backup.Backup) bool {
		return b.TakenAt.Equal(before.Newest) && b.TakenAt.After(now.Add(implausible)) && !s.cfg.Counts(b, now)
	}
	if len(counted) > 0 && slices.ContainsFunc(backups, ahead) {
		return before.Settle(counted, now)
	}
	return before.Observe(counted, now)
}

// counted returns those of a claim's backups that it is expected to keep.
func (s *source) counted(backups []backup.Backup, now time.Time) []backup.Backup {
	not := func(b backup.Backup) bool { return !s.cfg.Counts(b, now) }
	if !slices.ContainsFunc(backups, not) {
		return backups
	}
	return slices.DeleteFunc(slices.Clone(backups), not)
}

// missing reports whether the newest backup that is remembered is not there, nor a
// newer one that counts. A backup that counted once and does not any more is there.
func (s *source) missing(record expectation.Record, backups []backup.Backup, now time.Time) bool {
	there := func(b backup.Backup) bool { return b.TakenAt.Equal(record.Newest) || b.DatedAt.Equal(record.Newest) }
	return record.Missing(s.counted(backups, now)) && !slices.ContainsFunc(backups, there)
}

// forget has it remembered that Soteria is about to remove backups of a claim.
func (s *source) forget(ctx context.Context, claim backup.Claim, removed, stays []backup.Backup) error {
	for {
		repository := s.unaccepted()
		if err := s.forgetIn(ctx, repository, claim, removed, stays); err != nil || s.unaccepted() == repository {
			return err
		}
	}
}

// unaccepted is the repository that was listed last if no one has accepted it, else "".
func (s *source) unaccepted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil || s.latest.unaccepted == nil {
		return ""
	}
	return s.latest.evidence.Repository
}

// forgetIn is forget in the memory of the driver, or in that of a repository which no
// one has accepted.
func (s *source) forgetIn(ctx context.Context, unaccepted string, claim backup.Claim, removed, stays []backup.Backup) error {
	name, now := s.lister.Name(), s.clock.Now()
	claims, err := s.cfg.Memory.Claims(ctx, name)
	remember := func(ctx context.Context, settled expectation.Claims) error {
		_, err := s.cfg.Memory.Remember(ctx, name, settled)
		return err
	}
	if unaccepted != "" && err == nil {
		var apart expectation.Claims
		apart, err = s.cfg.Unaccepted.Claims(ctx, name, unaccepted)
		claims = expectation.Union(claims, apart)
		remember = func(ctx context.Context, settled expectation.Claims) error {
			return s.cfg.Unaccepted.Remember(ctx, name, unaccepted, settled)
		}
	}
	if err != nil {
		return backup.Errorf(backup.KindOf(err), "reading which %s backups %s is expected to have: %w", name, claim, err)
	}
	before := claims[claim]
	after := before.Forget(slices.SortedFunc(slices.Values(asDated(removed)), backup.NewestFirst), s.counted(slices.SortedFunc(slices.Values(stays), backup.NewestFirst), now), now)
	if after == before {
		return nil
	}
	if err := remember(ctx, expectation.Claims{claim: after}); err != nil {
		return backup.Errorf(backup.KindOf(err), "recording that %s backups of %s are about to be removed: %w", name, claim, err)
	}
	return nil
}

// asDated returns the backups with the dates that they bear: by such a date one may be
// expected, that was taken for right until it was proved to be wrong.
func asDated(backups []backup.Backup) []backup.Backup {
	dated := slices.Clone(backups)
	for i, b := range dated {
		if !b.DatedAt.IsZero() {
			dated[i].TakenAt = b.DatedAt
		}
	}
	return dated
}

// acceptClaim is the command by which a person accepts that a claim's backup is gone.
func acceptClaim(claim backup.Claim) string {
	return backup.Command("soteria", "repository", "accept", "--claim", claim.String())
}

// missed says that a claim's newest backup is missing, and how to go on.
func missed(evidence backup.Evidence, claim backup.Claim, record expectation.Record, left int) error {
	const day = "2006-01-02"
	rest := "no other backup of it is there"
	if left > 0 {
		rest = fmt.Sprintf("%d older ones are", left)
	}
	return backup.WithSettle(backup.Errorf(backup.BackupMissing,
		"the %s backup %s of %s, taken %s and last seen on %s, is not there any more, in repository %s (%s): bring it back, or accept that it is gone with: "+
			"%s; or label the claim soteria.dev/restore=skip with a reason",
		evidence.Driver, backup.ShortID(record.ID), claim, record.Newest.UTC().Format(time.RFC3339), record.SeenAt.UTC().Format(day),
		backup.ShortID(evidence.Repository), rest, acceptClaim(claim)), acceptClaim(claim))
}
