package loop

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
)

func TestACopyReportsHowFarItIs(t *testing.T) {
	t.Parallel()
	var reported int
	step := newLoop().step("vol", fault.RestorePause, "vol", func(percent int) { reported = percent })
	require.NoError(t, step(t.Context(), 1<<20, 42))
	require.Equal(t, 42, reported)
}

func TestAPausedCopyGoesOnWhenTheFaultIsGone(t *testing.T) {
	t.Parallel()
	loop := faulty(t, "[{fault: uploadPause, match: '^vol/', percent: 30}]")
	loop.Clock = clock.RealClock{}
	reported := make(chan int, 100)
	step := loop.step("vol", fault.UploadPause, "vol/backup-1", func(percent int) { reported <- percent })
	require.NoError(t, step(t.Context(), 0, 29))
	require.Equal(t, 29, <-reported)

	done := make(chan error, 1)
	go func() { done <- step(t.Context(), 0, 80) }()
	require.Equal(t, 30, <-reported, "it says where it stands")
	require.Empty(t, done)

	loop.Faults.Replace(nil)
	require.NoError(t, <-done)
	close(reported)
	last := 0
	for percent := range reported {
		last = percent
	}
	require.Equal(t, 80, last)
}

func TestAPausedCopyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	loop := faulty(t, "[{fault: restorePause}]")
	loop.Clock = clock.RealClock{}
	ctx, cancel := context.WithCancel(t.Context())
	step := loop.step("vol", fault.RestorePause, "vol", func(int) { cancel() })
	require.ErrorIs(t, step(ctx, 0, 0), context.Canceled)
}

func TestAFaultSlowsACopyOfItsVolume(t *testing.T) {
	t.Parallel()
	loop := faulty(t, "[{fault: throttle, match: '^slow$', bytesPerSecond: 1000}]")
	loop.BytesPerSecond = 5000
	require.EqualValues(t, 1000, loop.bytesPerSecond("slow"))
	require.EqualValues(t, 5000, loop.bytesPerSecond("other"))
}
