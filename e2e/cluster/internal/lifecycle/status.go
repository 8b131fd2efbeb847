package lifecycle

import (
	"context"
	"fmt"
	"os"
)

// Status prints which daemons run and what runs in the cluster. It returns
// ErrDown if a daemon that was started does not run, or none was started.
func (c *Cluster) Status(ctx context.Context) error {
	records, err := c.keeper.Records()
	if err != nil {
		return err
	}
	dead := len(records) == 0
	for _, r := range records {
		state := "runs"
		if !r.Alive() {
			state, dead = "is dead; its log: "+c.Layout.Log(r.Name), true
		}
		_, _ = fmt.Fprintf(c.Out, "%-24s pid %-8d %s\n", r.Name, r.PID, state)
	}
	if dead {
		return ErrDown
	}
	kube, err := c.Kubectl(ctx)
	if err != nil {
		return err
	}
	return kube.Attach(ctx, c.Layout.Repo, nil, c.Out, os.Stderr, "get", "nodes,deployments,storageclasses", "--all-namespaces")
}
