package longhorn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

func second(n int) metav1.Time {
	if n < 0 {
		return metav1.Time{}
	}
	return metav1.Time{Time: noon.Add(time.Duration(n) * time.Second)}
}

// aTarget is the default backup target at some moment; negative times are none.
func aTarget(requested, synced int, available bool) targetRecord {
	var t targetRecord
	t.Metadata.Name = defaultTarget
	t.Spec.URL, t.Spec.SyncRequestedAt = "s3://b@r/", second(requested)
	t.Status.Available, t.Status.LastSyncedAt = available, second(synced)
	return t
}

func TestATargetIsSyncedOnceASyncThatBeganAfterTheListingHasEnded(t *testing.T) {
	for sentence, c := range map[string]struct {
		before, after targetRecord
		done, again   bool
	}{
		"nothing happened":                              {before: aTarget(0, 0, true), after: aTarget(0, 0, true)},
		"the request was taken":                         {before: aTarget(0, 0, true), after: aTarget(20, 0, true)},
		"it was fulfilled within the same second":       {before: aTarget(0, 0, true), after: aTarget(20, 20, true), done: true},
		"it was fulfilled later":                        {before: aTarget(0, 0, true), after: aTarget(20, 25, true), done: true},
		"somebody asked again since":                    {before: aTarget(0, 0, true), after: aTarget(35, 21, true)},
		"a sync that was pending has ended":             {before: aTarget(15, 0, true), after: aTarget(30, 16, true)},
		"one was pending, and the seconds do not tell":  {before: aTarget(15, 0, true), after: aTarget(30, 30, true), again: true},
		"one was pending, and ours began later":         {before: aTarget(15, 0, true), after: aTarget(30, 31, true), done: true},
		"the first sync ever may have begun before":     {before: aTarget(0, -1, true), after: aTarget(20, 20, true), again: true},
		"the first sync ever, and another one":          {before: aTarget(0, -1, true), after: aTarget(20, 21, true), done: true},
		"Longhorn takes it for fulfilled by an old one": {before: aTarget(0, 20, true), after: aTarget(20, 20, true), again: true},
		"it is not available":                           {before: aTarget(0, 0, true), after: aTarget(20, 20, false), again: true},
	} {
		t.Run(sentence, func(t *testing.T) {
			s := newTargetSync(c.before, noon)
			s.accepted = noon
			require.NoError(t, s.observe(c.after, noon))
			assert.Equal(t, c.done, s.done())
			assert.Equal(t, c.again, s.accepted.IsZero(), "whether it has to be asked again")
		})
	}
}

func TestATargetIsAskedWhereThatIsNeededAndDisturbsNoSyncUnderWay(t *testing.T) {
	for sentence, c := range map[string]struct {
		before, after targetRecord
		later         time.Duration
		asked         bool
	}{
		"nothing happened yet":                           {before: aTarget(0, 0, true), after: aTarget(0, 0, true), asked: true},
		"there was no sync ever":                         {before: aTarget(-1, -1, true), after: aTarget(-1, -1, true), asked: true},
		"somebody else has asked since":                  {before: aTarget(0, 0, true), after: aTarget(20, 0, true)},
		"one that was asked for before is under way":     {before: aTarget(10, 0, true), after: aTarget(10, 0, true)},
		"it has ended":                                   {before: aTarget(10, 0, true), after: aTarget(10, 11, true), asked: true},
		"it has been under way for too long":             {before: aTarget(10, 0, true), after: aTarget(10, 0, true), later: pendingPatience, asked: true},
		"it cannot begin, since the target is not there": {before: aTarget(10, 0, false), after: aTarget(10, 0, false), asked: true},
	} {
		t.Run(sentence, func(t *testing.T) {
			s := newTargetSync(c.before, noon)
			now := noon.Add(c.later)
			require.NoError(t, s.observe(c.after, now))
			assert.Equal(t, c.asked, s.mayBeAsked(now))
		})
	}
}

// A history of syncs by a Longhorn that does them one after another, each fully
// between its beginning and its end, and writes times down to the second. However
// it goes, what is believed began after the mark.
func TestNoSyncThatBeganBeforeTheMarkIsEverBelieved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := 0 // in tenths of a second
		stamp := func(at int) metav1.Time {
			return metav1.Time{Time: noon.Add(time.Duration(at) * 100 * time.Millisecond).Truncate(time.Second)}
		}
		state := aTarget(-1, -1, true)
		runningSince := -1
		marked, markedAt, lastBegan := (*targetSync)(nil), 0, -1
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			clock += rapid.IntRange(0, 30).Draw(t, "pause")
			switch rapid.SampledFrom([]string{"request", "begin", "end", "mark", "look"}).Draw(t, "event") {
			case "request":
				if clock-int(state.Spec.SyncRequestedAt.Sub(noon)/(100*time.Millisecond)) >= 100 || state.Spec.SyncRequestedAt.IsZero() {
					state.Spec.SyncRequestedAt = stamp(clock)
				}
			case "begin":
				if runningSince < 0 && !isSettled(state.Spec.SyncRequestedAt, state.Status.LastSyncedAt) {
					runningSince = clock
				}
			case "end":
				if runningSince >= 0 {
					state.Status.LastSyncedAt, lastBegan, runningSince = stamp(runningSince), runningSince, -1
				}
			case "mark":
				if marked == nil {
					marked, markedAt = newTargetSync(state, noon), clock
				}
			case "look":
				if marked == nil || marked.done() {
					continue
				}
				wasPending := marked.before.pending
				require.NoError(t, marked.observe(state, noon))
				if marked.done() {
					assert.GreaterOrEqual(t, lastBegan, markedAt, "pending: %v", wasPending)
				}
			}
		}
	})
}
