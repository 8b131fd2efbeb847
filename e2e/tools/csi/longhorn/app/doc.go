// Package app puts the Longhorn driver together: the CSI services on their socket and the registration with the kubelet,
// all in one process for a cluster of one node. Claims and attachments reach it through the CSI project's own sidecars, as
// they reach Longhorn's.
package app
