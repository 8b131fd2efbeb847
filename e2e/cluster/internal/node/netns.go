package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

// The ends of the cable between the bridges of the two nodes.
const (
	cable      = "soteria-cable"
	cableInner = "cable"
)

func netnsFile(p layout.Place) string { return filepath.Join("/run/netns", p.Netns) }

func haveNetns(p layout.Place) bool {
	_, err := os.Stat(netnsFile(p))
	return !errors.Is(err, fs.ErrNotExist)
}

// EnsureNetwork makes the network namespace of a node that has one of its own:
// a bridge for its pods, with the node's address on it, connected to the first
// node's bridge.
func (n Node) EnsureNetwork(ctx context.Context) error {
	if !haveNetns(n.Place) {
		if err := run(ctx, "ip", "netns", "add", n.Place.Netns); err != nil {
			return fmt.Errorf("make the node's network namespace: %w", err)
		}
	}
	inside := func(args ...string) []string { return slices.Concat([]string{"-netns", n.Place.Netns}, args) }
	if run(ctx, "ip", inside("link", "show", cableInner)...) != nil {
		for _, args := range [][]string{
			{"link", "add", cable, "type", "veth", "peer", "name", cableInner, "netns", n.Place.Netns},
			inside("link", "add", layout.Bridge, "type", "bridge"),
		} {
			if err := run(ctx, "ip", args...); err != nil {
				return fmt.Errorf("make the node's network: %w", err)
			}
		}
	}
	address := fmt.Sprintf("%s/%d", n.Place.IP, layout.PodCIDR.Bits())
	for _, args := range [][]string{
		{"link", "set", cable, "master", layout.Bridge, "up"},
		inside("link", "set", "lo", "up"),
		inside("link", "set", cableInner, "master", layout.Bridge, "up"),
		inside("address", "replace", address, "dev", layout.Bridge),
		inside("link", "set", layout.Bridge, "up"),
	} {
		if err := run(ctx, "ip", args...); err != nil {
			return fmt.Errorf("connect the node's network: %w", err)
		}
	}
	return nil
}

// removeNetns removes a node's network namespace, with all that is in it and the
// cable to it.
func removeNetns(ctx context.Context, p layout.Place) error {
	if !haveNetns(p) {
		return nil
	}
	if err := run(ctx, "ip", "netns", "delete", p.Netns); err != nil {
		return fmt.Errorf("remove the node's network namespace: %w", err)
	}
	return nil
}
