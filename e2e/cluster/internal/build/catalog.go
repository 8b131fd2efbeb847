package build

import (
	"fmt"
	"strings"
)

// Tool is a Go module below e2e/tools and the programs built from it.
type Tool struct {
	// Name is also the name of the module's folder.
	Name string
	// Programs maps each program's name to the package that it is built from.
	Programs map[string]string
	// LDFlags are added to the linker's.
	LDFlags string
}

// versioned makes the Kubernetes programs say who they are: without it they
// call themselves v0.0.0 and refuse each other.
func versioned(version string) string {
	const pkg = "k8s.io/component-base/version."
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	return fmt.Sprintf("-X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s -X %[1]sgitTreeState=clean",
		pkg, version, major, minor)
}

// KubernetesVersion is the version of e2e/tools/kubernetes.
const KubernetesVersion = "v1.36.3"

// KyvernoVersion is the version of e2e/tools/kyverno.
const KyvernoVersion = "v1.19.1"

// Catalog is every tool there is.
var Catalog = []Tool{
	{
		Name: "kubernetes",
		Programs: map[string]string{
			"kube-apiserver":          "k8s.io/kubernetes/cmd/kube-apiserver",
			"kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
			"kube-scheduler":          "k8s.io/kubernetes/cmd/kube-scheduler",
			"kube-proxy":              "k8s.io/kubernetes/cmd/kube-proxy",
			"kubelet":                 "k8s.io/kubernetes/cmd/kubelet",
			"kubectl":                 "k8s.io/kubernetes/cmd/kubectl",
		},
		LDFlags: versioned(KubernetesVersion),
	},
	{
		Name: "kyverno",
		Programs: map[string]string{
			"kyverno":         "github.com/kyverno/kyverno/cmd/kyverno",
			"kubectl-kyverno": "github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno",
		},
		LDFlags: "-X github.com/kyverno/kyverno/pkg/version.BuildVersion=" + KyvernoVersion,
	},
	{Name: "longhorn", Programs: map[string]string{"longhorn-standin": "./cmd/longhorn-standin"}},
	{
		Name: "csi-sidecars",
		Programs: map[string]string{
			"csi-attacher":    "github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher",
			"csi-provisioner": "github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner",
			"csi-resizer":     "github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer",
		},
	},
	{Name: "versitygw", Programs: map[string]string{"versitygw": "github.com/versity/versitygw/cmd/versitygw"}},
	{Name: "etcd", Programs: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"}},
	{Name: "coredns", Programs: map[string]string{"coredns": "."}},
	{Name: "rest-server", Programs: map[string]string{"rest-server": "github.com/restic/rest-server/cmd/rest-server"}},
	{Name: "restic-0.16", Programs: map[string]string{"restic-0.16": "github.com/restic/restic/cmd/restic"}},
	{Name: "restic", Programs: map[string]string{"restic": "github.com/restic/restic/cmd/restic"}},
	{Name: "kopia", Programs: map[string]string{"kopia": "github.com/kopia/kopia"}},
	{Name: "golangci-lint", Programs: map[string]string{"golangci-lint": "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"}},
	{Name: "pause", Programs: map[string]string{"pause": "."}},
	{Name: "treetool", Programs: map[string]string{"treetool": "."}},
	{Name: "csi", Programs: map[string]string{"csi-local": "./cmd/csi-local", "csi-longhorn": "./cmd/csi-longhorn"}},
}

// Providing returns the tool that a program is built from.
func Providing(program string) (Tool, error) {
	var known []string
	for _, t := range Catalog {
		for name := range t.Programs {
			if name == program {
				return t, nil
			}
			known = append(known, name)
		}
	}
	return Tool{}, fmt.Errorf("no tool builds %q; there are %s", program, sortedList(known))
}
