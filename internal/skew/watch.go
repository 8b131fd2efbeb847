package skew

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Most is by how much clocks may differ and still be taken for right.
const Most = 10 * time.Minute

// Watch compares this process's clock with the clocks of those that answer it. It
// is safe for concurrent use. A nil Watch has seen no one.
type Watch struct {
	clock clock.PassiveClock
	log   *slog.Logger

	mu sync.Mutex
	// offsets are how far the clock of each source is ahead of this one, by the last
	// answer.
	offsets map[string]time.Duration
}

// New makes a watch. It logs when a clock begins to differ by more than [Most], and
// when it no longer does.
func New(clock clock.PassiveClock, log *slog.Logger) *Watch {
	return &Watch{clock: clock, log: log, offsets: make(map[string]time.Duration)}
}

// Transport returns next with the Date of every answer compared. The source names
// who answers, for people. A nil Watch returns next.
func (w *Watch) Transport(source string, next http.RoundTripper) http.RoundTripper {
	if w == nil {
		return next
	}
	return &transport{watch: w, source: source, next: next}
}

// Offsets returns, by source, how far its clock is ahead of this one; negative where
// it is behind.
func (w *Watch) Offsets() map[string]time.Duration {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.offsets)
}

// Doubt says that this process's clock disagrees with another, and with whose; it
// is empty while it does not.
func (w *Watch) Doubt() string {
	offsets := w.Offsets()
	var words []string
	for _, source := range slices.Sorted(maps.Keys(offsets)) {
		if disagrees(offsets[source]) {
			words = append(words, differs(source, offsets[source]))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, "; ") + ": no backup is taken to be wrongly dated and none is removed until the clocks agree; set the clock of the node that runs Soteria"
}

func disagrees(offset time.Duration) bool { return offset.Abs() > Most }

func differs(source string, offset time.Duration) string {
	direction := "ahead of"
	if offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("the clock of %s is %s %s Soteria's", source, offset.Abs().Round(time.Second), direction)
}

// saw keeps what an answer tells of the clock of its source: a time between the
// request and the answer agrees.
func (w *Watch) saw(source string, theirs, asked, answered time.Time) {
	const resolution = time.Second // of the header
	var offset time.Duration
	switch {
	case theirs.Before(asked.Add(-resolution)):
		offset = theirs.Sub(asked)
	case theirs.After(answered):
		offset = theirs.Sub(answered)
	}
	w.mu.Lock()
	was := w.offsets[source]
	w.offsets[source] = offset
	w.mu.Unlock()
	switch {
	case disagrees(offset) && !disagrees(was):
		w.log.Warn("clocks disagree", "message", differs(source, offset))
	case disagrees(was) && !disagrees(offset):
		w.log.Info("clocks agree again", "source", source)
	}
}

type transport struct {
	watch  *Watch
	source string
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper]. An answer out of a cache on the way
// carries an old date and is not compared.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := t.watch.clock.Now().Round(0)
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return response, err
	}
	theirs, parsed := http.ParseTime(response.Header.Get("Date"))
	if parsed == nil && response.Header.Get("Age") == "" {
		t.watch.saw(t.source, theirs, asked, t.watch.clock.Now().Round(0))
	}
	return response, nil
}
