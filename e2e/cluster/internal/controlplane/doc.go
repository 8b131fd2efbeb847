// Package controlplane describes the daemons of the control plane: etcd, the
// API server, the controller manager and the scheduler, each with its
// arguments, its configuration files and the way to see that it is ready.
package controlplane
