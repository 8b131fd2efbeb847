// Command demo shows the whole promise on a real Kubernetes: it boots the
// cluster, installs Soteria, loses two apps with their volumes, and gets them
// back from their unchanged manifests; the second one while the backup store is
// down at first. It prints a line and a time per step and leaves the cluster up.
package main
