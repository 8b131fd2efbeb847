package loglines_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/loglines"
)

// writes counts how often something is written.
type writes struct {
	mu    sync.Mutex
	text  bytes.Buffer
	count int
	err   error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if w.err != nil {
		return 0, w.err
	}
	return w.text.Write(p)
}

// times returns how often something was written.
func (w *writes) times() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// String returns what was written.
func (w *writes) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// fail has writing fail from now on, or work again.
func (w *writes) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func TestLinesAreWrittenTogetherAndNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		lines := loglines.New(&out)
		log := slog.New(lines.Together(slog.NewJSONHandler(lines, nil)))
		log.Info("one")
		log.With("who", "a").WithGroup("g").Info("two", "n", 2)
		log.Debug("not asked for")
		assert.Zero(t, out.times())
		time.Sleep(loglines.Delay)
		synctest.Wait()
		assert.Equal(t, 1, out.times())
		assert.Contains(t, out.String(), `"msg":"one"`)
		assert.Contains(t, out.String(), `"msg":"two","who":"a","g":{"n":2}}`)
		assert.NotContains(t, out.String(), "not asked for")

		log.Info("three")
		time.Sleep(loglines.Delay)
		synctest.Wait()
		assert.Equal(t, 2, out.times())
	})
}

func TestAWarningIsWrittenAtOnceWithAllBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		lines := loglines.New(&out)
		log := slog.New(lines.Together(slog.NewJSONHandler(lines, nil)))
		log.Info("before")
		log.With("a", 1).Warn("warned")
		assert.Equal(t, 1, out.times())
		assert.Less(t, strings.Index(out.String(), "before"), strings.Index(out.String(), "warned"))
	})
}

func TestManyLinesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		lines := loglines.New(&out)
		log := slog.New(lines.Together(slog.NewJSONHandler(lines, nil)))
		for range 1000 {
			log.Info(strings.Repeat("x", 100))
		}
		assert.Positive(t, out.times())
		assert.Less(t, out.times(), 10)
		lines.Flush()
		assert.Equal(t, 1000, strings.Count(out.String(), "\n"))
	})
}

func TestALogThatCannotBeWrittenSaysSoAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		out.fail(errors.New("the disk is full"))
		lines := loglines.New(&out)
		_, err := lines.Write([]byte("one\n"))
		assert.NoError(t, err)
		lines.Flush()
		_, err = lines.Write([]byte("two\n"))
		assert.ErrorContains(t, err, "the disk is full")
		out.fail(nil)
		lines.Flush()
		assert.Equal(t, "two\n", out.String())
		_, err = lines.Write([]byte("three\n"))
		assert.NoError(t, err)
		lines.Flush()
	})
}
