package node

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/template"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/configfile"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/pki"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// Programs are those of the daemons that are built here; containerd is the
// system's.
var Programs = slices.Concat([]string{"kubelet", "kube-proxy"}, DriverPrograms, sidecarPrograms)

// PauseImage is the image of every pod's sandbox.
const PauseImage = "localhost/pause:e2e"

//go:embed containerd.toml
var containerdTemplate string

// Node is a node of one cluster.
type Node struct {
	// Cluster is the layout of the cluster, Layout that of the node's own folders.
	Cluster, Layout layout.Layout
	Place           layout.Place
	// Paths maps the name of each of Programs to its file.
	Paths map[string]string
}

// New returns the node at a place. Paths maps the name of each of Programs to its
// file.
func New(cluster layout.Layout, place layout.Place, paths map[string]string) Node {
	return Node{Cluster: cluster, Layout: cluster.At(place), Place: place, Paths: paths}
}

// Prefix goes before the names of a node's daemons and certificates, which are
// kept with those of the whole cluster.
func Prefix(p layout.Place) string {
	if p == layout.First {
		return ""
	}
	return "second-"
}

// Configure writes the daemons' configuration files.
func (n Node) Configure() error {
	for _, dir := range []string{n.Layout.Kubelet(), n.Layout.Volumes(), n.cniConfigs(), n.Layout.Path("config"), n.Layout.Path("logs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the node's folder: %w", err)
		}
	}
	containerd, err := n.containerdConfig()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		n.config("containerd.toml"): containerd,
		// Pods resolve the cluster's names only: nothing depends on what
		// this machine can resolve.
		n.config("resolv.conf"): nil,
	}
	for path, content := range map[string]any{
		n.config("kubelet.json"):                             n.kubeletConfig(),
		n.config("kube-proxy.json"):                          n.proxyConfig(),
		filepath.Join(n.cniConfigs(), "10-soteria.conflist"): n.cniConfig(),
	} {
		if files[path], err = json.MarshalIndent(content, "", "  "); err != nil {
			return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
		}
	}
	for user, path := range map[string]string{
		Prefix(n.Place) + pki.Node: n.config("kubelet.kubeconfig"), pki.Proxy: n.config("kube-proxy.kubeconfig"),
	} {
		if files[path], err = pki.Kubeconfig(n.Cluster.Path("pki"), user, n.apiURL()); err != nil {
			return err
		}
	}
	for path, data := range files {
		if err := configfile.Write(path, data); err != nil {
			return err
		}
	}
	return nil
}

func (n Node) containerdConfig() ([]byte, error) {
	t, err := template.New("containerd.toml").Parse(containerdTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse containerd's configuration: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]string{
		"Root":   n.Layout.Path("containerd"),
		"State":  n.Layout.ContainerdState(),
		"Socket": n.Layout.Containerd(),
		"Pause":  PauseImage,
		"CNI":    n.cniConfigs(),
		"Runc":   n.Layout.ShortPath("runc"),
	})
	if err != nil {
		return nil, fmt.Errorf("fill in containerd's configuration: %w", err)
	}
	return out.Bytes(), nil
}

func (n Node) kubeletConfig() map[string]any {
	return map[string]any{
		"apiVersion":        "kubelet.config.k8s.io/v1beta1",
		"kind":              "KubeletConfiguration",
		"address":           n.Place.IP.String(),
		"port":              layout.PortKubelet,
		"healthzPort":       layout.PortKubeletHealth,
		"tlsCertFile":       n.Cluster.Path("pki", Prefix(n.Place)+pki.KubeletServer+".crt"),
		"tlsPrivateKeyFile": n.Cluster.Path("pki", Prefix(n.Place)+pki.KubeletServer+".key"),
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": n.Cluster.Path("pki", pki.CA+".crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"clusterDNS":               []string{layout.DNSService.String()},
		"clusterDomain":            layout.DNSDomain,
		"resolvConf":               n.config("resolv.conf"),
		"containerRuntimeEndpoint": "unix://" + n.Layout.Containerd(),
		"cgroupDriver":             "cgroupfs",
		"failCgroupV1":             false,
		"cgroupsPerQOS":            false,
		"enforceNodeAllocatable":   []string{},
		"failSwapOn":               false,
		"oomScoreAdj":              0,
		"serializeImagePulls":      false,
		"makeIPTablesUtilChains":   false,
		"podLogsDir":               n.PodLogs(),
		// A volume is attached, and detached, only once the node's status says so.
		"nodeStatusUpdateFrequency": "1s",
		"volumePluginDir":           n.Layout.Path("volume-plugins"),
		// Images cannot be pulled again, so none is ever removed.
		"imageGCHighThresholdPercent": 100,
		"evictionHard": map[string]string{
			"memory.available":  "50Mi",
			"nodefs.available":  "1%",
			"imagefs.available": "1%",
		},
	}
}

