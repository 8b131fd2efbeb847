package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// MarkerEnv is set, to the state folder's path, in the environment of every
// process that a cluster starts, so that each can be found again even when
// all records of it are lost.
const MarkerEnv = "SOTERIA_CLUSTER_STATE"

// Names. A machine runs one cluster at a time, since
// kube-proxy's nftables tables have fixed names; see package owner.
const (
	Bridge         = "soteria0"
	DNSDomain      = "cluster.local"
	CSIDriver      = "local.csi.soteria.dev"
	LonghornDriver = "driver.longhorn.io"
	MachineDir     = "/var/lib/soteria-cluster"
)

// Ports on the host. They differ from the usual ones, so that a real cluster
// on the same machine is not in the way.
const (
	PortAPI               = 16443
	PortEtcd              = 16379
	PortEtcdPeer          = 16380
	PortKubelet           = 16250
	PortKubeletHealth     = 16248
	PortControllerManager = 16257
	PortScheduler         = 16259
	PortProxyHealth       = 16256
	PortProxyMetrics      = 16249
	PortAttacher          = 16261
	PortProvisioner       = 16262
	PortResizer           = 16263
)

// PortLonghorn is that of Longhorn's REST API, behind [LonghornService].
const PortLonghorn = 9500

// Networks of the cluster.
var (
	PodCIDR     = netip.MustParsePrefix("10.231.0.0/23")
	ServiceCIDR = netip.MustParsePrefix("10.232.0.0/20")
	NodeIP      = netip.MustParseAddr("10.231.0.1")
	APIService  = netip.MustParseAddr("10.232.0.1")
	DNSService  = netip.MustParseAddr("10.232.0.10")
	// LonghornService is known beforehand, since Longhorn's CSI driver runs
	// on the host, where the cluster's names do not exist.
	LonghornService = netip.MustParseAddr("10.232.0.20")
)

// Layout is the set of paths of one cluster.
type Layout struct {
	// Repo is the root of the repository, State its folder .cluster.
	Repo, State string
	// Short is the folder for everything with a socket below it.
	Short string
}

// New returns the layout of the cluster whose state folder is given.
func New(state string) Layout {
	state = filepath.Clean(state)
	sum := sha256.Sum256([]byte(state))
	return Layout{
		Repo:  filepath.Dir(state),
		State: state,
		Short: filepath.Join(MachineDir, hex.EncodeToString(sum[:4])),
	}
}

// Find returns the layout for the repository that holds the folder given, or
// one of whose parents is the root of the repository.
func Find(dir string) (Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("path of %s: %w", dir, err)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("path of the working folder: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if l := New(filepath.Join(at, ".cluster")); l.Exists() {
			return l, nil
		}
		if at == filepath.Dir(at) {
			return Layout{}, fmt.Errorf("no repository with e2e/cluster at or above %s", dir)
		}
	}
}

// Exists says whether the repository is there, with this program in it.
func (l Layout) Exists() bool {
	_, err := os.Stat(filepath.Join(l.Repo, "e2e", "cluster", "go.mod"))
	return err == nil
}

// Path returns a path below the state folder.
func (l Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.State}, elem...)...)
}

// ShortPath returns a path below the short folder.
func (l Layout) ShortPath(elem ...string) string {
	return filepath.Join(append([]string{l.Short}, elem...)...)
}

// Tools is the folder of the tools' Go modules.
func (l Layout) Tools() string { return filepath.Join(l.Repo, "e2e", "tools") }

// Kubeconfig is the administrator's.
func (l Layout) Kubeconfig() string { return l.Path("kubeconfig") }

// Log is the file that a daemon's output goes to.
func (l Layout) Log(daemon string) string { return l.Path("logs", daemon+".log") }

// Records is the folder that says which processes run.
func (l Layout) Records() string { return l.ShortPath("processes") }

// Kubelet is the kubelet's root folder.
func (l Layout) Kubelet() string { return l.ShortPath("kubelet") }

// Containerd is the address of containerd's socket.
func (l Layout) Containerd() string { return l.ShortPath("containerd.sock") }

// ContainerdState is where containerd keeps what it needs only while it runs.
func (l Layout) ContainerdState() string { return l.ShortPath("containerd") }

// Volumes is where the CSI driver keeps its volumes' data.
func (l Layout) Volumes() string { return l.Path("volumes") }

// Longhorn is where Longhorn keeps its volumes and its backup store.
func (l Layout) Longhorn() string { return l.Path("longhorn") }

// LonghornImages is where, in Longhorn's folder, its volumes are.
func (l Layout) LonghornImages() string { return filepath.Join(l.Longhorn(), "volumes") }

// Network is the name of the CNI network, and so of its files on the host.
func (l Layout) Network() string { return "soteria-" + filepath.Base(l.Short) }

// Marker is the environment entry that marks the cluster's processes.
func (l Layout) Marker() string { return MarkerEnv + "=" + l.State }

// MakeFolders makes the two folders, private to their owner, and keeps Git
// out of the state folder.
func (l Layout) MakeFolders() error {
	for _, dir := range []string{l.State, l.Path("config"), l.Path("logs"), l.Short, l.Records()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the cluster's folder: %w", err)
		}
	}
	if err := os.WriteFile(l.Path(".gitignore"), []byte("*\n"), 0o600); err != nil {
		return fmt.Errorf("keep Git out of the cluster's folder: %w", err)
	}
	return nil
}

// APIURL is where the API server answers on the host.
func APIURL() string { return fmt.Sprintf("https://127.0.0.1:%d", PortAPI) }

// LonghornURL is where Longhorn's REST API answers, on the host too.
func LonghornURL() string { return fmt.Sprintf("http://%s:%d", LonghornService, PortLonghorn) }
