package drivertest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// Filling is a driver that fills, and a hand on what happens to its fills.
type Filling struct {
	Filler driver.Filler
	// Finish brings the fill of this request to an end, well or badly.
	Finish func(t *testing.T, req driver.FillRequest, well bool)
	// Started says how many fills were begun in all.
	Started func(t *testing.T) int
	// Settle lets happen what happens by itself after a release: pods end.
	Settle func(t *testing.T)
}

// FillerSuite describes a driver to the suite.
type FillerSuite struct {
	New func(t *testing.T) Filling
}

// Run runs the suite.
func (s FillerSuite) Run(t *testing.T) {
	t.Run("a fill is begun once, however often it is asked for", s.idempotent)
	t.Run("a fill that ended well is done and stays done", s.done)
	t.Run("a fill that failed is no error, stays failed, and another attempt begins anew", s.failed)
	t.Run("an attempt that is past does not come back", s.past)
	t.Run("a release removes every attempt of a claim and of no other", s.release)
	t.Run("a release of nothing is done", s.releaseNothing)
	t.Run("a context that has ended begins nothing", s.cancelled)
}

// Request gives a request to fill a prime for a claim called name.
func Request(name string, attempt int32) driver.FillRequest {
	claim := backup.Claim{Namespace: "apps", Name: name}
	return driver.FillRequest{
		Claim: claim, ClaimUID: types.UID("uid-of-" + name), Attempt: attempt, Prime: "prime-" + name, PrimeUID: types.UID("uid-of-prime-" + name),
		Backup: backup.Backup{Claim: claim, ID: strings.Repeat("5", 64), Locator: "/data"},
	}
}

func fillOnce(t *testing.T, f Filling, req driver.FillRequest) driver.FillState {
	t.Helper()
	state, err := f.Filler.Fill(t.Context(), req)
	require.NoError(t, err)
	return state
}

func (s FillerSuite) idempotent(t *testing.T) {
	f := s.New(t)
	for range 3 {
		state := fillOnce(t, f, Request("data", 1))
		assert.NotEqual(t, driver.FillDone, state.Phase)
		assert.NotEqual(t, driver.FillFailed, state.Phase)
	}
	assert.Equal(t, 1, f.Started(t))
}

func (s FillerSuite) done(t *testing.T) {
	f := s.New(t)
	fillOnce(t, f, Request("data", 1))
	f.Finish(t, Request("data", 1), true)
	for range 2 {
		state := fillOnce(t, f, Request("data", 1))
		assert.Equal(t, driver.FillDone, state.Phase)
		assert.Equal(t, state.Expected, state.Restored)
	}
	assert.Equal(t, 1, f.Started(t))
}

func (s FillerSuite) failed(t *testing.T) {
	f := s.New(t)
	fillOnce(t, f, Request("data", 1))
	f.Finish(t, Request("data", 1), false)
	for range 2 {
		state := fillOnce(t, f, Request("data", 1))
		assert.Equal(t, driver.FillFailed, state.Phase)
		assert.NotEmpty(t, state.Message)
	}
	assert.Equal(t, 1, f.Started(t))

	state := fillOnce(t, f, Request("data", 2))
	assert.Equal(t, driver.FillPending, state.Phase, "the attempt before it may have to go first")
	f.Settle(t)
	fillOnce(t, f, Request("data", 2))
	assert.Equal(t, 2, f.Started(t))
	f.Finish(t, Request("data", 2), true)
	assert.Equal(t, driver.FillDone, fillOnce(t, f, Request("data", 2)).Phase)
}

func (s FillerSuite) past(t *testing.T) {
	f := s.New(t)
	fillOnce(t, f, Request("data", 2))
	_, err := f.Filler.Fill(t.Context(), Request("data", 1))
	require.Error(t, err)
	assert.Equal(t, 1, f.Started(t))
}

func (s FillerSuite) release(t *testing.T) {
	f := s.New(t)
	fillOnce(t, f, Request("data", 1))
	fillOnce(t, f, Request("other", 1))
	f.Finish(t, Request("other", 1), true)

	_, err := f.Filler.Release(t.Context(), Request("data", 1).ClaimUID)
	require.NoError(t, err)
	f.Settle(t)
	gone, err := f.Filler.Release(t.Context(), Request("data", 1).ClaimUID)
	require.NoError(t, err)
	assert.True(t, gone)

	assert.Equal(t, driver.FillDone, fillOnce(t, f, Request("other", 1)).Phase, "the other claim's fill is as it was")
	fillOnce(t, f, Request("data", 1))
	assert.Equal(t, 3, f.Started(t), "a released fill begins anew")
}

func (s FillerSuite) releaseNothing(t *testing.T) {
	gone, err := s.New(t).Filler.Release(t.Context(), "uid-of-nobody")
	require.NoError(t, err)
	assert.True(t, gone)
}

func (s FillerSuite) cancelled(t *testing.T) {
	f := s.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Filler.Fill(ctx, Request("data", 1))
	require.Error(t, err)
	assert.Zero(t, f.Started(t))
}
