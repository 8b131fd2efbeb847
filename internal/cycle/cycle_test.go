package cycle_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/cycle"
)

func TestWorkIsDoneAtOnceAndThenAtTheIntervalUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		ctx, stop := context.WithTimeout(t.Context(), 150*time.Second)
		defer stop()
		cycle.Run(ctx, clock.RealClock{}, time.Minute, func(context.Context) { at = append(at, time.Since(began)) })
		assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute}, at)
		assert.Equal(t, 150*time.Second, time.Since(began), "it ends with its context")
	})
}
