package main

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/footprint"
)

// startOver is how long after its start a process has run once all that it runs once.
const startOver = time.Minute

// memoryRelease returns the memory that only the start needed to the kernel, on every
// replica.
type memoryRelease struct {
	clock clock.Clock
	log   *slog.Logger
}

// Start implements controller-runtime's Runnable.
func (s memoryRelease) Start(ctx context.Context) error {
	timer := s.clock.NewTimer(startOver)
	defer timer.Stop()
	select {
	case <-timer.C():
		releaseMemory(s.log)
	case <-ctx.Done():
	}
	return nil
}

// NeedLeaderElection has every replica do it.
func (memoryRelease) NeedLeaderElection() bool { return false }

func releaseMemory(log *slog.Logger) {
	if err := footprint.Settle(); err != nil {
		log.Debug("the process takes more memory than it needs", "error", err)
	}
}
