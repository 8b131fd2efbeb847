// Package app puts the driver together: the store, the CSI services on their socket, the registration with the kubelet
// and the provisioner, all in one process for a cluster of one node.
package app
