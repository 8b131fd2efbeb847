// Package node describes the daemons of the cluster's only node, which run on
// this machine itself: containerd, the kubelet, kube-proxy and the CSI driver;
// and the node's network.
package node
