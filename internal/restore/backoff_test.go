package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/restore"
)

func TestAClaimThatWaitsIsLookedAtLessOftenTheLongerItHasWaited(t *testing.T) {
	assert.Equal(t, 5*time.Second, restore.SelectDelay(0, 0))
	assert.Equal(t, 5*time.Second, restore.SelectDelay(10*time.Second, 0))
	assert.Equal(t, 30*time.Second, restore.SelectDelay(time.Minute, 0))
	assert.Equal(t, 2*time.Minute, restore.SelectDelay(10*time.Hour, 0))
}

func TestTheDelayBetweenAttemptsDoublesUpToABound(t *testing.T) {
	assert.Equal(t, 10*time.Second, restore.RetryDelay(1, 0))
	assert.Equal(t, 20*time.Second, restore.RetryDelay(2, 0))
	assert.Equal(t, 160*time.Second, restore.RetryDelay(5, 0))
	assert.Equal(t, 5*time.Minute, restore.RetryDelay(6, 0))
	assert.Equal(t, 5*time.Minute, restore.RetryDelay(1<<30, 0), "and does not overflow")
}

func TestDelaysAreSpreadSoThatClaimsDoNotAskAtOnce(t *testing.T) {
	assert.Equal(t, 11*time.Second, restore.RetryDelay(1, 0.5))
	assert.Less(t, restore.SelectDelay(time.Hour, 0.999), 2*time.Minute+24*time.Second)
}

func TestALongTransferIsLookedAtLessOften(t *testing.T) {
	assert.Equal(t, 2*time.Second, restore.WatchDelay(0))
	assert.Equal(t, 6*time.Second, restore.WatchDelay(24*time.Second))
	assert.Equal(t, 15*time.Second, restore.WatchDelay(time.Hour))
}
