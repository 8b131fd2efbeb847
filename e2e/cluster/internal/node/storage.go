package node

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// DriverPrograms are the storage drivers' own.
var DriverPrograms = []string{"csi-local", "csi-longhorn"}

// sidecarPrograms are those through which claims and attachments reach
// Longhorn's driver. The other driver has its provisioner built in.
var sidecarPrograms = []string{"csi-provisioner", "csi-attacher", "csi-resizer"}

// Driver is a storage driver.
type Driver struct {
	// Name is what the kubelet and storage classes call it.
	Name   string
	Daemon process.Daemon
	// Sidecars end when the driver does.
	Sidecars []Sidecar

	socket string
}

// Sidecar is a program that calls a storage driver.
type Sidecar struct {
	Daemon process.Daemon
	// Health is the URL that answers when it has found the driver.
	Health string
}

// Drivers are the storage drivers. Longhorn's stand-in is on the first node
// alone.
func (n Node) Drivers() []Driver {
	local := Driver{
		Name: layout.CSIDriver, socket: n.socket(layout.CSIDriver),
		Daemon: n.storageDaemon("csi-local",
			"--node-name="+n.Place.Name,
			"--kubelet-dir="+n.Layout.Kubelet(),
			"--data-dir="+n.Layout.Volumes(),
			"--kubeconfig="+n.Cluster.Kubeconfig(),
			"--driver-name="+layout.CSIDriver,
			"--share", fmt.Sprintf("--unplaced=%t", n.Place == layout.First),
		),
	}
	if n.Place != layout.First {
		return []Driver{local}
	}
	longhorn := n.socket(layout.LonghornDriver)
	return []Driver{
		local,
		{
			Name: layout.LonghornDriver, socket: longhorn,
			Daemon: n.storageDaemon("csi-longhorn",
				"--node-name="+n.Place.Name,
				"--kubelet-dir="+n.Layout.Kubelet(),
				"--image-dir="+n.Layout.LonghornImages(),
				"--longhorn-url="+layout.LonghornURL(),
			),
			Sidecars: []Sidecar{
				n.sidecar("csi-provisioner", longhorn, layout.PortProvisioner, "--default-fstype=ext4"),
				n.sidecar("csi-attacher", longhorn, layout.PortAttacher),
				// A volume in use can grow, as with Longhorn's own installation.
				n.sidecar("csi-resizer", longhorn, layout.PortResizer, "--handle-volume-inuse-error=false"),
			},
		},
	}
}

// Answers returns nil if the driver takes connections.
func (d Driver) Answers(ctx context.Context) error {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", d.socket)
	if err != nil {
		return fmt.Errorf("connect to the storage driver: %w", err)
	}
	return conn.Close()
}

// sidecar is one of a driver whose calls may take as long as with Longhorn's
// own installation, and which soon tries again what failed: a test that repairs
// a cause does not wait for long.
func (n Node) sidecar(name, socket string, port int, more ...string) Sidecar {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	return Sidecar{
		Daemon: n.storageDaemon(name, append([]string{
			"--csi-address=" + socket,
			"--kubeconfig=" + n.Cluster.Kubeconfig(),
			"--http-endpoint=" + address,
			"--timeout=110s",
			"--retry-interval-max=15s",
			"--kube-api-qps=100",
			"--kube-api-burst=200",
		}, more...)...),
		Health: "http://" + address + "/metrics",
	}
}

func (n Node) storageDaemon(name string, args ...string) process.Daemon {
	return process.Daemon{Name: Prefix(n.Place) + name, Path: n.Paths[name], Args: args, Log: n.Layout.Log(name)}
}

func (n Node) socket(driver string) string {
	return filepath.Join(n.Layout.Kubelet(), "plugins", driver, "csi.sock")
}
