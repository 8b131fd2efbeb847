package lifecycle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/node"
)

// Down stops the cluster and removes all that it made, its data included.
func (c *Cluster) Down(ctx context.Context) error {
	unlock, err := c.note.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	owning, owned, err := c.note.Read()
	if err != nil {
		return err
	}
	ours := owned && owning == c.Layout
	if ours {
		if err := c.step("stop", func() (string, error) { return "", node.Clear(ctx, c.Layout) }); err != nil {
			return err
		}
	}
	err = c.step("remove", func() (string, error) {
		// Aside first: a folder half removed is never taken for a cluster.
		aside := filepath.Join(filepath.Dir(c.Layout.State), ".cluster.removed")
		if err := os.RemoveAll(aside); err != nil {
			return "", fmt.Errorf("remove the state folder: %w", err)
		}
		if err := os.Rename(c.Layout.State, aside); err != nil && !os.IsNotExist(err) {
			return "", fmt.Errorf("set the state folder aside: %w", err)
		}
		if err := os.RemoveAll(aside); err != nil {
			return "", fmt.Errorf("remove the state folder: %w", err)
		}
		return "", nil
	})
	if err != nil || !ours {
		return err
	}
	return c.note.Clear()
}
