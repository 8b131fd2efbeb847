package driver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/driver"
)

func TestATimeIsWithinABoundByBothClocks(t *testing.T) {
	began := time.Now() // with both clocks
	set := began.Round(0)
	for name, c := range map[string]struct {
		before, after time.Time
		want          bool
	}{
		"at once":                    {began, began, true},
		"just within":                {began, began.Add(time.Minute), true},
		"too long ago":               {began, began.Add(time.Minute + 1), false},
		"the clock was set back":     {set, set.Add(-time.Second), false},
		"the clock was set ahead":    {set, set.Add(time.Hour), false},
		"by the wall clock, just so": {set, set.Add(time.Minute), true},
	} {
		assert.Equal(t, c.want, driver.Within(time.Minute, c.before, c.after), name)
	}
}

func TestNoTimeIsWithinABoundThatItsWallClockIsNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "bound"))
		age := time.Duration(rapid.Int64Range(-int64(2*time.Hour), int64(2*time.Hour)).Draw(t, "age"))
		now := time.Now()
		want := age >= 0 && age <= bound
		assert.Equal(t, want, driver.Within(bound, now.Round(0).Add(-age), now.Round(0)))
		assert.Equal(t, want, driver.Within(bound, now.Add(-age), now))
	})
}
