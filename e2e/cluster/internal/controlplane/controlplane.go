package controlplane

import (
	_ "embed"
	"fmt"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/configfile"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/health"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/pki"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// Programs are those that the daemons run.
var Programs = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// audit.yaml says which requests the API server's audit log holds.
//
//go:embed audit.yaml
var auditPolicy []byte

// Plane is the control plane of one cluster.
type Plane struct {
	Layout layout.Layout
	// Paths maps the name of each of Programs to its file.
	Paths map[string]string
}

// Part is one daemon and the URL that answers when it is ready.
type Part struct {
	Daemon process.Daemon
	Ready  string
	// Client names the certificate, and CA the authority, to ask it with.
	Client, CA string
}

// HealthClient returns the client to ask the part whether it is ready.
func (p Plane) HealthClient(part Part) (*health.Client, error) {
	return health.NewClient(p.crt(part.CA), p.crt(part.Client), p.key(part.Client))
}

// Configure writes the configuration files.
func (p Plane) Configure() error {
	if err := configfile.Write(p.auditPolicy(), auditPolicy); err != nil {
		return err
	}
	for user, file := range map[string]string{
		pki.Admin:             p.Layout.Kubeconfig(),
		pki.ControllerManager: p.kubeconfig(pki.ControllerManager),
		pki.Scheduler:         p.kubeconfig(pki.Scheduler),
	} {
		data, err := pki.Kubeconfig(p.Layout.Path("pki"), user, layout.APIURL())
		if err != nil {
			return err
		}
		if err := configfile.Write(file, data); err != nil {
			return err
		}
	}
	return nil
}

// Parts returns the daemons in the order in which they must be started.
func (p Plane) Parts() []Part {
	return []Part{p.etcd(), p.apiServer(), p.controllerManager(), p.scheduler()}
}

func (p Plane) etcd() Part {
	client := fmt.Sprintf("https://127.0.0.1:%d", layout.PortEtcd)
	peer := fmt.Sprintf("https://127.0.0.1:%d", layout.PortEtcdPeer)
	ca, crt, key := p.crt(pki.EtcdCA), p.crt(pki.EtcdServer), p.key(pki.EtcdServer)
	return Part{
		Daemon: p.daemon("etcd",
			"--name=e2e",
			"--data-dir="+p.Layout.Path("etcd"),
			"--listen-client-urls="+client,
			"--advertise-client-urls="+client,
			"--listen-peer-urls="+peer,
			"--initial-advertise-peer-urls="+peer,
			"--initial-cluster=e2e="+peer,
			"--client-cert-auth", "--trusted-ca-file="+ca, "--cert-file="+crt, "--key-file="+key,
			"--peer-client-cert-auth", "--peer-trusted-ca-file="+ca, "--peer-cert-file="+crt, "--peer-key-file="+key,
			"--log-level=warn",
		),
		Ready: client + "/health", CA: pki.EtcdCA, Client: pki.EtcdClient,
	}
}

func (p Plane) apiServer() Part {
	d := p.daemon("kube-apiserver",
		"--bind-address=0.0.0.0",
		fmt.Sprintf("--secure-port=%d", layout.PortAPI),
		"--advertise-address="+layout.NodeIP.String(),
		"--tls-cert-file="+p.crt(pki.APIServer),
		"--tls-private-key-file="+p.key(pki.APIServer),
		"--client-ca-file="+p.crt(pki.CA),
		fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", layout.PortEtcd),
		"--etcd-cafile="+p.crt(pki.EtcdCA),
		"--etcd-certfile="+p.crt(pki.EtcdClient),
		"--etcd-keyfile="+p.key(pki.EtcdClient),
		"--kubelet-certificate-authority="+p.crt(pki.CA),
		"--kubelet-client-certificate="+p.crt(pki.KubeletClient),
		"--kubelet-client-key="+p.key(pki.KubeletClient),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc."+layout.DNSDomain,
		"--service-account-key-file="+p.Layout.Path("pki", pki.ServiceAccounts+".pub"),
		"--service-account-signing-key-file="+p.key(pki.ServiceAccounts),
		"--service-cluster-ip-range="+layout.ServiceCIDR.String(),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		// Pods of a node that went away are evicted, and hang, so much sooner
		// than after the usual five minutes.
		"--default-not-ready-toleration-seconds=30",
		"--default-unreachable-toleration-seconds=30",
		"--profiling=false",
		"--audit-policy-file="+p.auditPolicy(),
		"--audit-log-path="+p.Layout.Path("audit.log"),
		"--audit-log-maxsize=100",
		"--audit-log-maxbackup=1",
	)
	d.Configs = []string{p.auditPolicy()}
	return Part{Daemon: d, Ready: layout.APIURL() + "/readyz", CA: pki.CA, Client: pki.Admin}
}

func (p Plane) controllerManager() Part {
	return Part{
		Daemon: p.daemon("kube-controller-manager",
			"--kubeconfig="+p.kubeconfig(pki.ControllerManager),
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", layout.PortControllerManager),
			"--tls-cert-file="+p.crt(pki.Loopback),
			"--tls-private-key-file="+p.key(pki.Loopback),
			"--service-account-private-key-file="+p.key(pki.ServiceAccounts),
			"--root-ca-file="+p.crt(pki.CA),
			"--cluster-signing-cert-file="+p.crt(pki.CA),
			"--cluster-signing-key-file="+p.key(pki.CA),
			"--use-service-account-credentials",
			"--leader-elect=false",
			"--profiling=false",
		),
		Ready: fmt.Sprintf("https://127.0.0.1:%d/healthz", layout.PortControllerManager),
		CA:    pki.CA, Client: pki.Admin,
	}
}

func (p Plane) scheduler() Part {
	return Part{
		Daemon: p.daemon("kube-scheduler",
			"--kubeconfig="+p.kubeconfig(pki.Scheduler),
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", layout.PortScheduler),
			"--tls-cert-file="+p.crt(pki.Loopback),
			"--tls-private-key-file="+p.key(pki.Loopback),
			"--leader-elect=false",
			"--profiling=false",
		),
		Ready: fmt.Sprintf("https://127.0.0.1:%d/healthz", layout.PortScheduler),
		CA:    pki.CA, Client: pki.Admin,
	}
}

func (p Plane) daemon(name string, args ...string) process.Daemon {
	return process.Daemon{Name: name, Path: p.Paths[name], Args: args, Log: p.Layout.Log(name)}
}

func (p Plane) crt(name string) string        { return p.Layout.Path("pki", name+".crt") }
func (p Plane) key(name string) string        { return p.Layout.Path("pki", name+".key") }
func (p Plane) kubeconfig(name string) string { return p.Layout.Path("config", name+".kubeconfig") }
func (p Plane) auditPolicy() string           { return p.Layout.Path("config", "audit.yaml") }
