package mover

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	must "github.com/stretchr/testify/require"
)

func TestWhatIsRestoredGoesToTheDiskMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flushed := 0
		f := newFlusher(func() error { flushed++; return nil })
		for _, step := range []struct {
			bytes   int64
			flushed int
		}{
			{1, 0}, {flushEvery - 1, 0}, {flushEvery, 1}, {flushEvery + 1, 1}, {2 * flushEvery, 2}, {9 * flushEvery, 3},
			{0, 3}, {flushEvery, 4}, // begun again
		} {
			f.restored(step.bytes)
			synctest.Wait()
			assert.Equal(t, step.flushed, flushed, "at %d bytes", step.bytes)
		}
		f.rest()
		must.NoError(t, f.end())
		assert.Equal(t, 5, flushed, "the rest")
	})
}

func TestARestoreDoesNotWaitForAFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, began := make(chan struct{}), 0
		f := newFlusher(func() error { began++; <-slow; return nil })
		for bytes := range int64(10) {
			f.restored(bytes * flushEvery)
			synctest.Wait()
		}
		assert.Equal(t, 1, began)
		close(slow)
		must.NoError(t, f.end())
		assert.Equal(t, 2, began, "what was asked for meanwhile is one flush")
	})
}

func TestAFlushThatFailedIsNotForgottenWhenLaterOnesSucceed(t *testing.T) {
	failures := []error{nil, errors.New("the disk is gone"), nil}
	synctest.Test(t, func(t *testing.T) {
		f := newFlusher(func() error {
			err := failures[0]
			failures = failures[1:]
			return err
		})
		for range failures {
			f.rest()
			synctest.Wait()
		}
		must.EqualError(t, f.end(), "the disk is gone")
	})
}