func (n Node) proxyConfig() map[string]any {
	return map[string]any{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "nftables",
		"hostnameOverride":   n.Place.Name,
		"clientConnection":   map[string]any{"kubeconfig": n.config("kube-proxy.kubeconfig")},
		"clusterCIDR":        layout.PodCIDR.String(),
		"healthzBindAddress": fmt.Sprintf("127.0.0.1:%d", layout.PortProxyHealth),
		"metricsBindAddress": fmt.Sprintf("127.0.0.1:%d", layout.PortProxyMetrics),
		// Answers between pods of one bridge would else bypass the host,
		// which must translate their addresses back.
		"nftables": map[string]any{"masqueradeAll": true},
		// The machine's connection tracking stays as it is.
		"conntrack": map[string]any{
			"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
		},
	}
}

func (n Node) cniConfig() map[string]any {
	return map[string]any{
		"cniVersion": "0.4.0",
		"name":       n.Layout.Network(),
		"plugins": []any{map[string]any{
			"type":             "bridge",
			"bridge":           layout.Bridge,
			"isGateway":        true,
			"isDefaultGateway": true,
			"hairpinMode":      true,
			"ipam": map[string]any{
				"type":    "host-local",
				"dataDir": n.Layout.Path("cni", "ipam"),
				"ranges": []any{[]any{map[string]any{
					"subnet": layout.PodCIDR.String(), "gateway": n.Place.IP.String(),
					"rangeStart": n.Place.FirstPod.String(), "rangeEnd": n.Place.LastPod.String(),
				}}},
			},
		}},
	}
}

// Containerd is the container runtime.
func (n Node) Containerd() process.Daemon {
	config := n.config("containerd.toml")
	return n.inNetns(process.Daemon{
		Name: "containerd", Path: "/usr/bin/containerd", Args: []string{"--config", config},
		Configs: []string{config}, Log: n.Layout.Log("containerd"),
	})
}

// Kubelet is the node's agent.
func (n Node) Kubelet() process.Daemon {
	config := n.config("kubelet.json")
	args := []string{
		"--config=" + config,
		"--kubeconfig=" + n.config("kubelet.kubeconfig"),
		"--root-dir=" + n.Layout.Kubelet(),
		"--cert-dir=" + n.Layout.Path("kubelet-pki"),
		"--hostname-override=" + n.Place.Name,
		"--node-ip=" + n.Place.IP.String(),
	}
	if n.Place != layout.First {
		args = append(args, "--register-with-taints="+layout.SecondTaint+"=:NoSchedule")
	}
	return n.inNetns(process.Daemon{
		Name: "kubelet", Path: n.Paths["kubelet"], Args: args,
		Configs: []string{config, n.config("resolv.conf")}, Log: n.Layout.Log("kubelet"),
	})
}

// Proxy makes Services work.
func (n Node) Proxy() process.Daemon {
	config := n.config("kube-proxy.json")
	return n.inNetns(process.Daemon{
		Name: "kube-proxy", Path: n.Paths["kube-proxy"], Args: []string{"--config=" + config},
		Configs: []string{config}, Log: n.Layout.Log("kube-proxy"),
	})
}

// inNetns returns the daemon with the node's prefix, run in the node's network
// namespace. Everything else, the mounts above all, it shares with the machine.
func (n Node) inNetns(d process.Daemon) process.Daemon {
	d.Name = Prefix(n.Place) + d.Name
	if n.Place.Netns != "" {
		d.Args = append([]string{"--net=" + netnsFile(n.Place), "--", d.Path}, d.Args...)
		d.Path = "/usr/bin/nsenter"
	}
	return d
}

// apiURL is where the API server answers on the node.
func (n Node) apiURL() string {
	if n.Place == layout.First {
		return layout.APIURL()
	}
	return fmt.Sprintf("https://%s:%d", layout.NodeIP, layout.PortAPI)
}

// KubeletHealth and ProxyHealth are the URLs that answer when the daemon is
// ready.
var (
	KubeletHealth = fmt.Sprintf("http://127.0.0.1:%d/healthz", layout.PortKubeletHealth)
	ProxyHealth   = fmt.Sprintf("http://127.0.0.1:%d/healthz", layout.PortProxyHealth)
)

// ContainerdReady returns nil if containerd answers.
func (n Node) ContainerdReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return run(ctx, "ctr", "--address", n.Layout.Containerd(), "version")
}

// PodLogs is where the kubelet has containers' output written.
func (n Node) PodLogs() string { return n.Layout.Path("logs", "pods") }

func (n Node) config(name string) string { return n.Layout.Path("config", name) }
func (n Node) cniConfigs() string        { return n.Layout.Path("cni", "net.d") }

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %q: %w: %s", name, args, err, bytes.TrimSpace(out))
	}
	return nil
}
