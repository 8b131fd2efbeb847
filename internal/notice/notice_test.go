package notice_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testclock "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/notice"
)

// recorder keeps events.
type recorder struct{ events, actions []string }

func (r *recorder) Eventf(regarding, _ runtime.Object, kind, reason, action, note string, args ...any) {
	pod, _ := regarding.(*corev1.Pod)
	r.events = append(r.events, strings.Join([]string{pod.Name, kind, reason, args[0].(string)}, " "))
	r.actions = append(r.actions, action)
	_ = note
}

func newTeller() (t *notice.Teller, now *testclock.FakeClock, told *recorder, wrong *[]notice.Notice) {
	now, told, wrong = testclock.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), &recorder{}, &[]notice.Notice{}
	return &notice.Teller{
		Notices: func() []notice.Notice { return *wrong },
		About: func(context.Context) (runtime.Object, error) {
			return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "soteria-0"}}, nil
		},
		Events: told, Clock: now, Log: slog.New(slog.DiscardHandler),
	}, now, told, wrong
}

func TestWhatIsWrongIsToldOnceAndEachHour(t *testing.T) {
	teller, now, told, wrong := newTeller()
	teller.Tell(t.Context())
	assert.Empty(t, told.events)
	*wrong = []notice.Notice{{Reason: "MemoryCopyNotWritten", Subject: "restic", Message: "read-only"}}
	for range 60 {
		teller.Tell(t.Context())
		now.Step(time.Minute)
	}
	assert.Equal(t, []string{"soteria-0 Warning MemoryCopyNotWritten read-only"}, told.events)
	teller.Tell(t.Context())
	assert.Len(t, told.events, 2, "again after an hour")
	*wrong = nil
	teller.Tell(t.Context())
	*wrong = []notice.Notice{{Reason: "MemoryCopyNotWritten", Subject: "restic", Message: "read-only"}}
	teller.Tell(t.Context())
	assert.Len(t, told.events, 3, "what was over and began again is news")
}

func TestAnotherCauseIsNewsButNoFlood(t *testing.T) {
	teller, now, told, wrong := newTeller()
	*wrong = []notice.Notice{{Reason: "A", Subject: "restic", Cause: "1", Message: "since 3:04"}}
	teller.Tell(t.Context())
	*wrong = []notice.Notice{{Reason: "A", Subject: "restic", Cause: "1", Message: "since 3:05"}}
	now.Step(59 * time.Minute)
	teller.Tell(t.Context())
	assert.Len(t, told.events, 1, "another message of the same cause is none")
	for i := range 20 {
		*wrong = []notice.Notice{{Reason: "A", Subject: "restic", Cause: strings.Repeat("x", i), Message: "words"}}
		now.Step(time.Minute)
		teller.Tell(t.Context())
	}
	assert.Len(t, told.events, 3, "one in ten minutes at most")
}

func TestEachSubjectIsToldOfAndMayBeToldLessOften(t *testing.T) {
	teller, now, told, wrong := newTeller()
	*wrong = []notice.Notice{{Reason: "A", Subject: "restic", Message: "m"}, {Reason: "A", Subject: "longhorn", Message: "m", Repeat: 24 * time.Hour}}
	teller.Tell(t.Context())
	assert.ElementsMatch(t, []string{"Check restic", "Check longhorn"}, told.actions)
	now.Step(23 * time.Hour)
	teller.Tell(t.Context())
	assert.Len(t, told.events, 3)
}

func TestANoticeIsNotLostWhileItsObjectCannotBeRead(t *testing.T) {
	teller, _, told, wrong := newTeller()
	about := teller.About
	teller.About = func(context.Context) (runtime.Object, error) { return nil, errors.New("no answer") }
	*wrong = []notice.Notice{{Reason: "A", Subject: strings.Repeat("s", 200), Message: strings.Repeat("m", 2000)}}
	teller.Tell(t.Context())
	assert.Empty(t, told.events)
	teller.About = about
	teller.Tell(t.Context())
	assert.Len(t, told.events, 1)
	assert.LessOrEqual(t, len(told.actions[0]), 128)
	assert.LessOrEqual(t, len(told.events[0]), backup.MaxNote+len("soteria-0 Warning A "))
}
