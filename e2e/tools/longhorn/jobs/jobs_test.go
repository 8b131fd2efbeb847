package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/jobs"
)

const soon = 10 * time.Second

func newJobs(t *testing.T) *jobs.Jobs {
	t.Helper()
	set := jobs.New(func() {})
	// The test's context has ended by then.
	t.Cleanup(set.Wait)
	return set
}

func done(t *testing.T, set *jobs.Jobs, name string) jobs.State {
	t.Helper()
	var state jobs.State
	require.Eventually(t, func() bool {
		state = set.Run(t.Context(), name, func(context.Context, func(int)) error { return errors.New("started twice") })
		return state.Done
	}, soon, time.Millisecond)
	return state
}

func TestAJobRunsOnceAndIsRemembered(t *testing.T) {
	t.Parallel()
	set := newJobs(t)
	require.False(t, set.Run(t.Context(), "copy", func(_ context.Context, report func(int)) error { report(40); return nil }).Done)

	require.Equal(t, jobs.State{Percent: 40, Done: true}, done(t, set, "copy"))
}

func TestAFailureIsToldAsItIs(t *testing.T) {
	t.Parallel()
	set := newJobs(t)
	set.Run(t.Context(), "copy", func(context.Context, func(int)) error { return errors.New("no room") })

	require.EqualError(t, done(t, set, "copy").Err, "no room")
}

func TestProgressIsSeenWhileItRuns(t *testing.T) {
	t.Parallel()
	set := newJobs(t)
	set.Run(t.Context(), "copy", func(ctx context.Context, report func(int)) error { report(7); <-ctx.Done(); return ctx.Err() })

	require.Eventually(t, func() bool { return set.Run(t.Context(), "copy", nil) == jobs.State{Percent: 7} }, soon, time.Millisecond)
}

func TestAForgottenJobHasEndedAndMayBeStartedAnew(t *testing.T) {
	t.Parallel()
	set := newJobs(t)
	ended := false
	set.Run(t.Context(), "copy", func(ctx context.Context, _ func(int)) error { <-ctx.Done(); ended = true; return ctx.Err() })

	set.Forget("copy")
	set.Forget("copy")

	require.True(t, ended)
	set.Run(t.Context(), "copy", func(context.Context, func(int)) error { return nil })
	require.NoError(t, done(t, set, "copy").Err)
}
