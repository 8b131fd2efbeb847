package drivertest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// Repository is a driver on a repository that exists, and the way to put backups
// into it.
type Repository struct {
	Lister driver.Lister
	// ID is the repository's identity.
	ID string
	// Add stores a backup of a claim as if the driver had taken it at this
	// time, and gives its id.
	Add func(t *testing.T, claim backup.Claim, takenAt time.Time) string
}

// ListerSuite describes a driver to the suite.
type ListerSuite struct {
	// New makes a driver on a new repository without backups.
	New func(t *testing.T) Repository
	// Absent makes a driver whose repository does not exist.
	Absent func(t *testing.T) driver.Lister
	// Broken makes drivers whose listings must fail, each under a sentence that
	// says what is wrong, on repositories that hold backups where they exist.
	Broken map[string]func(t *testing.T) driver.Lister
	// Hangs makes a driver whose repository never answers.
	Hangs func(t *testing.T) driver.Lister
}

// promptly bounds what must not take long. It is no measure of speed.
const promptly = 30 * time.Second

// Run runs the suite.
func (s ListerSuite) Run(t *testing.T) {
	t.Run("a repository without backups has an identity and holds nothing", s.empty)
	t.Run("every backup is listed once, under its own claim", s.complete)
	t.Run("a listing sees what was added before it began", s.current)
	t.Run("listings may run at the same time", s.concurrent)
	t.Run("no repository is not an empty repository", s.absent)
	for sentence, broken := range s.Broken {
		t.Run(sentence+": an error that says so", func(t *testing.T) { s.broken(t, broken(t)) })
	}
	t.Run("a context that has ended ends the listing", s.cancelled)
	t.Run("a context that ends while the repository hangs ends the listing", s.hanging)
}

// list lists and gives what was yielded with the rest.
func list(ctx context.Context, lister driver.Lister) (map[backup.Claim][]string, string, error) {
	listing := &Listing{}
	repository, err := lister.List(ctx, listing)
	found := map[backup.Claim][]string{}
	for _, b := range listing.Backups {
		found[b.Claim] = append(found[b.Claim], b.ID)
	}
	return found, repository, err
}

// Listing keeps what it is told, in the order of telling. The zero value is
// ready.
type Listing struct {
	Backups []backup.Backup
	Doubts  map[backup.Claim]error
	// Strayed are the strays, Words what they mean.
	Strayed []attribution.Stray
	Words   attribution.Words
	// Missed is why a part of the repository could not be read; nil where all was.
	Missed error
	// Marked is what the listing is confirmed by.
	Marked string
}

var _ driver.Listing = (*Listing)(nil)

// Each is a listing that hands every backup on and has no use for the rest.
type Each func(backup.Backup)

var _ driver.Listing = (Each)(nil)

// Backup implements [driver.Listing].
func (e Each) Backup(b backup.Backup) { e(b) }

// Doubt implements [driver.Listing].
func (e Each) Doubt(backup.Claim, error) {}

// Incomplete implements [driver.Listing].
func (e Each) Incomplete(error) {}

// Strays implements [driver.Listing].
func (e Each) Strays([]attribution.Stray, attribution.Words) {}

// Mark implements [driver.Listing].
func (e Each) Mark(string) {}

// Mark implements [driver.Listing].
func (l *Listing) Mark(mark string) { l.Marked = mark }

// Backup implements [driver.Listing].
func (l *Listing) Backup(b backup.Backup) { l.Backups = append(l.Backups, b) }

// Doubt implements [driver.Listing].
func (l *Listing) Doubt(claim backup.Claim, why error) {
	if l.Doubts == nil {
		l.Doubts = make(map[backup.Claim]error)
	}
	l.Doubts[claim] = why
}

// Incomplete implements [driver.Listing].
func (l *Listing) Incomplete(why error) { l.Missed = why }

// Strays implements [driver.Listing].
func (l *Listing) Strays(strays []attribution.Stray, words attribution.Words) {
	l.Strayed, l.Words = append(l.Strayed, strays...), words
}

