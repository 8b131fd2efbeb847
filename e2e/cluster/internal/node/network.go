package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

// cniResults is where the CNI library notes what it did, whatever its
// configuration says.
const cniResults = "/var/lib/cni/results"

// proxyTables are the nftables tables that kube-proxy makes.
var proxyTables = []struct{ family, name string }{{"ip", "kube-proxy"}, {"ip6", "kube-proxy"}}

// NetworkInUse returns an error if this machine has a network that a cluster
// of ours would clash with. It is to be asked while no cluster of ours runs.
func NetworkInUse(ctx context.Context) error {
	if haveBridge() {
		return fmt.Errorf("network device %s exists but no e2e cluster is known to own it; if it is a leftover: ip link delete %s",
			layout.Bridge, layout.Bridge)
	}
	if haveNetns(layout.Second) {
		return fmt.Errorf("network namespace %s exists but no e2e cluster is known to own it; if it is a leftover: ip netns delete %s",
			layout.Second.Netns, layout.Second.Netns)
	}
	for _, t := range proxyTables {
		there, err := haveTable(ctx, t.family, t.name)
		if err != nil {
			return err
		}
		if there {
			return fmt.Errorf("nftables table %q exists: another cluster's kube-proxy works on this machine; if it is a leftover: nft delete table %s %s",
				t.family+" "+t.name, t.family, t.name)
		}
	}
	var listen net.ListenConfig
	for _, port := range []int{
		layout.PortAPI, layout.PortEtcd, layout.PortEtcdPeer, layout.PortKubeletHealth,
		layout.PortControllerManager, layout.PortScheduler, layout.PortProxyHealth, layout.PortProxyMetrics,
	} {
		l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return fmt.Errorf("a port that the cluster needs is in use: %w", err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("try port %d: %w", port, err)
		}
	}
	return nil
}

// EnsureBridge makes the bridge that pods are connected to, with the node's
// address on it: the API server and the kubelet listen there before the first
// pod exists.
func EnsureBridge(ctx context.Context) error {
	if !haveBridge() {
		if err := run(ctx, "ip", "link", "add", layout.Bridge, "type", "bridge"); err != nil {
			return fmt.Errorf("make bridge: %w", err)
		}
	}
	address := fmt.Sprintf("%s/%d", layout.NodeIP, layout.PodCIDR.Bits())
	if err := run(ctx, "ip", "address", "replace", address, "dev", layout.Bridge); err != nil {
		return fmt.Errorf("give bridge its address: %w", err)
	}
	if err := run(ctx, "ip", "link", "set", layout.Bridge, "up"); err != nil {
		return fmt.Errorf("bring bridge up: %w", err)
	}
	return nil
}

// removeNetwork removes the second node's network namespace, the bridge and
// kube-proxy's tables.
func removeNetwork(ctx context.Context) error {
	errs := []error{removeNetns(ctx, layout.Second)}
	if haveBridge() {
		errs = append(errs, run(ctx, "ip", "link", "delete", layout.Bridge))
	}
	for _, t := range proxyTables {
		there, err := haveTable(ctx, t.family, t.name)
		if err == nil && there {
			err = run(ctx, "nft", "delete", "table", t.family, t.name)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the cluster's network: %w", err)
	}
	return nil
}

func haveBridge() bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", layout.Bridge))
	return !errors.Is(err, fs.ErrNotExist)
}

func haveTable(ctx context.Context, family, name string) (bool, error) {
	out, err := exec.CommandContext(ctx, "nft", "list", "tables", family).Output()
	if errors.Is(err, exec.ErrNotFound) {
		return false, nil // without nft no table was made
	}
	if err != nil {
		return false, fmt.Errorf("list nftables tables: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "table "+family+" "+name {
			return true, nil
		}
	}
	return false, nil
}
