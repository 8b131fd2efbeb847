package loglines_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/loglines"
)

// writes counts how often something is written.
type writes struct {
	bytes.Buffer
	count int
	err   error
}

func (w *writes) Write(p []byte) (int, error) {
	w.count++
	if w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(p)
}

func TestLinesAreWrittenTogetherAndNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		lines := loglines.New(&out)
		log := slog.New(lines.Together(slog.NewJSONHandler(lines, nil)))
		log.Info("one")
		log.With("who", "a").WithGroup("g").Info("two", "n", 2)
		log.Debug("not asked for")
		assert.Zero(t, out.count)
		time.Sleep(loglines.Delay)
		synctest.Wait()
		assert.Equal(t, 1, out.count)
		assert.Contains(t, out.String(), `"msg":"one"`)
		assert.Contains(t, out.String(), `"msg":"two","who":"a","g":{"n":2}}`)
		assert.NotContains(t, out.String(), "not asked for")

		log.Info("three")
		time.Sleep(loglines.Delay)
		synctest.Wait()
		assert.Equal(t, 2, out.count)
	})
}

func TestAWarningIsWrittenAtOnceWithAllBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		lines := loglines.New(&out)
		log := slog.New(lines.Together(slog.NewJSONHandler(lines, nil)))
		log.Info("before")
		log.With("a", 1).Warn("warned")
		assert.Equal(t, 1, out.count)
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
		assert.Positive(t, out.count)
		assert.Less(t, out.count, 10)
		lines.Flush()
		assert.Equal(t, 1000, strings.Count(out.String(), "\n"))
	})
}

func TestALogThatCannotBeWrittenSaysSoAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := writes{err: errors.New("the disk is full")}
		lines := loglines.New(&out)
		_, err := lines.Write([]byte("one\n"))
		assert.NoError(t, err)
		lines.Flush()
		_, err = lines.Write([]byte("two\n"))
		assert.ErrorContains(t, err, "the disk is full")
		out.err = nil
		lines.Flush()
		assert.Equal(t, "two\n", out.String())
		_, err = lines.Write([]byte("three\n"))
		assert.NoError(t, err)
		lines.Flush()
	})
}
