package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the files, without .crt and .key. ServiceAccounts has a .pub
// instead of a certificate.
const (
	CA                = "ca"
	EtcdCA            = "etcd-ca"
	EtcdServer        = "etcd-server"
	EtcdClient        = "etcd-client"
	APIServer         = "apiserver"
	KubeletClient     = "apiserver-kubelet-client"
	KubeletServer     = "kubelet-server"
	Node              = "node"
	ControllerManager = "controller-manager"
	Scheduler         = "scheduler"
	Proxy             = "proxy"
	Loopback          = "loopback"
	Admin             = "admin"
	ServiceAccounts   = "service-accounts"
)

// validity is how long certificates hold: far longer than any test cluster.
const validity = 365 * 24 * time.Hour

// NodeConfig says whom the certificates of one node name.
type NodeConfig struct {
	Name string
	IP   net.IP
	// Prefix goes before the names of its files.
	Prefix string
}

// Config says whom the certificates name.
type Config struct {
	// Nodes are the nodes; the API server is on the first.
	Nodes []NodeConfig
	// ServiceIP is the address of the Service kubernetes, ServiceDomain the
	// domain of all Services.
	ServiceIP     net.IP
	ServiceDomain string
}

// Ensure makes dir with all the certificates and keys unless it is there.
func Ensure(dir string, c Config) error {
	_, err := os.Stat(dir)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the certificates: %w", err)
	}
	aside := dir + ".new"
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("remove half-made certificates: %w", err)
	}
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return fmt.Errorf("make the certificates' folder: %w", err)
	}
	if err := makeAll(aside, c); err != nil {
		return err
	}
	if err := os.Rename(aside, dir); err != nil {
		return fmt.Errorf("put the certificates in place: %w", err)
	}
	return nil
}

// leaf is a certificate that signs no other.
type leaf struct {
	by          *authority
	name        string
	user, group string
	ips         []net.IP
	names       []string
}

func makeAll(dir string, c Config) error {
	cluster, err := newAuthority(dir, CA)
	if err != nil {
		return err
	}
	etcd, err := newAuthority(dir, EtcdCA)
	if err != nil {
		return err
	}
	loopback := net.IPv4(127, 0, 0, 1)
	leaves := []leaf{
		{by: etcd, name: EtcdServer, user: "etcd", ips: []net.IP{loopback}},
		{by: etcd, name: EtcdClient, user: "kube-apiserver"},
		{
			by: cluster, name: APIServer, user: "kube-apiserver",
			ips: []net.IP{loopback, c.Nodes[0].IP, c.ServiceIP},
			names: []string{
				"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc." + c.ServiceDomain,
			},
		},
		{by: cluster, name: KubeletClient, user: "kube-apiserver-kubelet-client", group: "system:masters"},
		{by: cluster, name: Loopback, user: "localhost", ips: []net.IP{loopback}, names: []string{"localhost"}},
		{by: cluster, name: ControllerManager, user: "system:kube-controller-manager"},
		{by: cluster, name: Scheduler, user: "system:kube-scheduler"},
		{by: cluster, name: Proxy, user: "system:kube-proxy"},
		{by: cluster, name: Admin, user: "admin", group: "system:masters"},
	}
	for _, n := range c.Nodes {
		leaves = append(leaves,
			leaf{by: cluster, name: n.Prefix + KubeletServer, user: n.Name, ips: []net.IP{loopback, n.IP}, names: []string{n.Name}},
			leaf{by: cluster, name: n.Prefix + Node, user: "system:node:" + n.Name, group: "system:nodes"},
		)
	}
	for _, l := range leaves {
		subject := pkix.Name{CommonName: l.user}
		if l.group != "" {
			subject.Organization = []string{l.group}
		}
		template := &x509.Certificate{
			Subject:     subject,
			IPAddresses: l.ips,
			DNSNames:    l.names,
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		}
		if _, err := l.by.issue(dir, l.name, template); err != nil {
			return err
		}
	}
	return makeSigningKey(dir)
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(dir, name string) (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "soteria-" + name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	return (&authority{}).issue(dir, name, template)
}

// issue makes a key and a certificate for it and writes both. An authority
// without a certificate makes its own.
func (a *authority) issue(dir, name string, template *x509.Certificate) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number of %s: %w", name, err)
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = template.NotBefore.Add(validity)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign certificate %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", name, err)
	}
	if err := writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, writeKey(dir, name, key)
}

// makeSigningKey makes the key pair that service accounts' tokens are signed
// and checked with.
func makeSigningKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key %s: %w", ServiceAccounts, err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode public key %s: %w", ServiceAccounts, err)
	}
	if err := writePEM(filepath.Join(dir, ServiceAccounts+".pub"), "PUBLIC KEY", pub); err != nil {
		return err
	}
	return writeKey(dir, ServiceAccounts, key)
}

func writeKey(dir, name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key %s: %w", name, err)
	}
	return writePEM(filepath.Join(dir, name+".key"), "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
