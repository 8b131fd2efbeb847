package longhorntest

import (
	"time"

	"k8s.io/utils/clock"
)

// Speed is how much faster the clock of this package runs than the real one.
const Speed = 100

// fastClock is the real clock, sped up.
type fastClock struct {
	clock.RealClock
	began time.Time
}

func newClock() fastClock { return fastClock{began: time.Now()} }

// Now implements [clock.PassiveClock].
func (c fastClock) Now() time.Time { return c.began.Add(Speed * time.Since(c.began)) }

// Since implements [clock.PassiveClock].
func (c fastClock) Since(then time.Time) time.Duration { return c.Now().Sub(then) }

// After implements [clock.Clock].
func (c fastClock) After(d time.Duration) <-chan time.Time { return time.After(d / Speed) }

// NewTimer implements [clock.Clock].
func (c fastClock) NewTimer(d time.Duration) clock.Timer { return c.RealClock.NewTimer(d / Speed) }

// NewTicker implements [clock.WithTicker].
func (c fastClock) NewTicker(d time.Duration) clock.Ticker {
	return c.RealClock.NewTicker(max(d/Speed, time.Millisecond))
}

// Sleep implements [clock.Clock].
func (c fastClock) Sleep(d time.Duration) { time.Sleep(d / Speed) }
