package waiting

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// recount is how long a count is used: many claims that wait ask at once.
const recount = 5 * time.Second

// Counter counts the claims that wait, by what they wait for. It is safe for
// concurrent use.
type Counter struct {
	// Reader reads claims, Restores and namespaces, from a cache.
	Reader client.Reader
	Policy kube.Policy
	// Glance answers from what is known of a claim's backups, without waiting.
	Glance func(backup.Claim) backup.Answer
	Clock  clock.PassiveClock

	mu      sync.Mutex
	counted time.Time
	// byCause counts by what is waited for; failure is why it could not be counted.
	byCause map[backup.Cause]int
	failure error
}

// Count returns how many claims wait for the same cause, and start empty if it is
// settled that no backup of them exists. An error is that of [List].
func (c *Counter) Count(ctx context.Context, why error) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	if c.byCause == nil || now.Sub(c.counted) >= recount {
		waits, err := List(ctx, c.Reader, c.Policy)
		c.counted, c.byCause, c.failure = now, make(map[backup.Cause]int), err
		for _, w := range waits {
			if doubt := c.Glance(w.Source).Err(); doubt != nil {
				c.byCause[backup.CauseOf(doubt)]++
			}
		}
	}
	return c.byCause[backup.CauseOf(why)], c.failure
}

// Words says how many claims wait for the same doubt, in words that follow it; ""
// where that is not known, or none does.
func (c *Counter) Words(ctx context.Context, why error) string {
	count, err := c.Count(ctx, why)
	switch {
	case err != nil || count == 0:
		return ""
	case count == 1:
		return "1 claim waits for this, and starts empty if it is accepted that no backup of it is there"
	default:
		return fmt.Sprintf("%d claims wait for this, and start empty if it is accepted that no backup of them is there", count)
	}
}
