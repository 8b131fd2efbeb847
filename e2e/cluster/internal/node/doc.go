// Package node describes the daemons of the cluster's nodes, which run on this
// machine itself: containerd, the kubelet, kube-proxy and the CSI drivers; and
// the nodes' network. The second node is switched on and off by scenarios.
package node
