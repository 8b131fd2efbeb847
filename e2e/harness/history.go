package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/history"
)

// WriteHistory writes backups into a repository that the tests made, see [history].
// Only the cluster that "make cluster-up" started has its stores' data on this machine.
func (c *Cluster) WriteHistory(ctx context.Context, repository string, h history.History) error {
	if c.kubeconfig != c.ownKubeconfig() {
		return errors.New("a history is written only where the stores' data is on this machine")
	}
	folder, err := c.repositoryFolder(ctx, repository)
	if err != nil {
		return err
	}
	if err := h.Write(folder, resticPassword); err != nil {
		return fmt.Errorf("writing backups into %s: %w", repository, err)
	}
	return nil
}
