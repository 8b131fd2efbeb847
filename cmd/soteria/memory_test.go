package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
)

func mappedOfTheProgram(t *testing.T) uint64 {
	t.Helper()
	self, err := procfs.Self()
	require.NoError(t, err)
	status, err := self.NewStatus()
	require.NoError(t, err)
	return status.RssFile
}

func TestAMinuteAfterItsStartAProcessGivesBackWhatOnlyThatNeeded(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	s := memoryRelease{clock: clock, log: slog.New(slog.DiscardHandler)}
	before := mappedOfTheProgram(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Start(t.Context()) }()
	require.Eventually(t, clock.HasWaiters, 10*time.Second, time.Millisecond)
	clock.Step(startOver)
	require.NoError(t, <-ended)
	assert.Less(t, mappedOfTheProgram(t), before)
	assert.False(t, s.NeedLeaderElection())
}

func TestAProcessThatEndsInItsFirstMinuteDoesNotWaitForThat(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, memoryRelease{clock: clocktesting.NewFakeClock(time.Now()), log: slog.New(slog.DiscardHandler)}.Start(ctx))
}
