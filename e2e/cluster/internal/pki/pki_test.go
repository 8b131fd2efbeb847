package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestEnsureMakesCertificatesThatVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	config := Config{Nodes: []NodeConfig{{Name: "n", IP: net.IPv4(10, 0, 0, 1)}, {Name: "m", IP: net.IPv4(10, 0, 0, 2), Prefix: "m-"}}, ServiceIP: net.IPv4(10, 1, 0, 1), ServiceDomain: "test"}
	if err := Ensure(dir, config); err != nil {
		t.Fatal(err)
	}
	verify := func(authority, name, host string) error {
		t.Helper()
		ca, err := os.ReadFile(filepath.Join(dir, authority+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = pair.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		return err
	}
	for _, host := range []string{"127.0.0.1", "10.0.0.1", "10.1.0.1", "kubernetes.default.svc.test"} {
		if err := verify(CA, APIServer, host); err != nil {
			t.Errorf("API server as %s: %v", host, err)
		}
	}
	if err := verify(EtcdCA, EtcdServer, "127.0.0.1"); err != nil {
		t.Error(err)
	}
	if err := verify(EtcdCA, Admin, ""); err == nil {
		t.Error("the administrator's certificate opens etcd")
	}

	before, err := Kubeconfig(dir, Admin, "https://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := Ensure(dir, config); err != nil {
		t.Fatal(err)
	}
	after, err := Kubeconfig(dir, Admin, "https://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) {
		t.Error("a second call made other certificates")
	}
}
