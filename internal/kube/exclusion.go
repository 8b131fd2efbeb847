package kube

import "slices"

// infrastructure are the namespaces that Soteria keeps out of, whatever labels
// they carry: what the cluster itself, its storage, network, certificates,
// policies and delivery run on must come up without Soteria. The webhook
// configuration in deploy/ lists the same names, and a test holds the two
// together.
var infrastructure = []string{
	"argocd",
	"calico-system",
	"cert-manager",
	"cilium-system",
	"external-secrets",
	"flux-system",
	"gatekeeper-system",
	"kube-flannel",
	"kube-node-lease",
	"kube-public",
	"kube-system",
	"kyverno",
	"longhorn-system",
	"metallb-system",
	"openebs",
	"rook-ceph",
	"sealed-secrets",
	"tigera-operator",
	"volsync-system",
}

// ExcludedNamespaces gives the namespaces that Soteria keeps out of, sorted:
// the infrastructure and Soteria's own.
func ExcludedNamespaces(own string) []string {
	all := slices.Clone(infrastructure)
	all = append(all, own)
	slices.Sort(all)
	return slices.Compact(all)
}
