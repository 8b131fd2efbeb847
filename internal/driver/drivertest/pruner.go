package drivertest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// Forgetting is a driver that forgets, on a repository that exists.
type Forgetting struct {
	Repository
	Pruner driver.Pruner
	// AddForeign stores backups of a claim that the driver did not take, in every
	// way that there is, each of which a listing tells of, and gives their ids.
	AddForeign func(t *testing.T, claim backup.Claim, takenAt time.Time) []string
	// Settle waits until removals that go on by themselves have ended.
	Settle func(t *testing.T)
}

// PrunerSuite describes a driver that forgets to the suite.
type PrunerSuite struct {
	// New makes a driver on a new repository without backups.
	New func(t *testing.T) Forgetting
}

// Run runs the suite.
func (s PrunerSuite) Run(t *testing.T) {
	t.Run("exactly the named backups are forgotten, and again is no error", s.exactly)
	t.Run("nothing is forgotten when none is named", s.none)
	t.Run("nothing is forgotten unless the one that stays is there", s.stays)
	t.Run("a backup that the driver did not take is not forgotten", s.foreign)
	t.Run("a backup of another claim is not forgotten", s.others)
	t.Run("a context that has ended ends it", s.cancelled)
}

var (
	forgetful = backup.Claim{Namespace: "apps", Name: "data"}
	midnight  = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
)

// known lists and gives the backups by id.
func (f Forgetting) known(t *testing.T) map[string]backup.Backup {
	t.Helper()
	listing := &Listing{}
	_, err := f.Lister.List(t.Context(), listing)
	require.NoError(t, err)
	found := map[string]backup.Backup{}
	for _, b := range listing.Backups {
		found[b.ID] = b
	}
	return found
}

// filled stores three backups of a claim, newest first.
func (f Forgetting) filled(t *testing.T, claim backup.Claim) []backup.Backup {
	t.Helper()
	var ids []string
	for n := range 3 {
		ids = append(ids, f.Add(t, claim, midnight.Add(time.Duration(n)*time.Hour)))
	}
	known := f.known(t)
	var all []backup.Backup
	for _, id := range slices.Backward(ids) {
		require.True(t, known[id].Own, "a backup that the driver took is known as its own")
		all = append(all, known[id])
	}
	return all
}

func (f Forgetting) remaining(t *testing.T) []string {
	t.Helper()
	f.Settle(t)
	return slices.Sorted(maps.Keys(f.known(t)))
}

func sorted(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }

func (s PrunerSuite) exactly(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	foreign := f.AddForeign(t, forgetful, midnight)
	other := f.Add(t, backup.Claim{Namespace: "apps", Name: "data-2"}, midnight)
	req := driver.ForgetRequest{Claim: forgetful, Backups: all[1:], Stays: all[0]}
	require.NoError(t, f.Pruner.Forget(t.Context(), req))
	want := sorted(append(foreign, all[0].ID, other)...)
	assert.Equal(t, want, f.remaining(t))
	require.NoError(t, f.Pruner.Forget(t.Context(), req))
	assert.Equal(t, want, f.remaining(t))
}

func (s PrunerSuite) none(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	require.NoError(t, f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Stays: all[0]}))
	assert.Len(t, f.remaining(t), 3)
}

func (s PrunerSuite) stays(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	req := driver.ForgetRequest{Claim: forgetful, Backups: all[:1], Stays: all[2]}
	require.NoError(t, f.Pruner.Forget(t.Context(), req))
	f.Settle(t)
	err := f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Backups: all[1:], Stays: all[0]})
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
	err = f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Backups: all[1:2], Stays: all[1]})
	assert.Equal(t, backup.Denied, backup.KindOf(err), "%v", err)
	assert.Equal(t, sorted(all[1].ID, all[2].ID), f.remaining(t))
}

func (s PrunerSuite) foreign(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	ids := f.AddForeign(t, forgetful, midnight.Add(-time.Hour))
	require.NotEmpty(t, ids)
	known := f.known(t)
	for _, id := range ids {
		require.Contains(t, known, id, "a backup that others took is listed")
		assert.False(t, known[id].Own, "%s is not the driver's own", id)
		doomed := known[id]
		doomed.Own = true // whoever says otherwise
		err := f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Backups: []backup.Backup{all[1], doomed}, Stays: all[0]})
		assert.Equal(t, backup.Denied, backup.KindOf(err), "%s: %v", id, err)
		err = f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Backups: all[1:2], Stays: doomed})
		assert.Equal(t, backup.Conflict, backup.KindOf(err), "%s: %v", id, err)
	}
	assert.Len(t, f.remaining(t), 3+len(ids))
}

func (s PrunerSuite) others(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	other := f.Add(t, backup.Claim{Namespace: "apps", Name: "data-2"}, midnight)
	doomed := f.known(t)[other]
	doomed.Claim = forgetful
	// Whether it is denied or passed over depends on what the driver looks at.
	_ = f.Pruner.Forget(t.Context(), driver.ForgetRequest{Claim: forgetful, Backups: []backup.Backup{doomed}, Stays: all[0]})
	assert.Len(t, f.remaining(t), 4)
}

func (s PrunerSuite) cancelled(t *testing.T) {
	f := s.New(t)
	all := f.filled(t, forgetful)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Pruner.Forget(ctx, driver.ForgetRequest{Claim: forgetful, Backups: all[1:], Stays: all[0]})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	assert.Len(t, f.remaining(t), 3)
}