func (s ListerSuite) empty(t *testing.T) {
	repo := s.New(t)
	found, repository, err := list(t.Context(), repo.Lister)
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Equal(t, repo.ID, repository)
	assert.NotEmpty(t, repository)
}

func (s ListerSuite) complete(t *testing.T) {
	repo := s.New(t)
	claims := []backup.Claim{
		{Namespace: "apps", Name: "data"},
		{Namespace: "app", Name: "sdata"}, // the same letters in the same order
		{Namespace: "apps-data", Name: "x"},
		{Namespace: "apps", Name: "data-x"},
		{Namespace: "a", Name: strings.Repeat("n", 253)},
		{Namespace: strings.Repeat("n", 63), Name: "with.dots-and-0"},
	}
	taken := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := map[backup.Claim][]string{}
	when := map[string]time.Time{}
	for i, claim := range claims {
		for n := range max(1, 2-i) { // the first claim has two
			at := taken.Add(time.Duration(10*i+n) * time.Hour)
			id := repo.Add(t, claim, at)
			want[claim] = append(want[claim], id)
			when[id] = at
		}
	}
	got := map[backup.Claim][]string{}
	listing := &Listing{}
	repository, err := repo.Lister.List(t.Context(), listing)
	require.NoError(t, err)
	assert.Empty(t, listing.Doubts)
	assert.NoError(t, listing.Missed)
	assert.Empty(t, listing.Strayed)
	for _, b := range listing.Backups {
		got[b.Claim] = append(got[b.Claim], b.ID)
		assert.Equal(t, repo.Lister.Name(), b.Driver)
		assert.True(t, when[b.ID].Equal(b.TakenAt), "%s was taken at %s, not %s", b.ID, when[b.ID], b.TakenAt)
		assert.NotEmpty(t, b.Locator)
	}
	assert.Equal(t, repo.ID, repository)
	require.Len(t, got, len(want))
	for claim, ids := range want {
		assert.ElementsMatch(t, ids, got[claim], claim)
	}
}

func (s ListerSuite) current(t *testing.T) {
	repo := s.New(t)
	claim := backup.Claim{Namespace: "apps", Name: "data"}
	_, _, err := list(t.Context(), repo.Lister)
	require.NoError(t, err)
	id := repo.Add(t, claim, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	found, _, err := list(t.Context(), repo.Lister)
	require.NoError(t, err)
	assert.Equal(t, map[backup.Claim][]string{claim: {id}}, found)
}

func (s ListerSuite) concurrent(t *testing.T) {
	repo := s.New(t)
	claim := backup.Claim{Namespace: "apps", Name: "data"}
	id := repo.Add(t, claim, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var listings sync.WaitGroup
	for range 3 {
		listings.Go(func() {
			found, repository, err := list(t.Context(), repo.Lister)
			assert.NoError(t, err)
			assert.Equal(t, repo.ID, repository)
			assert.Equal(t, map[backup.Claim][]string{claim: {id}}, found)
		})
	}
	listings.Wait()
}

func (s ListerSuite) absent(t *testing.T) {
	_, repository, err := list(t.Context(), s.Absent(t))
	require.Error(t, err)
	assert.Empty(t, repository)
	assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err), "%v", err)
}

func (s ListerSuite) broken(t *testing.T, lister driver.Lister) {
	ctx, cancel := context.WithTimeout(t.Context(), promptly)
	defer cancel()
	_, repository, err := list(ctx, lister)
	require.Error(t, err)
	assert.Empty(t, repository)
	assert.NotEqual(t, backup.Internal, backup.KindOf(err), "an error that the driver knows: %v", err)
	assert.NotEqual(t, backup.NotFound, backup.KindOf(err), "%v", err)
	assert.NotEmpty(t, backup.Message(err))
}

func (s ListerSuite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := list(ctx, s.New(t).Lister)
	require.Error(t, err)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
}

func (s ListerSuite) hanging(t *testing.T) {
	lister := s.Hangs(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, _, err := list(ctx, lister)
		ended <- err
	}()
	select {
	case err := <-ended:
		require.Error(t, err)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	case <-time.After(promptly):
		require.Fail(t, "the listing goes on although its context has ended")
	}
}
