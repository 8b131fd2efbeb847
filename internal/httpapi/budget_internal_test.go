package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestABudgetEndsAsATimeoutDoes(t *testing.T) {
	type key struct{}
	for name, test := range map[string]struct {
		do  func(t *testing.T, parent context.CancelFunc, b *budget)
		err error
	}{
		"not before its time":                {func(*testing.T, context.CancelFunc, *budget) { time.Sleep(time.Second - 1) }, nil},
		"after its time":                     {func(*testing.T, context.CancelFunc, *budget) { time.Sleep(time.Second) }, context.DeadlineExceeded},
		"with its parent":                    {func(_ *testing.T, parent context.CancelFunc, _ *budget) { parent() }, context.Canceled},
		"with the request":                   {func(_ *testing.T, _ context.CancelFunc, b *budget) { b.end() }, context.Canceled},
		"once, when it is waited for before": {func(_ *testing.T, _ context.CancelFunc, b *budget) { <-b.Done(); b.end() }, context.DeadlineExceeded},
		"with a child, which it ends": {func(_ *testing.T, _ context.CancelFunc, b *budget) {
			c, stop := context.WithCancel(b)
			defer stop()
			<-c.Done()
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
				defer cancel()
				b := withBudget(parent, time.Second)
				defer b.end()
				at, bounded := b.Deadline()
				assert.True(t, bounded)
				assert.Equal(t, time.Now().Add(time.Second), at)
				test.do(t, cancel, b)
				synctest.Wait()
				assert.ErrorIs(t, b.Err(), test.err)
				assert.Equal(t, "value", b.Value(key{}))
			})
		})
	}
	t.Run("and no later than its parent", func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		want, _ := parent.Deadline()
		got, _ := withBudget(parent, time.Hour).Deadline()
		assert.Equal(t, want, got)
	})
}
