// Package app puts the driver together: the store, the CSI services on their socket, the registration with the kubelet
// and the provisioner, all in one process on each node.
package app
