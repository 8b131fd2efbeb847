package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// PowerOff ends all that runs on the node at once, as when its power fails: no
// part of the cluster is told, and volumes and images stay on its disk. A node
// that is off already stays so.
func (n Node) PowerOff(ctx context.Context, keeper process.Keeper) error {
	// Looked up first: a container's folder is gone as soon as it ends.
	t := tracesOn(n.Layout)
	daemons := []string{n.Kubelet().Name, n.Proxy().Name}
	for _, driver := range n.Drivers() {
		daemons = append(daemons, driver.Daemon.Name)
	}
	for _, name := range daemons {
		if err := keeper.Kill(ctx, name); err != nil {
			return err
		}
	}
	if err := killContainers(ctx, n.Cluster.Marker(), t, n.isShim); err != nil {
		return fmt.Errorf("kill the node's containers: %w", err)
	}
	if err := keeper.Kill(ctx, n.Containerd().Name); err != nil {
		return err
	}
	errs := []error{unmountBelow(n.Layout.Short), removeCgroups(t.cgroups), removeLogLinks(n.Layout)}
	for _, f := range t.files {
		errs = append(errs, removeFile(f))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("switch the node off: %w", err)
	}
	if err := os.RemoveAll(n.Layout.ContainerdState()); err != nil {
		return fmt.Errorf("forget what ran on the node: %w", err)
	}
	return nil
}

// isShim reports whether a process is the shim of a pod on this node, by the
// address of the containerd that it was started with.
func (n Node) isShim(id process.Identity) bool {
	if !IsShim(id) {
		return false
	}
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id.PID))
	return err == nil && bytes.Contains(args, []byte("\x00"+n.Layout.Containerd()+"\x00")) && id.Alive()
}
