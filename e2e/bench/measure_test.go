package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheMedianIsTheMiddle(t *testing.T) {
	assert.Equal(t, 2*time.Second, median([]time.Duration{3 * time.Second, time.Second, 2 * time.Second}))
	assert.Zero(t, median(nil))
	assert.Equal(t, "15.2 ms", text(15_234*time.Microsecond))
	assert.Equal(t, "1.5 s", text(1500*time.Millisecond))
}

func TestWaitingEndsWithWhatWasWaitedFor(t *testing.T) {
	looks := 0
	err := await(t.Context(), "three looks", func(context.Context) (bool, error) { looks++; return looks == 3, nil })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = await(ctx, "a cluster", func(context.Context) (bool, error) { cancel(); return false, errors.New("no one is there") })
	assert.ErrorContains(t, err, "waiting for a cluster")
	assert.ErrorContains(t, err, "no one is there")
}
