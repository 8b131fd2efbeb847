package loop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func after(seconds int) metav1.Time {
	return metav1.NewTime(noon.Add(time.Duration(seconds) * time.Second))
}

func TestASyncIsDueWhenItWasAskedForAndNotDoneSince(t *testing.T) {
	t.Parallel()
	never := metav1.Time{}
	for name, c := range map[string]struct {
		requested, synced metav1.Time
		now               int
		want              bool
	}{
		"never asked for, never done":                      {never, never, 5, true},
		"never asked for, done":                            {never, after(1), 5, false},
		"asked for, never done":                            {after(1), never, 5, true},
		"asked for before it was done":                     {after(1), after(2), 5, false},
		"asked for after it was done":                      {after(3), after(2), 5, true},
		"asked for in the second in which it was done":     {after(2), after(2), 5, true},
		"asked for in this very second":                    {after(5), after(2), 5, false},
		"asked for in this very second, never done before": {after(5), never, 5, false},
	} {
		require.Equal(t, c.want, isDue(c.requested, c.synced, after(c.now).Time), name)
	}
}

func TestAnswersAreAlwaysLaterThanWhatTheyAnswer(t *testing.T) {
	t.Parallel()
	requested, synced := after(10), metav1.Time{}
	for second := range 20 {
		if now := after(second); isDue(requested, synced, now.Time) {
			synced = now
		}
	}
	require.True(t, synced.After(requested.Time))
	require.False(t, isDue(requested, synced, after(30).Time), "and once is enough")
}

func TestATargetIsPolledAtItsInterval(t *testing.T) {
	t.Parallel()
	require.True(t, isPollDue(5*time.Second, after(0), after(5).Time))
	require.False(t, isPollDue(5*time.Second, after(0), after(4).Time))
	require.False(t, isPollDue(0, after(0), after(999).Time), "an interval of 0 is never")
	require.False(t, isPollDue(5*time.Second, metav1.Time{}, after(999).Time), "the first sync is not a poll")
}
